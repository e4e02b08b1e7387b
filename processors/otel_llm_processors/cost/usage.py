"""From attributes to token counts that can be priced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_llm import semconv
from otel_llm_processors.cost.rates import OVERLAPPING

if TYPE_CHECKING:
    from otel_llm_processors.cost.rates import Reason

__all__ = [
    "PLAIN_USAGE",
    "TOKENS_LIMIT",
    "USAGE_NAMES",
    "UnusableUsage",
    "Usage",
    "carries_usage",
    "check_consistent",
    "read_usage",
]

Usage: TypeAlias = Mapping[str, int]
"""How much of what a call used, by the usage keys of genai-prices. Input includes what was cached, output reasoning."""

TOKENS_LIMIT: Final = 10**15
"""No call has used so many tokens: a count from here on is a mistake of the emitter."""

PLAIN_USAGE: Final = {
    semconv.GEN_AI_USAGE_INPUT_TOKENS: "input_tokens",
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: "output_tokens",
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: "cache_read_tokens",
    semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: "cache_write_tokens",
    semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: "output_reasoning_tokens",
}
"""The counts that calls have as a rule, by attribute."""
_DETAILS: Final = {
    semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: "cache_write_1h_tokens",
    semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: "input_audio_tokens",
    semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: "output_audio_tokens",
    semconv.GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: "cache_audio_read_tokens",
    semconv.GEN_AI_USAGE_IMAGE_INPUT_TOKENS: "input_image_tokens",
    semconv.GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS: "output_image_tokens",
    semconv.GEN_AI_USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: "cache_image_read_tokens",
    semconv.GEN_AI_USAGE_VIDEO_INPUT_TOKENS: "input_video_tokens",
    semconv.GEN_AI_USAGE_VIDEO_OUTPUT_TOKENS: "output_video_tokens",
}
"""Rarer counts, each a part of one of the above."""

_ALL: Final = {**PLAIN_USAGE, **_DETAILS}
USAGE_NAMES: Final = frozenset(_ALL)
"""The attributes that counts are read from."""

_DETAILED: Final = frozenset(_DETAILS.values())
_MODALITIES: Final = ("audio", "image", "video")
_DIGITS: Final = re.compile("[0-9]{1,15}")


class UnusableUsage(Exception):
    """Token counts that must not be priced."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_usage(attributes: Mapping[str, Any]) -> Usage:
    """Return what a call used; empty if neither input nor output is there.

    Args:
        attributes: Those of a span, others than of usage as well. None counts as missing.

    Raises:
        UnusableUsage: a count is there and is none, or the counts contradict each other.
    """
    usage: dict[str, int] = {}
    for name, value in attributes.items():
        if name in _ALL and value is not None:
            usage[_ALL[name]] = value if type(value) is int and 0 <= value < TOKENS_LIMIT else _count(value)
    check_consistent(usage)
    if "input_tokens" not in usage and "output_tokens" not in usage:
        return {}
    if not _DETAILED.isdisjoint(usage) and _overlap(usage):
        usage[OVERLAPPING] = 1
    usage["requests"] = 1
    return usage


def check_consistent(usage: Usage) -> None:
    """Check that no part of the input or the output is more than the whole.

    Raises:
        UnusableUsage: it is.
    """
    count = usage.get
    if (
        count("cache_read_tokens", 0) + count("cache_write_tokens", 0) > count("input_tokens", 0)
        or count("output_reasoning_tokens", 0) > count("output_tokens", 0)
        or not (_DETAILED.isdisjoint(usage) or _details_fit(usage))
    ):
        raise UnusableUsage("inconsistent_usage")


def _details_fit(usage: Usage) -> bool:
    """Tell whether no detail is more than what it is a part of."""
    count = usage.get
    return (
        count("cache_write_1h_tokens", 0) <= count("cache_write_tokens", 0)
        and sum(count(f"input_{modality}_tokens", 0) for modality in _MODALITIES) <= count("input_tokens", 0)
        and sum(count(f"output_{modality}_tokens", 0) for modality in _MODALITIES) <= count("output_tokens", 0)
        and sum(count(f"cache_{modality}_read_tokens", 0) for modality in _MODALITIES) <= count("cache_read_tokens", 0)
        and all(
            count(f"cache_{modality}_read_tokens", 0) <= count(f"input_{modality}_tokens", 0)
            for modality in _MODALITIES
        )
    )


def _overlap(usage: Usage) -> bool:
    """Tell whether some tokens must be of two kinds at once, without a count that says how many."""
    count = usage.get
    special_input = count("cache_read_tokens", 0) + count("cache_write_tokens", 0)
    special_output = count("output_reasoning_tokens", 0)
    for modality in _MODALITIES:
        special_input += count(f"input_{modality}_tokens", 0) - count(f"cache_{modality}_read_tokens", 0)
        special_output += count(f"output_{modality}_tokens", 0)
    return special_input > count("input_tokens", 0) or special_output > count("output_tokens", 0)


def carries_usage(attributes: Mapping[str, Any]) -> bool:
    """Tell whether any count is there, right or wrong."""
    return any(attributes.get(name) is not None for name in PLAIN_USAGE)


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
