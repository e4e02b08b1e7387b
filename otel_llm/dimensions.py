"""Whom a call is for: what budgets, metrics and content modes ask of a span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_llm import semconv

if TYPE_CHECKING:
    from otel_llm.attributes import Attributes

__all__ = ["Dimensions"]


@dataclass(frozen=True, slots=True)
class Dimensions:
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
        return cls(**{field: attributes.get_str(key) for field, key in _KEYS.items()})

    def write(self, attributes: Attributes) -> None:
        """Write what is known as `otel_llm.*` attributes."""
        values = ((key, getattr(self, field)) for field, key in _KEYS.items())
        attributes.update({key: value for key, value in values if value is not None})


_KEYS: Final = {
    "route": semconv.ROUTE,
    "tenant": semconv.TENANT,
    "environment": semconv.ENVIRONMENT,
    "prompt": semconv.PROMPT,
    "app_version": semconv.APP_VERSION,
    "eval_id": semconv.EVAL_ID,
    "user_key": semconv.USER_KEY,
    "conversation_key": semconv.CONVERSATION_KEY,
}
