"""Whom a model call is for, said once at the edge of an app and known to every span below.

`context` puts it into the OpenTelemetry context, so that it follows threads of work as spans do, and into W3C Baggage,
which carries it to the services that are called. `ContextSpanProcessor` copies it to spans when they start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from opentelemetry import baggage, trace
from opentelemetry.context import attach, create_key, detach, get_current, get_value, set_value
from opentelemetry.sdk.trace import SpanProcessor

from otel_llm import semconv

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

__all__ = ["FIELDS", "TRUST_BAGGAGE", "ContextSpanProcessor", "Scoped", "context", "install"]

TRUST_BAGGAGE: Final = "OTEL_LLM_TRUST_BAGGAGE"
"""The environment variable that, as `true`, lets callers say by baggage whom a call is for, and so who pays."""

FIELDS: Final = {
    "route": semconv.ROUTE,
    "tenant": semconv.TENANT,
    "environment": semconv.ENVIRONMENT,
    "prompt": semconv.PROMPT,
    "app_version": semconv.APP_VERSION,
    "eval_id": semconv.EVAL_ID,
    "user": semconv.USER_ID,
    "conversation": semconv.SESSION_ID,
}
"""What can be said, and the attribute that spans get. The general names for user and session are those that backends
group by; the normaliser digests them before budgets and metrics see them."""

_BAGGAGE: Final = {f"{semconv.OTEL_LLM_PREFIX}{field}": attribute for field, attribute in FIELDS.items()}
_KEY: Final = create_key("otel_llm")

F = TypeVar("F", bound=Callable[..., Any])


def context(
    *,
    route: str | None = None,
    tenant: str | None = None,
    environment: str | None = None,
    user: str | None = None,
    conversation: str | None = None,
    prompt: str | tuple[str, str] | None = None,
    app_version: str | None = None,
    eval_id: str | None = None,
    propagate: bool = True,
) -> Scoped:
    """Say whom the calls below are for: `with otel_llm.context(route="support_bot", user=id):`, or as a decorator.

    Within another one it adds to it, and what it says itself counts.

    Args:
        route: The part of the app, such as `support_bot`: what budgets are mostly set for.
        tenant: The customer.
        environment: Such as `prod` or `eval`.
        user: The end user's id. Budgets and metrics see a keyed digest of it.
        conversation: The id of what belongs together for the user.
        prompt: The name of a managed prompt, or its name and version.
        app_version: The version of the app.
        eval_id: The run of an evaluation that this is part of.
        propagate: Whether services that are called are told, by W3C Baggage. It goes wherever the app's instrumentation
            propagates trace context to, model providers included.
    """
    said = {
        "route": route,
        "tenant": tenant,
        "environment": environment,
        "prompt": "@".join(prompt) if isinstance(prompt, tuple) else prompt,
        "app_version": app_version,
        "eval_id": eval_id,
        "user": user,
        "conversation": conversation,
    }
    return Scoped({field: value for field, value in said.items() if value is not None}, propagate=propagate)


class Scoped:
    """A context manager and decorator, for plain functions and coroutines."""

    def __init__(self, fields: Mapping[str, str], *, propagate: bool) -> None:
        """Take values by the names in `FIELDS`."""
        self._attributes = {FIELDS[field]: value for field, value in fields.items()}
        self._baggage = {f"{semconv.OTEL_LLM_PREFIX}{field}": value for field, value in fields.items() if propagate}
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> Self:
        self._tokens.append(attach(self._added_to(get_current())))
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        detach(self._tokens.pop())

    def __call__(self, function: F) -> F:
        """Return *function* that runs inside, however many of its calls at once."""
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError("a generator runs in the context of whoever asks it: use `with` inside")

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            token = attach(self._added_to(get_current()))
            try:
                return function(*args, **kwargs)
            finally:
                detach(token)

        @wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            token = attach(self._added_to(get_current()))
            try:
                return await function(*args, **kwargs)
            finally:
                detach(token)

        return run_async if iscoroutinefunction(function) else run  # type: ignore[return-value]  # `wraps` keeps the signature

    def _added_to(self, current: Context) -> Context:
        said = get_value(_KEY, current)
        merged = {**said, **self._attributes} if isinstance(said, dict) else self._attributes
        current = set_value(_KEY, merged, current)
        for key, value in self._baggage.items():
            current = baggage.set_baggage(key, value, current)
        return current


class ContextSpanProcessor(SpanProcessor):
    """Copies what `context` has said to every span that starts, where the span does not say otherwise itself."""

    def __init__(self, *, trust_baggage: bool | None = None) -> None:
        """Trust what callers say by baggage, or not; unless told, as `OTEL_LLM_TRUST_BAGGAGE` says."""
        if trust_baggage is None:
            trust_baggage = os.environ.get(TRUST_BAGGAGE, "").strip().lower() == "true"
        self._said = _said_here_or_by_callers if trust_baggage else _said_here

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Copy."""
        said = self._said(parent_context)
        if not said:
            return
        own = span.attributes or {}
        span.set_attributes({key: value for key, value in said.items() if key not in own})
        conversation = said.get(semconv.SESSION_ID)
        if conversation and semconv.GEN_AI_CONVERSATION_ID not in own and any(map(_is_gen_ai, own)):
            span.set_attribute(semconv.GEN_AI_CONVERSATION_ID, conversation)


def install() -> None:
    """Have spans of the global tracer provider get what `context` says. Once is enough; more does nothing."""
    provider = trace.get_tracer_provider()
    if hasattr(provider, "add_span_processor") and not getattr(provider, _INSTALLED, False):
        setattr(provider, _INSTALLED, True)
        provider.add_span_processor(ContextSpanProcessor())


_INSTALLED: Final = "_otel_llm_context"


def _is_gen_ai(key: str) -> bool:
    return key.startswith(semconv.GEN_AI_PREFIX)


def _said_here(at: Context | None) -> Mapping[str, str]:
    said = get_value(_KEY, at)
    return said if isinstance(said, dict) else {}


def _said_here_or_by_callers(at: Context | None) -> Mapping[str, str]:
    carried = baggage.get_all(at)
    by_callers = {_BAGGAGE[key]: str(value) for key, value in carried.items() if key in _BAGGAGE}
    return {**by_callers, **_said_here(at)}
