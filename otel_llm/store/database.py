"""Where transactions run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Database"]

T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class Database(Protocol[T_co]):
    """Runs functions in transactions, off the event loop. What they are given is the driver's connection."""

    async def start(self) -> None:
        """Open it, and bring its schema up to date.

        Raises:
            StartError: it cannot be opened, or a newer version of the program has written it.
        """
        ...

    async def run(self, work: Callable[[T_co], R], *, durable: bool = False) -> R:
        """Return what *work* returns, of a transaction that took effect; nothing of it does if it raises.

        *work* may be called again, where transactions that ran beside it came in between.

        Args:
            work: Called with the transaction, in a thread of the database's.
            durable: Return when the transaction survives a loss of power, and not only the end of the process.

        Raises:
            Retryable: the database cannot be reached, or is too busy.
            Permanent: it does not take this.
        """
        ...

    async def read(self, work: Callable[[T_co], R]) -> R:
        """Do the same with a transaction that only reads, which holds up no other."""
        ...

    async def shutdown(self) -> None:
        """Close it. Safe to call twice, and without `start`."""
        ...
