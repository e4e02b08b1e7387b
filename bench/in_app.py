"""Measures what exporting through the processors costs an app; writes bench/results/in_app.md.

usage: python -m bench.in_app [--rounds 3] [--spans 4000]

An app starts and ends spans of model calls, 400 a second, and does nothing else. The exporter behind encodes them as
the SDK's OTLP exporters do and sends nothing. Each round is a process of its own: without otel-llm, with its default
chain, and with redaction behind that, in turn.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from bench import command
from bench.process_tree import peak_rss_mib
from bench.report import setting, write_page
from bench.rig import BENCH, otel_llm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

WORDS: Final = (BENCH / "words.txt").read_text().split()
PER_SECOND: Final = 400
PLAIN: Final = "plain"
CHAINS: Final = {"otel_llm": ("gen_ai_normalizer", "cost"), "+ redaction": ("gen_ai_normalizer", "cost", "redaction")}
CONTENT_WORDS: Final = {"no content": 0, "6 KB of content": 900}


class Round(NamedTuple):
    """One process."""

    variant: str
    content: str
    cpu_us_per_span: float
    end_p50_us: float
    end_p99_us: float
    peak_rss_mib: float


class Encode(SpanExporter):
    """Does what an OTLP exporter does before it sends."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def measure(variant: str, content: str, spans: int) -> Round:
    """Run the app in this process."""
    exporter: SpanExporter = Encode()
    if variant != PLAIN:
        from otel_llm.sdk import wrap

        exporter = wrap(exporter)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("bench")
    attributes = _attributes(CONTENT_WORDS[content])
    tracer.start_span("chat", attributes=attributes).end()
    provider.force_flush()  # what is heavy is imported and made now
    took = []
    cpu_s = time.process_time()
    began = time.perf_counter()
    for number in range(spans):
        span = tracer.start_span("chat", attributes=attributes)
        before = time.perf_counter()
        span.end()
        took.append(time.perf_counter() - before)
        time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
    provider.force_flush()
    cpu_s = time.process_time() - cpu_s
    percentiles = quantiles(took, n=100)
    peak = peak_rss_mib(os.getpid())
    provider.shutdown()
    return Round(variant, content, cpu_s / spans * 1e6, percentiles[49] * 1e6, percentiles[98] * 1e6, peak)


def _attributes(words: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 100,
        "server.address": "api.openai.com",
    }
    if words:
        text = " ".join(random.Random(1).choices(WORDS, k=words))
        message = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
        attributes["gen_ai.input.messages"] = json.dumps(message)
    return attributes


def _rounds(spans: int, rounds: int) -> list[Round]:
    measured = []
    with tempfile.TemporaryDirectory() as directory:
        environments = {PLAIN: dict(os.environ)}
        for number, (variant, chain) in enumerate(CHAINS.items()):
            path = Path(directory, f"{number}.yaml")
            pipelines = {"traces": {"processors": chain}}
            path.write_text(json.dumps({"processors": dict.fromkeys(chain), "service": {"pipelines": pipelines}}))
            environments[variant] = os.environ | {"OTEL_LLM_CONFIG": str(path)}
        for content in CONTENT_WORDS:
            for variant, environment in [*environments.items()] * rounds:
                command = [sys.executable, "-m", "bench.in_app", "--spans", str(spans), "--one", variant, content]
                measured.append(Round(*json.loads(subprocess.check_output(command, text=True, env=environment))))
    return measured


def _page(measured: Sequence[Round]) -> str:
    lines = [
        "| span | exporter | CPU µs/span | span.end() median µs | p99 µs | peak RSS MiB | CPU added µs/span |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for content in CONTENT_WORDS:
        plain = 0.0
        for variant in (PLAIN, *CHAINS):
            found = [each for each in measured if (each.variant, each.content) == (variant, content)]
            columns = [[each[column] for each in found] for column in range(2, len(Round._fields))]
            cells = " | ".join(" / ".join(f"{value:.0f}" for value in column) for column in columns)
            cpu_us = median(each.cpu_us_per_span for each in found)
            plain = plain or cpu_us
            lines.append(f"| {content} | {variant} | {cells} | {cpu_us - plain:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the page."""
    parser = command.parser("in_app", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--spans", type=int, default=4000, help="how many spans an app ends")
    parser.add_argument("--one", nargs=2, metavar=("VARIANT", "CONTENT"), help="measure one round in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one, options.spans)))
        return
    page = [
        setting([otel_llm()]),
        f"{PER_SECOND} spans a second, the SDK's batch processor as it comes; `otel_llm` normalises and prices.",
        "",
        _page(_rounds(options.spans, options.rounds)),
    ]
    write_page("in_app", "\n".join(page) + "\n")


if __name__ == "__main__":
    command.run(main)
