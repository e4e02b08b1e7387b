"""The memory limiter, on a machine whose memory is what a test says."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from otel_llm.admission import MemoryConfig, machine, memory
from otel_llm.admission.memory import MemoryLimiter
from otel_llm.errors import Retryable, TooLarge
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1024 * 1024


class Machine:
    """A gibibyte of memory, of which this process has a tenth."""

    def __init__(self) -> None:
        self.resident_mib = 100
        self.looks = 0
        self.held_by_cycles_mib = 0
        self.now = 1000.0

    def resident_bytes(self) -> int:
        self.looks += 1
        return self.resident_mib * MIB

    def give_back(self) -> None:
        self.resident_mib -= self.held_by_cycles_mib
        self.held_by_cycles_mib = 0


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return the machine that limiters find themselves on."""
    made = Machine()
    monkeypatch.setattr(machine, "memory_bytes", lambda: 1024 * MIB)
    monkeypatch.setattr(machine, "resident_bytes", made.resident_bytes)
    monkeypatch.setattr(machine, "give_back", made.give_back)
    monkeypatch.setattr(memory.time, "monotonic", lambda: made.now)  # type: ignore[attr-defined]  # the module's clock
    return made


def refused(check: Callable[[], Any]) -> bool:
    """Tell whether a request would have been sent away for now."""
    try:
        check()
    except Retryable:
        return True
    return False


class TestLimits:
    @pytest.mark.parametrize(
        ("raw", "hard_mib", "soft_mib"),
        [
            ({}, 819.2, 655.36),
            ({"limit_mib": 500}, 500, 400),
            ({"limit_mib": 500, "spike_limit_mib": 200, "limit_percentage": 10}, 500, 300),
            ({"limit_percentage": 75, "spike_limit_percentage": 25}, 768, 512),
        ],
    )
    def test_are_absolute_or_shares_of_what_there_is(
        self, here: Machine, raw: dict[str, int], hard_mib: float, soft_mib: float
    ) -> None:
        """As in the Collector: MiB if given, percent otherwise; a fifth is kept free unless it says how much."""
        limiter = MemoryLimiter(MemoryConfig.model_validate(raw), Meter())

        assert 100 == here.resident_mib
        assert (hard_mib, soft_mib) == pytest.approx((limiter.hard_bytes / MIB, limiter.soft_bytes / MIB))

    @pytest.mark.parametrize(
        "raw",
        [
            {"limit_mib": 100, "spike_limit_mib": 100},
            {"limit_percentage": 50, "spike_limit_percentage": 50},
            {"limit_percentage": 101},
            {"limit_percentage": 0},
            {"max_items_per_request": 0},
        ],
    )
    def test_that_leave_nothing_are_refused(self, raw: dict[str, int]) -> None:
        """A config that would refuse every request does not start."""
        with pytest.raises(ValidationError):
            MemoryConfig.model_validate(raw)

    @pytest.mark.parametrize(
        ("files", "expected_mib"),
        [
            ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, None),
            ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": f"{3 * MIB}\n"}, 3),
            ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{5 * MIB}\n"}, 5),
            (
                {
                    "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/of/the/host\n",
                    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{7 * MIB}\n",
                },
                7,
            ),
            ({}, None),
        ],
    )
    def test_control_groups_count(self, tmp_path: Path, files: dict[str, str], expected_mib: int | None) -> None:
        """What there is is the least of the machine's memory and that of its control groups, of either version."""
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        found = machine.memory_bytes(tmp_path)

        assert (
            machine.memory_bytes(tmp_path / "no such place") if expected_mib is None else expected_mib * MIB
        ) == found


class TestSoftLimit:
    def test_over_it_nothing_is_taken(self, here: Machine, caplog: pytest.LogCaptureFixture) -> None:
        """Requests are sent away until memory has been freed; the log has a line for each change, not for each one."""
        meter = Meter()
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), meter)
        outcomes = []
        with caplog.at_level(logging.INFO):
            for here.resident_mib in (100, 401, 402, 100, 100):
                here.now += 1
                outcomes.append(refused(limiter.check))

        assert [False, True, True, False, False] == outcomes
        assert 2 == meter.value("memory_limiter_refused_requests_total", limit="soft")
        assert ["memory is short: 401 MiB of 500; refusing requests", "memory is no longer short: 100 MiB"] == [
            record.getMessage() for record in caplog.records
        ]

    def test_is_looked_at_once_a_second(self, here: Machine) -> None:
        """However many requests come."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), Meter())
        for _ in range(100):
            limiter.check()
            here.now += 0.02

        assert 2 == here.looks

    def test_what_can_be_freed_is_freed_first(self, here: Machine) -> None:
        """Garbage in cycles, and free memory that the C library keeps, is no reason to refuse."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), Meter())
        here.resident_mib, here.held_by_cycles_mib = 450, 200

        assert not refused(limiter.check)

    def test_freeing_is_rare_under_the_hard_limit(self, here: Machine) -> None:
        """It takes long: every ten seconds is enough, until there is nothing else left to do."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), Meter())
        here.resident_mib = 450
        assert refused(limiter.check)
        here.held_by_cycles_mib = 200
        here.now += 5
        assert refused(limiter.check)
        here.now += 6

        assert not refused(limiter.check)


class TestReserve:
    def test_what_is_reserved_is_not_there_for_others(self, here: Machine) -> None:
        """Room is what is neither resident nor reserved."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), meter := Meter())
        here.resident_mib = 150
        with limiter.reserve(300 * MIB):
            assert 50 * MIB == limiter.room_bytes
            assert 300 * MIB == meter.value("memory_limiter_reserved_bytes")
            with pytest.raises(Retryable), limiter.reserve(50 * MIB + 1):
                pass

        assert 350 * MIB == limiter.room_bytes
        assert 1 == meter.value("memory_limiter_refused_requests_total", limit="hard")

    def test_it_is_free_again_however_the_work_ends(self, here: Machine) -> None:
        """A bug keeps nothing reserved."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), Meter())
        here.resident_mib = 150
        with suppress(ZeroDivisionError), limiter.reserve(300 * MIB):
            _ = 1 // 0

        assert 350 * MIB == limiter.room_bytes

    @pytest.mark.usefixtures("here")
    def test_what_can_never_fit_is_refused_for_good(self) -> None:
        """Sent again it would not fit either; in two halves it may."""
        limiter = MemoryLimiter(MemoryConfig(limit_mib=500), Meter())

        with pytest.raises(TooLarge), limiter.reserve(500 * MIB + 1):
            pass


def test_resident_memory_is_this_process_own() -> None:
    """It grows with what is allocated, and shrinks when that is given back."""
    before = machine.resident_bytes()
    held = bytearray(50 * MIB)
    with_it = machine.resident_bytes()
    del held
    machine.give_back()

    assert 50 * MIB <= with_it - before
    assert machine.resident_bytes() <= with_it - 40 * MIB
