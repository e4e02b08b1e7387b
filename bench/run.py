"""Measures otel-llm, and otelcol where it is there, in one sitting; writes bench/results/<cases>.md.

usage: python -m bench.run [--rounds 2] [W1 ...]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from bench import command
from bench.process_tree import cpu_seconds, peak_rss_mib
from bench.report import Case, Measurement, markdown, setting, write_page
from bench.rig import Contestant, Rig, directory_on_disk, otel_llm, otelcol

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES: Final = (
    Case("W1", "forward", 2000),
    Case("W2", "cost", 1000),
    Case("W3", "forward", 600),
    Case("W4", "forward", 200),
    Case("W5", "forward", 6000),
    Case("W5", "cost", 6000),
)
DEFAULT: Final = ("W1", "W2", "W5")
WARM_UP: Final = 10
"""Before each measurement a tenth of it is sent."""
SETTLE_S: Final = 1.0
IN_TURN: Final = "Rounds in turn, each with a process of its own. What the columns mean: bench/README.md."


def measure(rig: Rig, contestant: Contestant, case: Case) -> Measurement:
    """Send a workload once through a contestant that was started for it."""
    with rig.sink() as sink, rig.running(contestant, case.task, sink.address) as running:
        warm_up = rig.send(case.workload, running.address, max(8, case.requests // WARM_UP))
        arrived = sink.wait_for(warm_up.spans)
        time.sleep(SETTLE_S)
        before = cpu_seconds(running.pid)
        sent = rig.send(case.workload, running.address, case.requests)
        arrived = sink.wait_for(arrived + sent.spans) - arrived
        cpu_s = cpu_seconds(running.pid) - before
        return Measurement(
            contestant=contestant.name,
            case=case,
            cpu_us_per_span=cpu_s / sent.spans * 1e6,
            p99_ms=sent.p99_ms,
            peak_rss_mib=peak_rss_mib(running.pid),
            spans_per_s=sent.spans / sent.seconds,
            retries=sent.retries,
            lost=sent.spans - arrived,
        )


def in_turn(rig: Rig, contestants: Sequence[Contestant], cases: Sequence[Case], rounds: int) -> list[Measurement]:
    """Measure each case with each contestant in turn, as often as told."""
    measurements = []
    for case in cases:
        for contestant in [*contestants] * rounds:
            measured = measure(rig, contestant, case)
            measurements.append(measured)
            print(f"{case.workload} {case.task} {contestant.name} {measured.cpu_us_per_span:.1f} µs", file=sys.stderr)
    return measurements


def main() -> None:
    """Measure what the command line names, and write the page."""
    parser = command.parser("run", __doc__)
    parser.add_argument("workloads", nargs="*", default=DEFAULT, help="W1 to W5; W1, W2 and W5 unless told")
    parser.add_argument("--rounds", type=int, default=2, help="how often each contestant has its turn")
    arguments = parser.parse_args()
    peer = otelcol()
    contestants = [otel_llm(), otel_llm("disk"), *([peer] if peer else [])]
    cases = [case for case in CASES if case.workload in arguments.workloads]
    with directory_on_disk() as directory:
        measurements = in_turn(Rig(directory), contestants, cases, arguments.rounds)
    page = f"{setting(contestants)}\n{IN_TURN}\n\n{markdown(measurements, 'otelcol')}"
    write_page("-".join(arguments.workloads), page)


if __name__ == "__main__":
    command.run(main)
