"""Whether the gateway of a config runs, is well, and passes a span on."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson
from prometheus_client.parser import text_string_to_metric_families

from otel_llm.doctor.finding import Finding
from otel_llm.endpoint import parse_listen_endpoint
from otel_llm.extensions.health import HealthConfig
from otel_llm.extensions.storage import StorageConfig
from otel_llm.receivers.otlp import OtlpReceiverConfig
from otel_llm.registry import type_of
from otel_llm.signals import Signal
from otel_llm.telemetry import PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from otel_llm.config import HostConfig
    from otel_llm.receivers.otlp.config import HttpConfig

__all__ = ["examine_disk", "examine_health", "examine_ports", "examine_way"]

_PATIENCE_S: Final = 10.0
_MIB: Final = 1024 * 1024
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens everywhere is asked here
_SENT: Final = f"{PREFIX}exporter_sent_spans"


async def examine_ports(config: HostConfig) -> AsyncIterator[Finding]:
    """Tell for each port of a receiver whether something listens."""
    for name, component in config.receivers.items():
        protocols = getattr(component.config, "protocols", None)
        for protocol in ("grpc", "http"):
            settings = getattr(protocols, protocol, None)
            if settings is not None:
                place = f"receivers.{name}.protocols.{protocol}.endpoint"
                yield await _examine_port(place, settings.endpoint)


async def examine_health(config: HostConfig) -> AsyncIterator[Finding]:
    """Ask the extension `health` whether the gateway takes requests."""
    for name, component in config.extensions.items():
        if not isinstance(component.config, HealthConfig):
            continue
        status = await _status(f"http://{_address(component.config.endpoint)}/ready")
        if status is None:
            yield Finding("problem", f"extensions.{name}: no answer", "start it: otel-llm run --config ...")
        elif status == 200:  # noqa: PLR2004 - OK
            yield Finding("ok", f"extensions.{name}: the gateway is ready")
        else:
            yield Finding(
                "problem",
                f"extensions.{name}: the gateway is not ready",
                "it is starting or stopping, or its journal is full because a destination does not take anything",
            )


def examine_disk(config: HostConfig) -> Iterator[Finding]:
    """Look at the directory of the extension `storage`, and at the room that it has."""
    for name, component in config.extensions.items():
        storage = component.config
        if not isinstance(storage, StorageConfig) or storage.directory is None:
            continue
        place = f"extensions.{name}.directory"
        existing = next(
            path for path in (Path(storage.directory), *Path(storage.directory).resolve().parents) if path.exists()
        )
        if not os.access(existing, os.W_OK | os.X_OK):
            yield Finding("problem", f"{place}: cannot be written to", "give it to the user that runs the gateway")
            continue
        free, wanted = shutil.disk_usage(existing).free // _MIB, storage.max_size_mib or 4096
        if free < wanted:
            yield Finding(
                "warning",
                f"{place}: {free} MiB are free, of {wanted} that may have to wait there",
                "make room, or lower max_size_mib: senders are refused earlier then",
            )
        else:
            yield Finding("ok", f"{place}: can be written to, {free} MiB are free")


async def examine_way(config: HostConfig) -> AsyncIterator[Finding]:
    """Send one span through the gateway over HTTP, and see in its metrics whether the destinations have taken it."""
    metrics = config.service.telemetry.metrics.endpoint
    way = next(_ways(config), None)
    if way is None or metrics is None:
        yield Finding("warning", "no test span was sent", "that needs a receiver over http without tls, and metrics")
        return
    http, exporters = way
    before = await _sent(metrics)
    status = await _status(f"http://{_address(http.endpoint)}{http.traces_url_path}", _span(), _credentials(http))
    if status != 200:  # noqa: PLR2004 - OK
        answer = "no answer" if status is None else f"HTTP {status}"
        yield Finding("problem", f"a test span was not taken: {answer}", "the log of the gateway says why")
        return
    for exporter in exporters:
        if await _rises(metrics, exporter, before.get(exporter, 0.0)):
            yield Finding("ok", f"exporters.{exporter}: a test span went through (`otel-llm doctor`)")
        else:
            yield Finding(
                "problem",
                f"exporters.{exporter}: a test span was taken, but did not get there in {_PATIENCE_S:.0f} s",
                "it waits in the journal: the log of the gateway says why the destination does not take it",
            )


def _ways(config: HostConfig) -> Iterator[tuple[HttpConfig, list[str]]]:
    """Yield where spans are taken over HTTP without TLS, and where they go from there."""
    pipelines = [way for name, way in config.service.pipelines.items() if type_of(name) == Signal.TRACES]
    for name, component in config.receivers.items():
        http = component.config.protocols.http if isinstance(component.config, OtlpReceiverConfig) else None
        exporters = [exporter for way in pipelines if name in way.receivers for exporter in way.exporters]
        if http is not None and http.tls is None and exporters:
            yield http, list(dict.fromkeys(exporters))


def _credentials(http: HttpConfig) -> dict[str, str]:
    """Return the header that lets us in: whoever may read the config may send."""
    if http.auth is None:
        return {}
    token = http.auth.tokens[0]
    text = token.token_file.read_text().strip() if token.token_file else token.token.get_secret_value()  # type: ignore[union-attr]  # one of the two is there
    return {"authorization": f"Bearer {text}"}


def _span() -> bytes:
    now = time.time_ns()
    span = {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "otel-llm doctor",
        "kind": 1,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "otel-llm doctor"}}]}
    return orjson.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})


async def _examine_port(place: str, endpoint: str) -> Finding:
    host, port = parse_listen_endpoint(endpoint)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(_ANY.get(host, host), port)
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return Finding("problem", f"{place}: nothing listens on {endpoint}", "start it: otel-llm run --config ...")
    return Finding("ok", f"{place}: {endpoint} listens")


def _address(endpoint: str) -> str:
    host, port = parse_listen_endpoint(endpoint)
    host = _ANY.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _status(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> int | None:
    """Return the status of an answer, None where there is none. A body is posted as JSON."""
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    extra = {"content-type": "application/json"} if body is not None else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                "GET" if body is None else "POST", url, data=body, headers={**(headers or {}), **extra}
            ) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _sent(endpoint: str) -> dict[str, float]:
    """Return how many spans each destination has taken."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_S)) as session,
            session.get(f"http://{_address(endpoint)}/metrics") as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return {}
    families = [family for family in text_string_to_metric_families(text) if family.name == _SENT]
    return {
        sample.labels["exporter"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_total")
    }


async def _rises(endpoint: str, exporter: str, before: float) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if (await _sent(endpoint)).get(exporter, 0.0) > before:
            return True
        await asyncio.sleep(0.1)
    return False
