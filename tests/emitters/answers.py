"""What the fake provider answers in each scenario.

Every count is a number of its own, so that none stands for another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.emitters.asked import CITY, TOOL
from tests.fake_provider import Failure, Reply, ToolCall, Usage

if TYPE_CHECKING:
    from tests.emitters.table import Provider
    from tests.fake_provider.reply import Answer

__all__ = ["answers"]

_TEXT: Final = "Mostly sunny, and warm for November."
_CACHED: Final = Usage(input=2411, cache_read=1920, output=97)
_ANSWERS: Final[dict[str, tuple[Answer, ...]]] = {
    "plain": (Reply(_TEXT, usage=Usage(input=1207, output=311)),),
    "streamed": (Reply(_TEXT, usage=Usage(input=1213, output=313)),),
    "tools": (
        Reply("", tool_calls=(ToolCall(TOOL, {"city": CITY}),), usage=Usage(input=1217, output=31)),
        Reply(_TEXT, usage=Usage(input=1301, output=57)),
    ),
    "cached": (Reply(_TEXT, usage=_CACHED),),
    "cached_streamed": (Reply(_TEXT, usage=_CACHED),),
    "failing": (Failure(429), Failure(500)),
    "embedded": (Reply(usage=Usage(input=19, output=0), model="text-embedding-3-small"),),
}
_OWN_KINDS: Final = {
    "openai": {"reasoning": 64},
    "anthropic": {"cache_write": 128},
    "gcp.gemini": {"reasoning": 64},
}
"""What else is counted in the cached scenarios, where a provider knows such tokens."""


def answers(scenario: str, provider: Provider) -> tuple[Answer, ...]:
    """Return what the calls of a scenario are answered, in order."""
    return tuple(_of(provider, answer) for answer in _ANSWERS[scenario])


def _of(provider: Provider, answer: Answer) -> Answer:
    if not isinstance(answer, Reply):
        return answer
    usage = replace(answer.usage, **_OWN_KINDS[provider.name]) if answer.usage.cache_read else answer.usage
    return replace(answer, model=answer.model or provider.answered, usage=usage)
