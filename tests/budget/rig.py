"""A gateway with budgets, run in the test's own event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from otel_llm.config import load_config
from otel_llm.exporters.store import factory as store_exporter
from otel_llm.extensions.budgets import factory as budgets
from otel_llm.extensions.store import factory as store
from otel_llm.host import Host
from otel_llm.registry import Registry
from otel_llm_processors.budget import factory as budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.component import Factory

__all__ = ["COMPONENTS", "CONFIG", "endpoint", "gateway", "post", "send"]

COMPONENTS: Final[tuple[Factory[Any, Any], ...]] = (budgets, store, store_exporter, budget)

CONFIG: Final = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}}}
processors: {{gen_ai_normalizer: {{}}, cost: {{}}, budget: {{}}}}
exporters: {{store: {{sending_queue: {{batch: {{flush_timeout: 0}}}}}}, file: {{path: "{directory}/out.jsonl"}}}}
extensions:
  store: {{url: "{url}"}}
  budgets:
    file: "{directory}/budgets.yml"
    http: {{endpoint: "127.0.0.1:0"}}
    grpc: {{endpoint: "127.0.0.1:0"}}
    digest: {{key: a key of the tests}}
service:
  extensions: [store, budgets]
  telemetry: {{metrics: {{endpoint: "127.0.0.1:0"}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [gen_ai_normalizer, cost, budget], exporters: [store, file]}}
"""


@asynccontextmanager
async def gateway(
    directory: Path, budgets_file: str, url: str = "", *, change: tuple[str, str] = ("", "")
) -> AsyncIterator[Host]:
    """Run a gateway with these budgets, on SQLite unless another store's URL is given; *change* its config."""
    directory.joinpath("budgets.yml").write_text(budgets_file)
    text = CONFIG.format(directory=directory, url=url or f"sqlite:///{directory}/store.db").replace(*change)
    async with Host(load_config(text, registry=Registry(COMPONENTS))) as host:
        yield host


def endpoint(host: Host, part: str) -> str:
    """Return where something listens, as a URL."""
    return f"http://{next(each for each in host.endpoints if part in each.name)}"


async def send(host: Host, body: bytes) -> None:
    """Send an export request, and wait until every destination has it."""
    await post(host, body)
    for destination in host.destinations:
        await destination.drain(10)


async def post(host: Host, body: bytes) -> None:
    """Send an export request."""
    headers = {"Content-Type": "application/x-protobuf"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{endpoint(host, 'receivers.otlp')}/v1/traces", data=body) as answer,
    ):
        assert 200 == answer.status
