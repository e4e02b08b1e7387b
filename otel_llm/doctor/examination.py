"""All that is looked at, in the order in which it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.doctor.destinations import examine_destination
from otel_llm.doctor.finding import Finding
from otel_llm.doctor.gateway import examine_disk, examine_health, examine_ports, examine_way
from otel_llm.registry import type_of
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_llm.config import HostConfig

__all__ = ["Finding", "examine"]

_REMOTE: Final = frozenset({"otlp", "otlphttp"})
"""Exporters to which an empty request can be sent without a trace of it."""


async def examine(config: HostConfig, *, send: bool) -> AsyncIterator[Finding]:
    """Yield what is found, as it is found; with *send*, also whether a test span arrives."""
    for warning in config.warnings:
        yield Finding("warning", warning)
    for finding in examine_disk(config):
        yield finding
    for name, component in config.exporters.items():
        if type_of(name) in _REMOTE:
            async for finding in examine_destination(component, _signal(config, name)):
                yield finding
    reachable = True
    async for finding in examine_ports(config):
        reachable = reachable and finding.state == "ok"
        yield finding
    async for finding in examine_health(config):
        yield finding
    if send and reachable:
        async for finding in examine_way(config):
            yield finding


def _signal(config: HostConfig, exporter: str) -> Signal:
    """Return a signal that the exporter is sent."""
    pipelines = [name for name, way in config.service.pipelines.items() if exporter in way.exporters]
    return Signal(type_of(pipelines[0]))
