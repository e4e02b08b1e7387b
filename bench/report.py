"""What was measured, as a page in Markdown."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import version
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.wire import IS_COMPILED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.rig import Contestant

__all__ = ["PYTHON", "Case", "Measurement", "markdown", "setting", "write_page"]

_BENCH: Final = Path(__file__).resolve().parent
_LIBRARIES: Final = ("grpcio", "protobuf", "uvloop")
PYTHON: Final = f"Python {platform.python_version()}, {'compiled' if IS_COMPILED else 'interpreted'}"
"""Which Python, and whether what every span passes through has been compiled (`make compiled`)."""


class Case(NamedTuple):
    """A workload and what is done with it."""

    workload: str
    task: str
    """`forward`, or `cost`: normalise and price."""
    requests: int


class Measurement(NamedTuple):
    """One round of one contestant."""

    contestant: str
    case: Case
    cpu_us_per_span: float
    """Of the whole process tree, user and system."""
    p99_ms: float
    """Of the answer to a request."""
    peak_rss_mib: float
    spans_per_s: float
    """Answered, by the clock: sender and sink share the machine."""
    retries: int
    lost: int
    """Spans that were answered with OK and did not reach the sink. Less than zero: some came twice."""


def markdown(measurements: Sequence[Measurement], reference: str) -> str:
    """Return a table with a row for each case and contestant; a cell holds every round.

    The ratio is of the medians, to that of the contestant which is called *reference*.
    """
    lines = [
        f"| workload | task | program | CPU µs/span | to {reference} | p99 ms | RSS MiB | spans/s | retries | lost |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case, rounds in groupby(measurements, attrgetter("case")):
        lines += _rows(case, list(rounds), reference)
    return "\n".join(lines) + "\n"


def setting(contestants: Sequence[Contestant]) -> str:
    """Return a sentence that says when, where and of what something was measured."""
    programs = {each.configs: each.version for each in contestants}
    versions = [f"{name} {each}" for name, each in programs.items()] + [
        f"{name} {version(name)}" for name in _LIBRARIES
    ]
    kernel = platform.release().partition("-")[0]
    machine = f"{os.cpu_count()} cores, {platform.system()} {kernel}, {PYTHON}"
    return f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d} on {machine}; {', '.join(versions)}."


def write_page(name: str, page: str) -> None:
    """Write `bench/results/<name>.md`, and print that it is there."""
    path = _BENCH / "results" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(page, encoding="utf-8")
    print(path.relative_to(_BENCH.parent))


def _rows(case: Case, measurements: Sequence[Measurement], reference: str) -> list[str]:
    by_name: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        by_name.setdefault(measurement.contestant, []).append(measurement)
    cost = {name: median(each.cpu_us_per_span for each in rounds) for name, rounds in by_name.items()}
    return [
        f"| {case.workload} | {case.task} | {name} | {_cell(rounds, lambda each: each.cpu_us_per_span, 1)} "
        f"| {f'{cost[name] / cost[reference]:.2f}' if reference in cost else ''} "
        f"| {_cell(rounds, lambda each: each.p99_ms, 1)} | {_cell(rounds, lambda each: each.peak_rss_mib, 0)} "
        f"| {_cell(rounds, lambda each: each.spans_per_s, 0)} | {_cell(rounds, lambda each: each.retries, 0)} "
        f"| {_cell(rounds, lambda each: each.lost, 0)} |"
        for name, rounds in by_name.items()
    ]


def _cell(rounds: Sequence[Measurement], value: Callable[[Measurement], float], digits: int) -> str:
    return " / ".join(f"{value(each):,.{digits}f}" for each in rounds)
