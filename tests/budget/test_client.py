"""Clients of budgets: a real provider's client, a provider on loopback, and a gateway between the app and its money."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llm import semconv
from otel_llm.budget import (
    AsyncClient,
    AsyncGuardedTransport,
    BudgetExceeded,
    BudgetUnavailable,
    Client,
    GuardedTransport,
)
from tests.budget.rig import endpoint, gateway
from tests.fake_provider import Failure, FakeProvider, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openai.types.chat import ChatCompletionMessageParam

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Is it expensive?"}]
DAY = "models/gpt-4o/daily_usd"


class Gateway:
    """A gateway in a thread, for clients that block."""

    def __init__(self, directory: Path, budgets: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._directory, self._budgets = directory, budgets
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self.url = ""
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        assert self._started.wait(20)

    async def _run(self) -> None:
        async with gateway(self._directory, self._budgets) as host:
            self.url = endpoint(host, "extensions.budgets.http")
            self._started.set()
            await self._stop.wait()

    def stop(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return its budgets by their ids."""
        with httpx2.Client() as client:
            return {each["id"]: each for each in client.get(f"{self.url}/v1/budgets").json()["budgets"]}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Gateway]]:
    """Return what starts a gateway with some budgets."""
    started: list[Gateway] = []

    def start(budgets: str) -> Gateway:
        started.append(Gateway(tmp_path, budgets))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Answer with 1000 tokens in and 100 out, which cost 0.0035 USD."""
    with FakeProvider(Reply("Yes.", usage=Usage(input=1000, output=100))) as provider:
        yield provider


def test_the_call_after_the_cap_never_leaves(start: Callable[[str], Gateway], provider: FakeProvider) -> None:
    """It is answered 429 before any request does, and is not tried again; those before it are settled by usage."""
    gateway = start("models: {gpt-4o: {daily_usd: 0.008}}")
    with (
        Client(gateway.url) as budgets,
        httpx2.Client(transport=GuardedTransport(budgets)) as http,
        openai.OpenAI(base_url=provider.openai_url, api_key="any", http_client=http) as client,
    ):
        for _ in range(2):
            answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=200)
            assert "Yes." == answer.choices[0].message.content
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=200)
        listed = gateway.listed()[DAY]

    assert 2 == len(provider.calls)
    assert ("budget_exceeded", DAY) == (caught.value.code, caught.value.body["budget"])  # type: ignore[index]  # of Any
    assert ("0.007", "0") == (listed["settled_usd"], listed["held_usd"])


def test_the_fallback_model_is_called(start: Callable[[str], Gateway], provider: FakeProvider) -> None:
    """The app asks for one model, and the other one answers."""
    gateway = start("models: {gpt-4o: {daily_usd: 0, on_exceed: fallback, fallback_model: gpt-4o-mini}}")
    with (
        Client(gateway.url) as budgets,
        httpx2.Client(transport=GuardedTransport(budgets)) as http,
        openai.OpenAI(base_url=provider.openai_url, api_key="any", http_client=http) as client,
    ):
        client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=200)

    assert ["gpt-4o-mini"] == [call.body["model"] for call in provider.calls]


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_streams_are_settled_at_their_end(start: Callable[[str], Gateway], provider: FakeProvider, api: str) -> None:
    """As soon as the app has read them, by the usage in their events, of either provider."""
    gateway = start("routes: {bot: {daily_tokens: 100000}}")
    with Client(gateway.url) as budgets:
        transport = GuardedTransport(budgets, dimensions=lambda: {"route": "bot"})
        with httpx2.Client(transport=transport) as http:
            if api == "messages":
                with anthropic.Anthropic(base_url=provider.url, api_key="any", http_client=http) as claude:
                    events = claude.messages.create(
                        model="claude-any",
                        max_tokens=200,
                        messages=[{"role": "user", "content": "?"}],
                        stream=True,
                    )
                    assert list(events)
            else:
                with openai.OpenAI(base_url=provider.openai_url, api_key="any", http_client=http) as client:
                    stream: Any = (
                        client.responses.create(model="gpt-4o", input="?", stream=True)
                        if api == "responses"
                        else client.chat.completions.create(
                            model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
                        )
                    )
                    assert list(stream)
        listed = gateway.listed()["routes/bot/daily_tokens"]

    assert (1100, 0) == (listed["settled"], listed["held"])


def test_what_fails_is_released(start: Callable[[str], Gateway], provider: FakeProvider) -> None:
    """A provider's error costs nothing, nor does a block that raises."""
    gateway = start("models: {gpt-4o: {daily_usd: 1}}")
    provider.script(Failure(500))
    with (
        Client(gateway.url) as budgets,
        httpx2.Client(transport=GuardedTransport(budgets)) as http,
        openai.OpenAI(base_url=provider.openai_url, api_key="any", http_client=http, max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        with pytest.raises(ZeroDivisionError), budgets.guard("gpt-4o", input_tokens=10):
            _ = 1 / 0
        listed = gateway.listed()[DAY]

    assert ("0", "0") == (listed["settled_usd"], listed["held_usd"])


def test_the_current_span_names_its_reservation(start: Callable[[str], Gateway]) -> None:
    """So that the gateway finds the hold that the span settles."""
    gateway = start("models: {gpt-4o: {daily_usd: 1}}")
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with Client(gateway.url) as budgets, provider.get_tracer("test").start_as_current_span("chat"):
        assert trace.get_current_span().is_recording()
        with budgets.guard("gpt-4o", input_tokens=10, max_output_tokens=10) as reservation:
            budgets.settle(reservation, input_tokens=10, output_tokens=5)
    provider.shutdown()
    (span,) = spans.get_finished_spans()

    assert reservation.id == (span.attributes or {})[semconv.RESERVATION_ID]


async def test_the_same_for_asyncio(start: Callable[[str], Gateway], provider: FakeProvider) -> None:
    """Asynchronous clients are guarded as blocking ones are."""
    gateway = await asyncio.to_thread(start, "models: {gpt-4o: {daily_usd: 0.004}}")
    async with (
        AsyncClient(gateway.url) as budgets,
        httpx2.AsyncClient(transport=AsyncGuardedTransport(budgets)) as http,
        openai.AsyncOpenAI(base_url=provider.openai_url, api_key="any", http_client=http) as client,
    ):
        await client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=200)
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=200)
        with pytest.raises(BudgetExceeded) as caught:
            async with budgets.guard("gpt-4o", input_tokens=1000, max_output_tokens=100):
                pass

    assert 1 == len(provider.calls)
    assert DAY == caught.value.budget


def test_a_gateway_that_is_away_holds_up_nothing(provider: FakeProvider) -> None:
    """Calls go through, or none does, as the client says; after three failures it is not even asked."""
    asked: list[str] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        raise httpx2.ConnectError("refused")

    with Client("http://127.0.0.1:1") as budgets, Client("http://127.0.0.1:1", on_error="closed") as closed:
        budgets._http._transport = httpx2.MockTransport(fail)
        reservations = [budgets.reserve("gpt-4o", input_tokens=1) for _ in range(50)]
        budgets.settle(reservations[0], cost_usd=1)
        with pytest.raises(BudgetUnavailable):
            closed.reserve("gpt-4o")
        with httpx2.Client(transport=GuardedTransport(budgets)) as http:
            client = openai.OpenAI(base_url=provider.openai_url, api_key="any", http_client=http)
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)

    assert 3 == len(asked)
    assert {("unknown", False)} == {(each.state, each.known) for each in reservations}
    assert 1 == len(provider.calls)
