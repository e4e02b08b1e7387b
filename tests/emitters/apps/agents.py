"""How an app with an agent runs a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emitters.apps.refusal import expect_refused
from tests.emitters.asked import CITY, WEATHER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["get_weather", "run"]


def get_weather(city: str) -> str:
    """Tell the weather."""
    assert city == CITY
    return WEATHER


async def run(
    scenario: str,
    ask: Callable[[], Awaitable[object]],
    stream: Callable[[], Awaitable[object]],
    *refused: type[Exception],
) -> None:
    """Ask once, or twice where the provider refuses: then one of *refused* must be raised."""
    if scenario != "failing":
        await (stream if scenario.endswith("streamed") else ask)()
        return
    for _ in range(2):
        with expect_refused(*refused):
            await ask()
