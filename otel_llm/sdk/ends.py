"""Ends of a process at which Python runs no exit handlers, so that what the SDK still holds would be lost."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import util
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["flush_at_ends"]

_PATIENCE_S: Final = 10.0
"""How long the death of a process is put off. A backend that is away must not keep it alive."""


def flush_at_ends() -> None:
    """Flush the global tracer provider when SIGTERM would kill, and when a process of `multiprocessing` is done.

    A program that has a handler for SIGTERM, or sets one later, keeps it: then its exit is one that Python sees.
    """
    util.register_after_fork(trace.get_tracer_provider(), _flush_when_done)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _flush_and_die)


def _flush_when_done(provider: Any) -> None:
    """Add to what a child of `multiprocessing` does before it leaves by `os._exit`."""
    if hasattr(provider, "force_flush"):
        util.Finalize(None, provider.force_flush, exitpriority=0)


def _flush_and_die(number: int, _frame: FrameType | None) -> None:
    """Flush in a thread, for the one that was interrupted may hold locks; then die as if there were no handler."""
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        thread = threading.Thread(target=flush, daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
