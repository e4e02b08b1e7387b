"""Tells systemd how the program is: sd_notify(3), which is a datagram to a socket that the environment names.

Without that variable, which is to say without systemd, nothing is sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["keep_alive", "notify", "reloading"]

_PATIENCE_S: Final = 1.0


def notify(*states: str) -> None:
    """Send states such as `READY=1`. That systemd cannot be reached is no reason to stop working."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(_PATIENCE_S)
        # An @ stands for the NUL of Linux' abstract namespace.
        sender.sendto("\n".join(states).encode(), f"\0{address[1:]}" if address.startswith("@") else address)


@contextmanager
def reloading() -> Iterator[None]:
    """Say so for as long as it lasts. The time tells systemd which of its own requests this is the answer to."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        notify("READY=1")


async def keep_alive() -> None:
    """Show, twice in the time that systemd allows, that the event loop goes round; until cancelled.

    Ends at once where nobody asks for it.
    """
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    with suppress(ValueError):
        interval_s = int(os.environ.get("WATCHDOG_USEC", "")) / 2e6
        while True:
            notify("WATCHDOG=1")
            await asyncio.sleep(interval_s)
