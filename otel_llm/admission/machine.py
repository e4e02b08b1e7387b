"""How much memory there is, how much of it this process has, and how to give some back."""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["give_back", "memory_bytes", "resident_bytes"]

_PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")


def resident_bytes() -> int:
    """Return this process' resident memory; 0 where it cannot be known (not Linux)."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - a kernel file, read often: half the time
            return int(statm.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def memory_bytes(root: Path = Path("/")) -> int:
    """Return the machine's memory, or what this process' control group may take where that is less."""
    return min([os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES, *_control_group_limits(root)])


def give_back() -> None:
    """Free what only cycles hold, and return what is free to the system, which the C library does not do by itself."""
    gc.collect()
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _control_group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of the group and of those around it, in either version of cgroups(7)."""
    try:
        groups = (root / "proc/self/cgroup").read_text("ascii").splitlines()
    except OSError:  # not Linux
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            mount, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            mount, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        inside = Path(path.removeprefix("/"))
        for directory in (inside, *inside.parents):  # in a container only the last of them may be visible
            with suppress(OSError, ValueError):  # "max" is no number
                yield int((mount / directory / name).read_text("ascii"))
