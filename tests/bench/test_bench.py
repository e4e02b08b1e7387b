"""The rig of the benchmarks measures what it says."""

from __future__ import annotations

import os
import shutil
import struct
from typing import TYPE_CHECKING

import pytest

from bench import workloads
from bench.process_tree import cpu_seconds, peak_rss_mib, rss_mib
from bench.report import Case, Measurement, markdown
from bench.rig import Rig
from bench.soak import Sample, slope_mib_per_hour
from tests.e2e.program import missing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_workload_is_the_same_every_time(tmp_path: Path) -> None:
    """Runs of different days send the same bytes."""
    for name in ("first", "second"):
        workloads.write("W5", tmp_path / name)

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize(("name", "spans"), [("W1", 6400), ("W2", 6400), ("W3", 3200), ("W4", 192), ("W5", 860)])
def test_frames_count_the_spans_that_bear_the_mark(name: str, spans: int, tmp_path: Path) -> None:
    """The number in a frame's head is how often the sink will find the mark."""
    workloads.write(name, tmp_path / name)

    counted = 0
    rest = (tmp_path / name).read_bytes()
    while rest:
        length, announced = struct.unpack_from(">II", rest)
        assert announced == rest[8 : 8 + length].count(workloads.MARK)
        counted += announced
        rest = rest[8 + length :]
    assert spans == counted


@pytest.mark.backend
def test_what_is_sent_is_counted_at_both_ends(tmp_path: Path) -> None:
    """Without a contestant between them, sender and sink agree to the span."""
    if shutil.which("go") is None:
        missing("Go is not installed: bench/load was not built")
    rig = Rig(tmp_path)

    with rig.sink() as sink:
        sent = rig.send("W5", sink.address, 300)

        assert (300, 0, 0) == (sent.requests, sent.retries, sent.failed)
        assert sent.spans == sink.wait_for(sent.spans)


def test_a_process_uses_time_and_memory() -> None:
    """CPU time only grows; the high-water mark is not below the present."""
    before = cpu_seconds(os.getpid())
    sum(range(3_000_000))

    assert before < cpu_seconds(os.getpid())
    assert 1 < rss_mib(os.getpid()) <= peak_rss_mib(os.getpid())


def test_a_slope_leaves_out_the_warm_up() -> None:
    """Memory that rises at first and then by 1 MiB a minute grows by 60 MiB an hour."""
    warm_up = [Sample(at_s, 50 + 10 * at_s) for at_s in range(2)]
    steady = [Sample(at_s, 100 + at_s / 60) for at_s in range(2, 10)]

    assert 60 == pytest.approx(slope_mib_per_hour(warm_up + steady))


def test_a_ratio_is_of_the_medians() -> None:
    """Rounds of one contestant share a row; one that was disturbed does not count."""
    case = Case("W1", "forward", 100)
    rounds = [(name, cost) for costs in (6.0, 7.0, 99.0) for name, cost in (("otel-llm", costs), ("otelcol", 5.0))]
    measurements = [Measurement(name, case, cost, 1.5, 80.0, 70_000.0, 0, 0) for name, cost in rounds]

    page = markdown(measurements, "otelcol")

    assert "| W1 | forward | otel-llm | 6.0 / 7.0 / 99.0 | 1.40 |" in page
    assert "| W1 | forward | otelcol | 5.0 / 5.0 / 5.0 | 1.00 |" in page
