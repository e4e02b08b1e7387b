"""Where telemetry would go with a config: back to where it came from, or on without being redacted."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel

from otel_llm.config.document import dotted
from otel_llm.registry import type_of
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_llm.component import Config
    from otel_llm.config.document import Document, Path
    from otel_llm.config.service import ServiceConfig

__all__ = ["report_loops", "unredacted"]

_PORTS: Final = {"http": 80, "https": 443}


class _Address(NamedTuple):
    host: str
    port: int


def report_loops(document: Document, receivers: Mapping[str, Config], exporters: Mapping[str, Config]) -> None:
    """Report every exporter whose `endpoint` is one that a receiver listens on."""
    listening = [found for name, config in receivers.items() for found in _endpoints(config, ("receivers", name))]
    for name, config in exporters.items():
        target = _address(getattr(config, "endpoint", None))
        for path, endpoint in listening:
            if _reaches(target, _address(endpoint)):
                ours = dotted(path)
                document.report(("exporters", name, "endpoint"), f"is our own {ours}: what is sent there comes back")


def unredacted(document: Document, service: ServiceConfig) -> list[str]:
    """Return a warning for every pipeline that sends what no `redaction` has seen. Metrics are never processed."""
    warnings = []
    for name, pipeline in service.pipelines.items():
        away = [exporter for exporter in pipeline.exporters if type_of(exporter) != "debug"]
        redacts = "redaction" in map(type_of, pipeline.processors)
        if away and not redacts and type_of(name) != Signal.METRICS:
            way = f"{', '.join(pipeline.receivers)} -> {', '.join(away)}"
            warnings.append(document.message(("service", "pipelines", name), f"{way}: passes no redaction processor"))
    return warnings


def _endpoints(config: BaseModel, path: Path) -> Iterator[tuple[Path, object]]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from _endpoints(value, (*path, name))
        elif name == "endpoint":
            yield (*path, name), value


def _address(endpoint: object) -> _Address | None:
    """Return the host and port of `host:port` or of a URL; None where there are none."""
    if not isinstance(endpoint, str):
        return None
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return _Address(parts.hostname or "", port) if port else None


def _reaches(target: _Address | None, listening: _Address | None) -> bool:
    """Tell whether what is sent to *target* comes in at *listening*, as far as the two texts show it."""
    if target is None or listening is None or target.port != listening.port:
        return False
    return target.host == listening.host or (_is_this_machine(target.host) and _is_this_machine(listening.host))


def _is_this_machine(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
