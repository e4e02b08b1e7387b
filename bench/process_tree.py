"""What a process and all its children have used, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cpu_seconds", "peak_rss_mib", "rss_mib"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return user and system time of the tree under *pid*, to 10 ms; that of children that have ended included."""
    return sum(sum(map(int, _stat(each)[11:15])) for each in _tree(pid)) / _TICKS


def rss_mib(pid: int) -> float:
    """Return the resident memory of the tree now. What processes share is counted for each."""
    return _memory_mib(pid, "VmRSS:")


def peak_rss_mib(pid: int) -> float:
    """Return the sum of the processes' highest resident memory."""
    return _memory_mib(pid, "VmHWM:")


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from `state` on: the name before it may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _memory_mib(pid: int, key: str) -> float:
    lines = (line.split() for each in _tree(pid) for line in Path(f"/proc/{each}/status").read_text().splitlines())
    return sum(int(fields[1]) for fields in lines if fields[0] == key) / 1024
