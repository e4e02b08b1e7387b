"""Measures the guardrail: what it costs beside redaction and otelcol, and what it tells of labelled texts.

Writes bench/results/guardrail.md.

usage: python -m bench.guardrail [--data DIR] [--rounds 2] [--quick]
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench import command
from bench.redaction import conversation
from bench.report import Case, markdown, setting, write_page
from bench.rig import Rig, directory_on_disk, otel_llm, otelcol
from bench.run import IN_TURN, in_turn
from bench.workloads import WORKLOADS, Generator
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from otel_llm_processors.guardrail import factory as guardrail
from otel_llm_processors.redaction import factory as redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AGAINST_COLLECTOR: Final = (Case("W3", "guardrail", 60), Case("W4", "guardrail", 16))
REQUESTS: Final = {"W3": 10, "W4": 6}
MODEL: Final = {"detectors": {"linear_model": {}}}
MODEL_RULE: Final = "prompt_injection.model"
FRESH: Final = {"content_cache": 0}
ROUNDS: Final = 5


class Spent(NamedTuple):
    """What a chain took for some requests."""

    us_per_span: float
    known: float
    """The share of passages that it remembered."""


def speeds() -> str:
    """Return a table of CPU time in this process: the chain alone, decoding included."""
    chains: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "redaction": [("redaction", {})],
        "guardrail": [("guardrail", FRESH)],
        "guardrail with model": [("guardrail", FRESH | MODEL)],
        "guardrail, redaction": [("guardrail", FRESH), ("redaction", {})],
        "redaction, guardrail": [("redaction", {}), ("guardrail", FRESH)],
    }
    said: dict[str, list[bytes]] = {
        name: [
            request.SerializeToString()
            for _, request in zip(range(count), WORKLOADS[name](Generator(name)), strict=False)
        ]
        for name, count in REQUESTS.items()
    }
    lines = ["| workload | chain | CPU µs/span | to redaction |", "|---|---|--:|--:|"]
    for workload, requests in said.items():
        # In turn, so that what else the machine does meets all alike; the best of each.
        rounds = [{name: spent(steps, requests) for name, steps in chains.items()} for _ in range(ROUNDS)]
        best = {name: min(each[name].us_per_span for each in rounds) for name in chains}
        lines += [
            f"| {workload} | {name} | {each:,.0f} | {each / best['redaction']:.2f} |" for name, each in best.items()
        ]
    turns = [
        make_request({"gen_ai.input.messages": text}) for seed in range(5) for text in conversation(random.Random(seed))
    ]
    for name, config in (("off", FRESH | MODEL), ("on", MODEL)):
        each = min((spent([("guardrail", config)], turns) for _ in range(3)), key=lambda one: one.us_per_span)
        known = f", {each.known:.0%} of passages known" if each.known else ""
        chain = f"guardrail with model, cache {name}{known}"
        lines.append(f"| conversations of 20 turns, sent whole each time | {chain} | {each.us_per_span:,.0f} | |")
    return "\n".join(lines) + "\n"


def spent(steps: Iterable[tuple[str, dict[str, Any]]], requests: Sequence[bytes]) -> Spent:
    """Run a chain over requests that it has not seen."""
    meter = Meter()
    factories = {"guardrail": guardrail, "redaction": redaction}
    chain = Chain([(name, factories[name].build(config, Settings(name, meter))) for name, config in steps], meter=meter)
    chain.run(Batch(make_request({"gen_ai.input.messages": "warm up"})))
    spans = 0
    begun = time.process_time()
    for request in requests:
        batch = Batch(request)
        chain.run(batch)
        spans += batch.item_count
    took = time.process_time() - begun
    hits, misses = (meter.value("guardrail_cache_lookups_total", outcome=each) for each in ("hit", "miss"))
    return Spent(took / spans * 1e6, hits / max(hits + misses, 1))


def quality(directory: Path) -> str:
    """Return what phrases and model tell of, by corpus, and the ids of all cases that they get wrong."""
    config = (
        FRESH | MODEL | {"sensitive": {"categories": []}, "output": {"refusals": False}, "max_value_bytes": 1 << 24}
    )
    chain = Chain([("guardrail", guardrail.build(config))])
    told: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    wrong: dict[str, list[str]] = defaultdict(list)
    for path in sorted(directory.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            case = json.loads(line)
            batch = Batch(make_request({"gen_ai.input.messages": case["text"]}))
            chain.run(batch)
            found = batch.spans[0].get("otel_llm.guardrail.findings")
            rules = [rule for rule in (found if isinstance(found, list) else []) if isinstance(rule, str)]
            by_model = MODEL_RULE in rules
            by_phrase = any(
                rule.startswith(("prompt_injection.", "jailbreak.")) for rule in rules if rule != MODEL_RULE
            )
            told[case["corpus"], case["label"]].append((by_phrase, by_model))
            if case["label"] == "injection" and not (by_phrase or by_model):
                wrong["Missed by both"].append(case["id"])
            if case["label"] == "benign":
                wrong["Told by phrases, though benign"] += [case["id"]] * by_phrase
                wrong["Told by the model, though benign"] += [case["id"]] * by_model
    lines = ["| corpus | is | texts | told by phrases | by the model | by either |", "|---|---|--:|--:|--:|--:|"]
    for (corpus, label), cases in sorted(told.items()):
        counts = [sum(each[0] for each in cases), sum(each[1] for each in cases), sum(map(any, cases))]
        shares = " | ".join(f"{count} ({count / len(cases):.1%})" for count in counts)
        lines.append(f"| {corpus} | {label} | {len(cases)} | {shares} |")
    lines += ["", "Three quarters of these texts were trained on: the model's card has what is held out by itself.", ""]
    for what, ids in wrong.items():
        lines += [f"{what} ({len(ids)}): {', '.join(ids) or 'none'}.", ""]
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line names, and write the page."""
    parser = command.parser("guardrail", __doc__)
    parser.add_argument("--data", type=Path, help="directory of labelled texts; without it only speed is measured")
    parser.add_argument("--rounds", type=int, default=2, help="how often each program has its turn")
    parser.add_argument("--quick", action="store_true", help="no programs, only this process")
    arguments = parser.parse_args()
    peer = otelcol()
    contestants = [otel_llm(), *([peer] if peer else [])]
    parts = [
        f"{setting(contestants)}\n",
        "## Chains\n",
        "Best of some rounds in turn; the cache is off unless said.\n",
        speeds(),
    ]
    if not arguments.quick:
        with directory_on_disk() as directory:
            both = in_turn(Rig(directory), contestants, AGAINST_COLLECTOR, arguments.rounds)
        parts += [
            "## Programs\n",
            f"Guardrail and redaction here, redaction with 12 patterns in otelcol, which has no guardrail. {IN_TURN}\n",
            markdown(both, "otelcol"),
        ]
    if arguments.data:
        parts += ["## Labelled texts\n", quality(arguments.data)]
    write_page("guardrail", "\n".join(parts))


if __name__ == "__main__":
    command.run(main)
