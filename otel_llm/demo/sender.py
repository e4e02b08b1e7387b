"""Sends the demo's traces over OTLP/gRPC, as an application's SDK would."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import grpc
import orjson

from otel_llm import otlp_json
from otel_llm.demo.traffic import trace
from otel_llm.errors import Retryable
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["send"]

_PAUSE_S = 0.02


async def send(endpoint: str, traces: int = 12, on_sent: Callable[[], object] = lambda: None) -> None:
    """Send *traces* traces, a request each.

    Raises:
        Retryable: nobody takes them.
    """
    rng = random.Random(7)  # noqa: S311 - the same traffic every time is the wish
    async with grpc.aio.insecure_channel(endpoint) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        for number in range(traces):
            request = otlp_json.decode(Signal.TRACES, orjson.dumps(trace(number, rng)))
            try:
                await export(request, timeout=5, wait_for_ready=number == 0)
            except grpc.aio.AioRpcError as error:
                raise Retryable(f"{endpoint} did not take the traces: {error.code().name}") from None
            on_sent()
            await asyncio.sleep(_PAUSE_S)
