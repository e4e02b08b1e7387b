"""What answers must be like: one of some values, with addresses in some domains, and not filtered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.guardrail.config import EVERY
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_llm_processors.guardrail.content import Call

__all__ = ["AllowedDomains", "AllowedValues", "find_content_filter"]

_FILTERED: Final = frozenset({"content_filter", "content_filtered", "guardrail_intervened", "refusal", "safety"})
"""Finish reasons: the conventions' own, and those of Bedrock, Anthropic and Gemini."""
_ADDRESS: Final = re.compile(r"(?i:https?|ftp|wss?):[/\\]{2,}([^/\\?#\s\"'<>)\]}]+)")


def find_content_filter(call: Call) -> Iterator[Finding]:
    """Yield that a provider's filter, or the model itself, has ended the answer."""
    reasons = call.item.get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    for reason in reasons if isinstance(reasons, list) else [reasons]:
        if isinstance(reason, str) and reason.lower() in _FILTERED:
            yield Finding("content_filter.finish_reason", "output")


class AllowedValues:
    """Compares answers with those that a route may give."""

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        self._values = {route: frozenset(each) for route, each in values.items()}

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield that an answer is none of its route's."""
        allowed = self._values.get(call.item.dimensions.route or EVERY, self._values.get(EVERY))
        if allowed is not None and any(answer.strip() not in allowed for answer in call.answers.values()):
            yield Finding("value.not_allowed", "output")


class AllowedDomains:
    """Compares the addresses in answers with domains."""

    def __init__(self, domains: Iterable[str]) -> None:
        self._domains = tuple(f".{domain.strip('.').lower()}" for domain in domains)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the parts of answers with an address elsewhere."""
        for part in call.parts:
            if part.target == "output" and not all(map(self._allows, _ADDRESS.findall(part.text))):
                yield Finding("url.not_allowed", "output", part)

    def _allows(self, authority: str) -> bool:
        """Tell whether a host is in one of the domains, whatever user and port stand beside it (RFC 3986, 3.2)."""
        host = authority.rpartition("@")[2].partition(":")[0]
        return f".{host.rstrip('.,;!*_`|').lower()}".endswith(self._domains)
