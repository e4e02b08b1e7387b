"""Measures redaction: its speed beside otelcol, and what it finds in labelled texts; writes bench/results/redaction.md.

usage: python -m bench.redaction [--data DIR] [--rounds 2] [--quick]
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import command
from bench.quality import quality
from bench.report import Case, markdown, setting, write_page
from bench.rig import Rig, directory_on_disk, otel_llm, otelcol
from bench.run import IN_TURN, in_turn
from bench.workloads import WORDS
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.detection import bundled_rules
from otel_llm.detection.examples import made_up
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from otel_llm_processors.redaction import factory

if TYPE_CHECKING:
    from collections.abc import Sequence

AGAINST_FORWARDING: Final = (Case("W1", "forward", 1000), Case("W1", "redaction", 1000))
AGAINST_COLLECTOR: Final = (Case("W3", "redaction", 60), Case("W4", "redaction", 16))
TEXTS: Final = 100
TEXT_BYTES: Final = 5000
SPANS: Final = 20
"""In a request."""
TURNS: Final = 20


def prose(source: random.Random) -> str:
    """Return a text of words."""
    return " ".join(source.choice(WORDS) for _ in range(TEXT_BYTES // 5))


def tool_json(source: random.Random) -> str:
    """Return messages with a tool's result, which is JSON in JSON."""
    rows = [{"name": source.choice(WORDS), "count": source.randrange(99), "ok": True} for _ in range(TEXT_BYTES // 70)]
    return json.dumps([{"role": "tool", "parts": [{"type": "tool_call_response", "result": json.dumps(rows)}]}])


def hostile(_: random.Random) -> str:
    """Return a text in which every rule may match."""
    return " ".join(made_up(shape) for rule in bundled_rules() for shape in rule.examples)


def conversation(source: random.Random) -> list[str]:
    """Return the messages of a conversation as they are sent with each turn."""
    said = [{"role": "user", "content": f'"{prose(source)[: source.randrange(200, 2000)]}"\n'} for _ in range(TURNS)]
    return [json.dumps(said[: turn + 1]) for turn in range(TURNS)]


def throughput(texts: Sequence[str], **config: object) -> tuple[float, Meter]:
    """Return megabytes a second of one core, and the metrics, for a text a span."""
    meter = Meter()
    chain = Chain([("redaction", factory.build(config))], meter=meter)
    spans = [{"gen_ai.input.messages": text} for text in texts]
    requests = [make_request(*spans[place : place + SPANS]) for place in range(0, len(spans), SPANS)]
    chain.run(Batch(requests[0]))
    begun = time.process_time()
    for request in requests:
        chain.run(Batch(request))
    return sum(map(len, requests)) / (time.process_time() - begun) / 1e6, meter


def speeds() -> str:
    """Return a table of texts by kind."""
    lines = [f"| text, one a span, {SPANS} spans a request | MB/s |", "|---|--:|"]
    for kind in (prose, tool_json, hostile):
        source = random.Random(kind.__name__)
        texts = [kind(source) for _ in range(TEXTS if kind is not hostile else 10)]
        best = max(throughput(texts)[0] for _ in range(3))
        lines.append(f"| {kind.__name__.replace('_', ' ')}, {len(texts[0]) / 1e3:.0f} kB | {best:.1f} |")
    turns = zip(*(conversation(random.Random(seed)) for seed in range(SPANS)), strict=True)
    calls = [call for turn in turns for call in turn]  # a request has a turn of each: what it repeats has come before
    for name, entries in (("off", 0), ("on", 8192)):
        rate, meter = max((throughput(calls, content_cache=entries) for _ in range(3)), key=lambda each: each[0])
        hits, misses = (meter.value("detection_cache_lookups_total", outcome=each) for each in ("hit", "miss"))
        known = f", {hits / (hits + misses):.0%} of messages known" if entries else ""
        lines.append(
            f"| conversations of {TURNS} turns, sent whole each time; content cache {name}{known} | {rate:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what the command line names, and write the page."""
    parser = command.parser("redaction", __doc__)
    parser.add_argument("--data", type=Path, help="directory of labelled texts; without it only speed is measured")
    parser.add_argument("--rounds", type=int, default=2, help="how often each program has its turn")
    parser.add_argument("--quick", action="store_true", help="no programs, only this process")
    arguments = parser.parse_args()
    peer = otelcol()
    parts = [f"{setting([otel_llm(), *([peer] if peer else [])])}\n", "## Texts\n", speeds()]
    if not arguments.quick:
        with directory_on_disk() as directory:
            rig = Rig(directory)
            plain = in_turn(rig, [otel_llm()], AGAINST_FORWARDING, arguments.rounds)
            both = in_turn(rig, [otel_llm(), *([peer] if peer else [])], AGAINST_COLLECTOR, arguments.rounds)
        parts += ["## Programs\n", f"{IN_TURN}\n", markdown(plain + both, "otelcol")]
    if arguments.data:
        parts += ["## Labelled texts\n", quality(arguments.data)]
    write_page("redaction", "\n".join(parts))


if __name__ == "__main__":
    command.run(main)
