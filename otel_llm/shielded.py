"""Work that goes on when whoever waits for it is cancelled, at no cost where nothing has to be waited for."""

from __future__ import annotations

import asyncio
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

__all__ = ["shielded"]

T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Await *work* to its end, as `asyncio.shield` does.

    A task costs about as much as a small request. So the first step is taken without one, in the caller's, as an eager
    task of Python 3.12 would take it: it must not use the task that it runs in, as `asyncio.timeout` does.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return await asyncio.shield(_resumed(work, awaited))


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with *work*, whose first step ended with awaiting *awaited*."""
    with suppress(Exception):  # if it failed, the work is told by what it awaits
        yield awaited
    return (yield from work.__await__())
