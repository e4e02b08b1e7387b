"""From attributes to token counts that can be priced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_llm import semconv

if TYPE_CHECKING:
    from otel_llm_processors.cost.rates import Reason

__all__ = ["TOKENS_LIMIT", "UnusableUsage", "Usage", "carries_usage", "check_consistent", "read_usage"]

Usage: TypeAlias = Mapping[str, int]
"""How much of what a call used, by the usage keys of genai-prices. Input includes what was cached, output reasoning."""

TOKENS_LIMIT: Final = 10**15
"""No call has used so many tokens: a count from here on is a mistake of the emitter."""

_USAGE_KEYS: Final = {
    semconv.GEN_AI_USAGE_INPUT_TOKENS: "input_tokens",
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: "output_tokens",
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: "cache_read_tokens",
    semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: "cache_write_tokens",
    semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: "output_reasoning_tokens",
}
_DIGITS: Final = re.compile("[0-9]{1,15}")


class UnusableUsage(Exception):
    """Token counts that must not be priced."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_usage(get: Callable[[str], Any]) -> Usage:
    """Return what a call used; empty if neither input nor output is there.

    Args:
        get: Returns an attribute by its name, None if it is missing.

    Raises:
        UnusableUsage: a count is there and is none, or the counts contradict each other.
    """
    usage = {usage_key: _count(value) for key, usage_key in _USAGE_KEYS.items() if (value := get(key)) is not None}
    check_consistent(usage)
    if "input_tokens" not in usage and "output_tokens" not in usage:
        return {}
    usage["requests"] = 1
    return usage


def check_consistent(usage: Usage) -> None:
    """Check that no part of the input or the output is more than the whole.

    Raises:
        UnusableUsage: it is.
    """
    cached = usage.get("cache_read_tokens", 0) + usage.get("cache_write_tokens", 0)
    if cached > usage.get("input_tokens", 0) or (
        usage.get("output_reasoning_tokens", 0) > usage.get("output_tokens", 0)
    ):
        raise UnusableUsage("inconsistent_usage")


def carries_usage(get: Callable[[str], Any]) -> bool:
    """Tell whether any count is there, right or wrong."""
    return any(get(key) is not None for key in _USAGE_KEYS)


def _count(value: Any) -> int:
    """Return a token count. `int()` alone would also take full-width digits, underscores, blanks and True."""
    if type(value) is int:
        count = value
    elif (type(value) is float and value.is_integer()) or (type(value) is str and _DIGITS.fullmatch(value)):
        count = int(value)
    else:
        raise UnusableUsage("invalid_usage")
    if not 0 <= count < TOKENS_LIMIT:
        raise UnusableUsage("invalid_usage")
    return count
