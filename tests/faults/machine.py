"""The disk and the clock that a process finds, failing on command, by what Python imports before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Machine"]


class Machine:
    """What it does to system calls holds for the process that `command` runs, from then until it is taken back."""

    def __init__(self, directory: Path) -> None:
        """Take a directory for this alone."""
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(_SOURCE)
        self._directory = directory
        self.command = ("sh", "-c", f'PYTHONPATH="{directory}:$PYTHONPATH" exec "$@"', "sh")
        """Runs the command that follows it."""

    def fail(self, call: str, error: str) -> None:
        """Let a system call of the journal fail with such an error, such as `fdatasync` with `EIO`."""
        self._write(call, error)

    def heal(self, call: str) -> None:
        """Let it work again."""
        (self._directory / call).unlink()

    def set_clock(self, ahead_s: float) -> None:
        """Let the wall clock jump."""
        self._write("clock", str(ahead_s))

    def _write(self, name: str, content: str) -> None:
        whole = self._directory / "new"
        whole.write_text(content)
        whole.replace(self._directory / name)


_SOURCE: Final = """
import errno
import os
import time
from pathlib import Path

here = Path(__file__).parent


def told(name):
    try:
        return (here / name).read_text()
    except FileNotFoundError:
        return ""


def failing(name):
    call = getattr(os, name)

    def do(*arguments):
        error = told(name)
        if error:
            raise OSError(getattr(errno, error), error)
        return call(*arguments)

    return do


for name in ("fdatasync", "fsync", "pwrite"):
    setattr(os, name, failing(name))

clock = time.time
time.time = lambda: clock() + float(told("clock") or 0)
"""
