from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.sdk import AsgiContext, ContextSpanProcessor, WsgiContext

if TYPE_CHECKING:
    from collections.abc import Iterator


class Spans:
    """Spans of a provider that has the processor."""

    def __init__(self, *, trust_baggage: bool = False) -> None:
        self._sink = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(ContextSpanProcessor(trust_baggage=trust_baggage))
        self.provider.add_span_processor(SimpleSpanProcessor(self._sink))

    def span(self, **attributes: Any) -> dict[str, Any]:
        """Start and end a span; return its attributes."""
        self.provider.get_tracer("tests").start_span("x", attributes=attributes).end()
        return dict(self._sink.get_finished_spans()[-1].attributes or {})


@pytest.fixture
def spans() -> Spans:
    """Have a provider that does not trust callers."""
    return Spans()


def carried(**fields: str) -> dict[str, str]:
    """Return the headers that a request made in such a context has."""
    headers: dict[str, str] = {}
    with otel_llm.context(**fields):  # type: ignore[arg-type]  # all of them are texts
        W3CBaggagePropagator().inject(headers)
    return headers


def test_every_span_below_knows(spans: Spans) -> None:
    """All that can be said is on the span, under the names that backends and budgets read."""
    with otel_llm.context(
        route="support_bot",
        tenant="acme",
        environment="eval",
        user="u1",
        conversation="c1",
        prompt=("greeting", "3"),
        app_version="1.2",
        eval_id="e1",
    ):
        inside = spans.span()
    outside = spans.span()

    assert {
        "otel_llm.route": "support_bot",
        "otel_llm.tenant": "acme",
        "otel_llm.environment": "eval",
        "otel_llm.prompt": "greeting@3",
        "otel_llm.app_version": "1.2",
        "otel_llm.eval_id": "e1",
        "user.id": "u1",
        "session.id": "c1",
    } == inside
    assert {} == outside


def test_a_call_to_a_model_gets_the_conversation_in_the_conventions_name(spans: Spans) -> None:
    """On any other span that name would make it a gen_ai span."""
    with otel_llm.context(conversation="c1"):
        span = spans.span(**{"gen_ai.operation.name": "chat"})

    assert ("c1", "c1") == (span["gen_ai.conversation.id"], span["session.id"])


def test_what_a_span_says_itself_counts(spans: Spans) -> None:
    """An instrumentation that knows the user better is not overruled."""
    with otel_llm.context(route="r", user="u1"):
        span = spans.span(**{"user.id": "better"})

    assert {"otel_llm.route": "r", "user.id": "better"} == span


def test_contexts_within_contexts_add_up(spans: Spans) -> None:
    """The inner one counts where both say something, and ends where it ends."""
    with otel_llm.context(route="outer", user="u1"):
        with otel_llm.context(route="inner"):
            inner = spans.span()
        outer = spans.span()

    assert ({"otel_llm.route": "inner", "user.id": "u1"}, "outer") == (inner, outer["otel_llm.route"])


async def test_as_a_decorator_it_holds_for_each_call(spans: Spans) -> None:
    """Plain functions and coroutines, many at once, each with what it adds itself."""

    @otel_llm.context(route="r")
    async def call(user: str) -> dict[str, Any]:
        with otel_llm.context(user=user):
            await asyncio.sleep(0)
            return spans.span()

    @otel_llm.context(route="plain")
    def plain() -> dict[str, Any]:
        return spans.span()

    found = await asyncio.gather(*(call(f"u{n}") for n in range(5)))

    assert [{"otel_llm.route": "r", "user.id": f"u{n}"} for n in range(5)] == found
    assert {"otel_llm.route": "plain"} == plain()
    assert {} == spans.span()


def test_a_generator_is_refused() -> None:
    """Its body runs in the context of whoever asks for the next value."""
    with pytest.raises(TypeError, match="use `with` inside"):

        @otel_llm.context(route="r")
        def generate() -> Iterator[int]:
            yield 1


def test_it_ends_with_an_exception(spans: Spans) -> None:
    """What failed leaves nothing behind."""
    with pytest.raises(LookupError), otel_llm.context(route="r"):
        raise LookupError

    assert {} == spans.span()


