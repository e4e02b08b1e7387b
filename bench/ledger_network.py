"""How long reserving and settling take over HTTP and gRPC: a gateway on SQLite, and clients in the same process."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import grpc

from otel_llm.budget.protobuf import METHODS, decode, encode
from tests.budget.rig import endpoint, gateway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

__all__ = ["measure_network"]

_BUDGETS: Final = "models: {gpt-4o: {daily_usd: 100000, tpm: 900000000}}\nroutes: {bot: {per_user_daily_usd: 100000}}"
_CLIENTS: Final = (1, 4)


async def measure_network(directory: Path, calls: int) -> dict[tuple[str, int], tuple[list[int], list[int]]]:
    """Return how many microseconds each reservation and each settlement took, by protocol and number of clients."""
    found = {}
    async with gateway(directory, _BUDGETS) as host:
        target = endpoint(host, "extensions.budgets.grpc").removeprefix("http://")
        url = f"{endpoint(host, 'extensions.budgets.http')}/v1/budget/"
        async with aiohttp.ClientSession() as session, grpc.aio.insecure_channel(target) as channel:

            async def over_http(name: str, body: dict[str, Any]) -> dict[str, Any]:
                async with session.post(url + name.lower(), json=body) as answer:
                    return dict(await answer.json())

            methods = {
                name: channel.unary_unary(METHODS[name].path)  # type: ignore[var-annotated]  # bytes, as the server's
                for name in ("Reserve", "Settle")
            }

            async def over_grpc(name: str, body: dict[str, Any]) -> dict[str, Any]:
                method = METHODS[name]
                return decode(method.response, await methods[name](encode(method.request, body)))

            for protocol, ask in (("HTTP", over_http), ("gRPC", over_grpc)):
                for clients in _CLIENTS:
                    names = [f"{protocol}-{clients}-{client}" for client in range(clients)]
                    spent = await asyncio.gather(*(_spend(ask, name, calls // clients) for name in names))
                    found[protocol, clients] = (
                        [each for reserved, _ in spent for each in reserved],
                        [each for _, settled in spent for each in settled],
                    )
    return found


async def _spend(ask: Ask, name: str, calls: int) -> tuple[list[int], list[int]]:
    reserved, settled = [], []
    for number in range(calls):
        id_ = f"{name}-{number}"
        call = {"model": "gpt-4o", "input_tokens": 100, "max_output_tokens": 10}
        dimensions = {"route": "bot", "user": f"user {number % 100}"}
        began = time.perf_counter_ns()
        answer = await ask("Reserve", {"reservation_id": id_, **call, "dimensions": dimensions})
        middle = time.perf_counter_ns()
        assert answer["decision"] == "allow"
        await ask("Settle", {"reservation_id": id_, "input_tokens": 100, "output_tokens": 10})
        reserved.append((middle - began) // 1000)
        settled.append((time.perf_counter_ns() - middle) // 1000)
    return reserved, settled
