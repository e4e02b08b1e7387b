"""What a journal on disk can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_CAPACITY_BYTES", "DiskOptions"]

_MIB: Final = 1024 * 1024
DEFAULT_CAPACITY_BYTES: Final = 4096 * _MIB


@dataclass(frozen=True, slots=True)
class DiskOptions:
    """Limits. Those that no config names are here for tests and measurements."""

    capacity_bytes: int = DEFAULT_CAPACITY_BYTES
    fsync_interval_s: float | None = None
    """Sync that often, and acknowledge what is only written. None: sync first."""
    max_age_s: float = 0.0
    """Give up what has waited longer. 0: nothing."""
    min_free_bytes: int | None = None
    """Leave so much free in the file system. None: the smaller of 5 % of it and 64 MiB."""
    segment_bytes: int = 64 * _MIB
    """Begin a new file at this size. At most an eighth of the capacity: room comes back file by file."""
    recent_bytes: int = 16 * _MIB
    """Payload kept in memory for each destination that keeps up. What does not fit is read back from the file."""
    linger_s: float = 0.005
    """How long after a sync the next one begins at the earliest, for the appends that come meanwhile."""
    group_bytes: int = _MIB
    """Appends of so much wait for no others."""
    tidy_every_s: float = 0.2
    """How often cursors are stored, and files deleted that nobody needs."""
    sealed: bool = False
    """Nothing is appended any more: a cursor that has read everything returns nothing, in place of waiting."""

    @property
    def segment_limit(self) -> int:
        """`segment_bytes`, at most an eighth of the capacity."""
        return min(self.segment_bytes, self.capacity_bytes // 8)

    def reserve_bytes(self, total: int) -> int:
        """Return what is left free in a file system of *total* bytes."""
        return min(total // 20, 64 * _MIB) if self.min_free_bytes is None else self.min_free_bytes
