"""Measures what gen_ai_normalizer costs on a span; writes bench/results/normalizer.md.

usage: python -m bench.normalizer [--rounds 200]

One process, CPU time, the best of the rounds. Decoding a request and encoding it again are not counted, indexing a
span's attributes is. Counts, ids and texts differ from span to span.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import random
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from pathlib import Path
from time import process_time
from typing import Final, NamedTuple, TypeAlias

from bench.report import PYTHON
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.testing import make_request
from otel_llm.values import Writable
from otel_llm_processors.gen_ai_normalizer import factory

RESULT: Final = Path(__file__).parent / "results" / "normalizer.md"
SPANS: Final = 20
LONG_KIB: Final = 64
WORDS: Final = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split()

Attributes: TypeAlias = Mapping[str, Writable]


class Case(NamedTuple):
    """One way to write a span."""

    name: str
    scope: str
    spans: tuple[Attributes, ...]


def text(rng: random.Random, size: int) -> str:
    """Return about *size* characters of words."""
    return " ".join(islice(cycle(rng.sample(WORDS, min(len(WORDS), 500))), size // 5))[:size]


def current(rng: random.Random) -> Attributes:
    """Return a model call in the newest names, without content: 17 attributes."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{rng.getrandbits(64):x}",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.usage.input_tokens": rng.randrange(2000, 9000),
        "gen_ai.usage.output_tokens": rng.randrange(10, 900),
        "gen_ai.usage.cache_read.input_tokens": rng.randrange(2000),
        "gen_ai.conversation.id": f"c-{rng.getrandbits(32):x}",
        "server.address": "api.openai.com",
        "server.port": 443,
        "user.id": f"u-{rng.randrange(1000)}",
        "http.route": "/support",
        "deployment.environment.name": "prod",
    }


def openinference(rng: random.Random, size: int = 100) -> Attributes:
    """Return a model call as OpenInference writes it: 20 attributes, each of two messages with *size* characters."""
    prompt, completion = rng.randrange(2000, 9000), rng.randrange(10, 900)
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0.7, "max_tokens": 1024}',
        "llm.token_count.prompt": prompt,
        "llm.token_count.completion": completion,
        "llm.token_count.total": prompt + completion,
        "llm.token_count.prompt_details.cache_read": rng.randrange(2000),
        "llm.token_count.completion_details.reasoning": rng.randrange(10),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": text(rng, size),
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": text(rng, size),
        "input.value": "{}",
        "input.mime_type": "application/json",
        "output.value": "{}",
        "output.mime_type": "application/json",
        "session.id": f"s-{rng.getrandbits(32):x}",
        "user.id": f"u-{rng.randrange(1000)}",
    }


def openllmetry(rng: random.Random, size: int = 100) -> Attributes:
    """Return a model call as OpenLLMetry wrote it: 20 attributes, each of two messages with *size* characters."""
    prompt, completion = rng.randrange(2000, 9000), rng.randrange(10, 900)
    return {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{rng.getrandbits(64):x}",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 1024,
        "llm.is_streaming": False,
        "llm.headers": "None",
        "gen_ai.usage.prompt_tokens": prompt,
        "gen_ai.usage.completion_tokens": completion,
        "llm.usage.total_tokens": prompt + completion,
        "gen_ai.usage.cache_read_input_tokens": rng.randrange(2000),
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": text(rng, size),
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": text(rng, size),
        "gen_ai.completion.0.finish_reason": "stop",
        "traceloop.association.properties.session_id": f"s-{rng.getrandbits(32):x}",
        "traceloop.workflow.name": "support",
    }


def blob(rng: random.Random, size: int = 100) -> Attributes:
    """Return a model call with its prompt and its completion as JSON, each with *size* characters."""
    return {
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.prompt": f'[{{"role": "user", "content": "{text(rng, size)}"}}]',
        "gen_ai.completion": f'[{{"role": "assistant", "content": "{text(rng, size)}"}}]',
    }


def us_per_span(case: Case, rounds: int) -> float:
    """Return CPU microseconds, the best of the rounds."""
    raw = make_request(*case.spans, scope=case.scope)
    chain = Chain([("gen_ai_normalizer", factory.build())])
    best = float("inf")
    for _ in range(rounds):
        batch = Batch(raw)
        _ = batch.spans
        started = process_time()
        chain.run(batch)
        best = min(best, process_time() - started)
    return best / len(case.spans) * 1e6


def us_per_kib(name: str, write: Callable[[random.Random, int], Attributes], rounds: int) -> float:
    """Return what two long messages cost more than two short ones.

    The first run counts for nothing: until long texts have been given back once, the allocator asks the system for the
    memory of each.
    """
    rng = random.Random(5)
    small, large = (
        Case(name, "test", tuple(write(rng, size) for _ in range(SPANS // 4))) for size in (100, LONG_KIB * 1024 + 100)
    )
    us_per_span(large, rounds // 4)
    return (us_per_span(large, rounds) - us_per_span(small, rounds)) / 2 / LONG_KIB


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.normalizer", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="of which the best counts")
    rounds = parser.parse_args().rounds
    rng = random.Random(5)
    lines = [
        f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d} on {_cpu()}, {os.cpu_count()} cores, {PYTHON}.",
        f"CPU time of a single process, the best of {rounds} rounds.",
        "",
        "| a span in | attributes | CPU µs/span | bound |",
        "|---|--:|--:|--:|",
    ]
    for name, scope, write, bound in (
        ("current names", "test", current, 20),
        ("OpenInference", "openinference.instrumentation.openai", openinference, 40),
        ("OpenLLMetry", "opentelemetry.instrumentation.openai", openllmetry, 40),
    ):
        case = Case(name, scope, tuple(write(rng) for _ in range(SPANS)))
        lines.append(f"| {name} | {len(case.spans[0])} | {us_per_span(case, rounds):.1f} | {bound} |")
    lines += ["", f"| messages of {LONG_KIB} KiB rebuilt from | CPU µs/KiB | bound |", "|---|--:|--:|"]
    for name, rebuild in (("OpenInference's keys", openinference), ("OpenLLMetry's keys", openllmetry), ("JSON", blob)):
        lines.append(f"| {name} | {us_per_kib(name, rebuild, rounds):.2f} | 1 |")
    report = "\n".join(lines) + "\n"
    RESULT.write_text(report, encoding="utf-8")
    print(report)


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
