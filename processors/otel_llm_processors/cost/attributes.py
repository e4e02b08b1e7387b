"""What is read of a span, besides its usage: a few plain values, taken from it once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_llm import semconv
from otel_llm_processors.cost.usage import USAGE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.span import Span
    from otel_llm_processors.cost.rates import ServiceTier

__all__ = [
    "CACHED_NAMES",
    "NAMES",
    "NAME_LENGTH",
    "READ",
    "Names",
    "is_cache_hit",
    "read",
    "reported_usd",
    "service_tier",
]

CACHED_NAMES: Final = 4096
"""Combinations of names of which the price is kept, good or bad."""

NAME_LENGTH: Final = 256
"""Longer names are nobody's; not to keep them bounds the memory that senders can make us use."""

_SERVICE_TIERS: Final[dict[str | None, ServiceTier]] = {
    "flex": "flex",
    "priority": "priority",
    "fast": "fast",
    "batch": "batch",
}
"""Those with prices of their own. All other names, `default` and `auto` among them, are the standard tier."""

_REPORTED: Final = (
    semconv.GEN_AI_USAGE_COST,
    semconv.OPERATION_COST,
    semconv.LLM_COST_TOTAL,
    semconv.GEN_AI_COST_TOTAL_COST,
    semconv.LITELLM_COST_TOTAL,
    semconv.GEN_AI_USAGE_TOTAL_COST,
    semconv.GEN_AI_USAGE_COST_USD,
    semconv.OPENCODE_COST_TOTAL,
)
"""Where emitters put what they think a call cost."""

NAMES: Final = (
    semconv.GEN_AI_PROVIDER_NAME,
    semconv.GEN_AI_RESPONSE_MODEL,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.SERVER_ADDRESS,
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_REQUEST_SERVICE_TIER,
    semconv.ROUTE,
    semconv.ENVIRONMENT,
)
"""What a kind of call is known by. The model that answered comes before the one that was asked for, which may be an
alias or a deployment."""
Names: TypeAlias = tuple[str | None, ...]
"""Their values."""

_TEXT: Final = frozenset({str})
_NUMBER: Final = frozenset({float, int})
_ANYTHING: Final = frozenset({bool, bytes, dict, float, int, list, str})

READ: Final = {
    **dict.fromkeys((*USAGE_NAMES, semconv.COST_STATUS, semconv.LITELLM_CACHE_HIT), _ANYTHING),
    **dict.fromkeys(_REPORTED, _NUMBER),
    **dict.fromkeys((*NAMES, semconv.GEN_AI_OPERATION_NAME), _TEXT),
}
"""Of which type each must be. One of another type counts as missing, but for counts: wrong ones must not be priced."""


def read(span: Span) -> dict[str, Any]:
    """Return all that a price depends on, in one pass over what is there: most of it never is."""
    return {
        key: value
        for key in span.keys()  # noqa: SIM118 - a span is no dict
        if (types := READ.get(key)) and type(value := span.get(key)) in types
    }


def is_cache_hit(attributes: Mapping[str, Any]) -> bool:
    """Tell whether LiteLLM says that the answer came out of its own cache."""
    hit = attributes.get(semconv.LITELLM_CACHE_HIT)
    return hit is True or (type(hit) is str and hit.lower() == "true")


def service_tier(attributes: Mapping[str, Any]) -> ServiceTier | None:
    """Return how the call was served, or else how it asked to be."""
    get = attributes.get
    return _SERVICE_TIERS.get(get(semconv.OPENAI_RESPONSE_SERVICE_TIER) or get(semconv.OPENAI_REQUEST_SERVICE_TIER))


def reported_usd(attributes: Mapping[str, Any]) -> float | None:
    """Return the first reported cost that is an amount of money."""
    for key in _REPORTED:
        if key in attributes and 0 <= attributes[key] < math.inf:
            return float(attributes[key])
    return None
