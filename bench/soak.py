"""Sends at a fixed rate for a long time and says how memory grows: exit 1 where it grows, or spans are lost.

usage: python -m bench.soak [--minutes 60] [--rate 10] [--workload W2] [--task cost] [--max-slope 10]
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from statistics import linear_regression, median
from typing import Final, NamedTuple

from bench import command
from bench.process_tree import rss_mib
from bench.report import setting, write_page
from bench.rig import Rig, Sent, otel_llm

EVERY_S: Final = 5.0
WARM_UP_SHARE: Final = 1 / 3
"""Of the samples the first are left out: the allocators' pools fill for the first quarter of an hour."""
ROWS: Final = 12
"""Of the table."""
SECONDS_PER_HOUR: Final = 3600.0


class Sample(NamedTuple):
    """Resident memory of the process tree at a time."""

    at_s: float
    mib: float


def slope_mib_per_hour(samples: list[Sample]) -> float:
    """Return the slope of the least-squares line through the samples after the warm-up."""
    settled = samples[int(len(samples) * WARM_UP_SHARE) :]
    return linear_regression([each.at_s for each in settled], [each.mib for each in settled]).slope * SECONDS_PER_HOUR


def table(samples: list[Sample]) -> str:
    """Return the median memory of each twelfth of the time."""
    length = samples[-1].at_s / ROWS
    rows = [[each.mib for each in samples if int(each.at_s / length) == row] for row in range(ROWS)]
    told = [f"| {row * length / 60:.0f} | {median(row_of):.1f} |" for row, row_of in enumerate(rows) if row_of]
    return "\n".join(["| from minute | MiB |", "|---:|---:|", *told, ""])


def soak(rig: Rig, workload: str, task: str, rate: float, seconds: float) -> tuple[list[Sample], Sent, int]:
    """Return the samples, what was sent, and how many spans were lost."""
    sent: list[Sent] = []
    samples: list[Sample] = []
    with rig.sink() as sink, rig.running(otel_llm(), task, sink.address) as running:

        def send() -> None:
            sent.append(rig.send(workload, running.address, int(rate * seconds), rate))

        sender = threading.Thread(target=send)
        sender.start()
        began = time.monotonic()
        while sender.is_alive():
            samples.append(Sample(time.monotonic() - began, rss_mib(running.pid)))
            sender.join(EVERY_S)
        return samples, sent[0], sent[0].spans - sink.wait_for(sent[0].spans)


def main() -> int:
    """Soak, and print the findings."""
    parser = command.parser("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=10, help="requests a second")
    parser.add_argument("--workload", default="W2", help="W1 to W5")
    parser.add_argument("--task", default="cost", help="forward or cost")
    parser.add_argument("--max-slope", type=float, default=1, help="MiB an hour that memory may grow")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        samples, sent, lost = soak(
            Rig(Path(directory)), arguments.workload, arguments.task, arguments.rate, arguments.minutes * 60
        )
    slope = slope_mib_per_hour(samples)
    report = (
        f"# Memory under steady load\n\n{setting([otel_llm()])}\n"
        f"{arguments.workload} {arguments.task} at {arguments.rate:g} requests a second.\n\n"
        f"{sent.spans} spans in {sent.seconds:.0f} s, {lost} lost, {sent.retries} retries, p99 {sent.p99_ms:.1f} ms.\n"
        f"RSS {samples[0].mib:.0f} to {samples[-1].mib:.0f} MiB, slope {slope:+.2f} MiB/h after the first third.\n\n"
        f"{table(samples)}"
    )
    print(report)
    write_page("soak", report)
    return int(slope > arguments.max_slope or lost != 0 or sent.failed != 0)


if __name__ == "__main__":
    command.run(main)
