"""What the receivers' tests share: a place where requests arrive, and receivers on free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from otel_llm.component import Consume, Receiver, Settings
from otel_llm.receivers.otlp import factory
from otel_llm.reload import Files
from otel_llm.request import Answer, Request
from otel_llm.telemetry import Meter

Start = Callable[..., Awaitable[Receiver]]


class Door:
    """A `consume` that keeps what comes in and answers what a test tells it to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = Answer()
        self.error: Exception | None = None
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        """Unless it is set, requests wait before they are answered."""
        self.open.set()

    async def __call__(self, request: Request) -> Answer:
        """Keep *request*; answer it when the door is open."""
        self.requests.append(request)
        self.entered.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.answer

    @property
    def bodies(self) -> list[bytes]:
        """What came in."""
        return [request.body for request in self.requests]


@pytest.fixture
async def door() -> Door:
    """Where the requests of a test arrive."""
    return Door()


@pytest.fixture
def meter() -> Meter:
    """The metrics of the receivers that a test starts."""
    return Meter()


@pytest.fixture
def files(meter: Meter) -> Files:
    """The files that those receivers read. They are looked at when a test says so."""
    return Files(meter)


@pytest.fixture
async def start(door: Door, meter: Meter, files: Files) -> AsyncIterator[Start]:
    """Start an OTLP receiver from the YAML that stands under `receivers.otlp`. It ends with the test."""
    started: list[Receiver] = []

    async def start_from(text: str, consume: Consume = door) -> Receiver:
        raw: dict[str, Any] = yaml.safe_load(text)
        receiver = factory.build(raw, Settings("otlp", meter, watch=files.watch))
        started.append(receiver)
        await receiver.start(consume)
        return receiver

    yield start_from
    for receiver in started:
        await receiver.shutdown()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """An HTTP client that sends bodies as they are given."""
    async with ClientSession(skip_auto_headers=("Content-Type",)) as session:
        yield session
