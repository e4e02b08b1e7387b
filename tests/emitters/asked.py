"""What every app asks, whichever instrumentation it runs under: the apps and the tests agree on it here.

Imports nothing that is not in Python itself: the apps run in environments of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CITY", "EMBEDDED", "QUESTION", "SCENARIOS", "SYSTEM", "TOOL", "WEATHER"]

SCENARIOS: Final = ("plain", "streamed", "tools", "cached", "cached_streamed", "failing", "embedded")
"""`failing` makes two calls, that are both refused; `tools` two, the second of which brings what the tool returned."""

SYSTEM: Final = "Answer in six words."
QUESTION: Final = "What is the weather in Potsdam?"
EMBEDDED: Final = "Potsdam lies in Brandenburg."

CITY: Final = "Potsdam"
"""The argument `city` that the model calls the tool with."""
TOOL: Final = "get_weather"
WEATHER: Final = "Mostly sunny, 21 degrees."
"""What the tool returns."""