def test_a_thread_begins_without(spans: Spans) -> None:
    """As with spans: whoever starts a thread hands its context over."""
    found: list[dict[str, Any]] = []
    with otel_llm.context(route="r"):
        thread = threading.Thread(target=lambda: found.append(spans.span()))
        thread.start()
        thread.join()

    assert [{}] == found


def test_services_that_are_called_are_told_by_baggage() -> None:
    """W3C Baggage, one entry for each, whatever characters a value has."""
    headers = carried(route="support bot", user="ü,=;")
    parsed = W3CBaggagePropagator().extract(headers)

    assert {"otel_llm.route": "support bot", "otel_llm.user": "ü,=;"} == dict(baggage.get_all(parsed))


def test_what_is_not_to_be_propagated_is_not() -> None:
    """No header leaves."""
    headers: dict[str, str] = {}
    with otel_llm.context(user="u1", propagate=False):
        W3CBaggagePropagator().inject(headers)

    assert {} == headers


@pytest.mark.parametrize("trusted", [False, True])
def test_callers_are_believed_only_where_that_is_configured(trusted: bool) -> None:
    """Who sends a header could let somebody else pay."""
    spans = Spans(trust_baggage=trusted)
    token = attach(W3CBaggagePropagator().extract(carried(route="theirs", conversation="c1") | {}))
    try:
        span = spans.span()
        with otel_llm.context(route="ours"):
            ours = spans.span()
    finally:
        detach(token)

    assert ({"otel_llm.route": "theirs", "session.id": "c1"} if trusted else {}) == span
    assert "ours" == ours["otel_llm.route"]


def test_the_environment_says_whether_callers_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_LLM_TRUST_BAGGAGE=true`, and nothing else."""
    found = []
    for value in ("true", "TRUE ", "1", ""):
        monkeypatch.setenv("OTEL_LLM_TRUST_BAGGAGE", value)
        processor = ContextSpanProcessor()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        at = W3CBaggagePropagator().extract(carried(route="r"))
        span = provider.get_tracer("tests").start_span("x", context=at)
        found.append(bool(getattr(span, "attributes", None)))
        span.end()

    assert [True, True, False, False] == found


async def test_an_asgi_app_runs_inside(spans: Spans) -> None:
    """Headers by their names, and what functions make of the scope; what is not there is not said."""
    found: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(0)
        found.append(spans.span())

    wrapped = AsgiContext(
        app, {"user": "X-User", "tenant": "x-tenant", "route": lambda scope: scope["path"].split("/")[1]}
    )

    await wrapped({"type": "http", "path": "/chat/1", "headers": [(b"x-user", b"u1")]}, None, None)
    await wrapped({"type": "lifespan"}, None, None)

    assert [{"otel_llm.route": "chat", "user.id": "u1"}, {}] == found


def test_a_wsgi_app_runs_inside_to_the_end_of_its_answer(spans: Spans) -> None:
    """Also what it does while the answer is read and closed, and nothing of the server in between."""
    found: list[str | None] = []

    def note() -> None:
        found.append(spans.span().get("user.id"))

    class Answer:
        def __iter__(self) -> Iterator[bytes]:
            note()
            yield b"part"

        def close(self) -> None:
            note()

    def app(_environ: Any, _start_response: Any) -> Any:
        note()
        return Answer()

    answer = WsgiContext(app, {"user": "X-User"})({"HTTP_X_USER": "u1"}, None)
    for _part in answer:
        note()
    answer.close()  # type: ignore[attr-defined]  # servers call it where it is there (PEP 3333)

    assert ["u1", "u1", None, "u1"] == found


def test_a_field_that_does_not_exist_is_refused() -> None:
    """At start-up, not at the first request."""
    with pytest.raises(TypeError, match="usr is no field"):
        AsgiContext(None, {"usr": "x-user"})  # type: ignore[arg-type, typeddict-unknown-key]  # as a typo would be


def test_the_entry_point_installs_the_processor_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many exporters are made for a provider."""
    from otel_llm.sdk import OtelLlmSpanExporter

    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    OtelLlmSpanExporter()
    OtelLlmSpanExporter()

    with otel_llm.context(route="r"):
        span = provider.get_tracer("tests").start_span("x")
    span.end()

    assert 1 == len(provider._active_span_processor._span_processors)
    assert {"otel_llm.route": "r"} == dict(getattr(span, "attributes", {}))
