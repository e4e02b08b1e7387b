"""Whom a call is for: what budgets, metrics and content modes ask of a span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv

if TYPE_CHECKING:
    from otel_llm.attributes import Attributes

__all__ = ["KEYS", "Dimensions"]


class Dimensions(NamedTuple):
    """Resolved once, before anything is redacted. None where nobody said.

    Users and conversations stand here as keyed digests: that a redactor later takes `user.id` away never makes two
    users one.
    """

    route: str | None = None
    tenant: str | None = None
    environment: str | None = None
    prompt: str | None = None
    app_version: str | None = None
    eval_id: str | None = None
    user_key: str | None = None
    conversation_key: str | None = None

    @classmethod
    def read(cls, attributes: Attributes) -> Dimensions:
        """Return what the `otel_llm.*` attributes say."""
        return cls(*map(attributes.get_str, KEYS))

    def attributes(self) -> dict[str, str]:
        """Return what is known as `otel_llm.*` attributes."""
        return {key: value for key, value in zip(KEYS, self, strict=True) if value is not None}


KEYS: Final = (
    semconv.ROUTE,
    semconv.TENANT,
    semconv.ENVIRONMENT,
    semconv.PROMPT,
    semconv.APP_VERSION,
    semconv.EVAL_ID,
    semconv.USER_KEY,
    semconv.CONVERSATION_KEY,
)
"""The attributes that say so, in the order of the fields."""
