"""What stands between receivers, which go on listening, and what takes their requests, which a reload replaces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from otel_llm.component import Consume
    from otel_llm.intake import Intake
    from otel_llm.request import Answer, Request

__all__ = ["Gate"]


class Gate:
    """Lets requests through, or while it is shut, has them wait."""

    def __init__(self) -> None:
        """Make a gate that is shut."""
        self._intakes: Mapping[str, Intake] | None = None
        self._opened = asyncio.Event()

    def door(self, receiver: str) -> Consume:
        """Return what *receiver* is started with. It stays the same, whatever the gate leads to."""

        def consume(request: Request) -> Awaitable[Answer]:
            intakes = self._intakes
            return self._wait(receiver, request) if intakes is None else intakes[receiver].receive(request)

        return consume

    def open(self, intakes: Mapping[str, Intake]) -> None:
        """Let requests, and those that wait, into the intakes of their receivers."""
        self._intakes = intakes
        self._opened.set()

    def shut(self) -> None:
        """Have requests wait. Those that are through stay so."""
        self._intakes = None
        self._opened.clear()

    async def _wait(self, receiver: str, request: Request) -> Answer:
        while (intakes := self._intakes) is None:
            await self._opened.wait()
        return await intakes[receiver].receive(request)
