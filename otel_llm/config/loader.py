"""Reads a config: from text to what the host builds, or to everything that is wrong with it at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from otel_llm.config.collector_compat import accept_collector_names
from otel_llm.config.document import dotted
from otel_llm.config.flow import report_loops, unredacted
from otel_llm.config.in_app import keep_what_apps_read
from otel_llm.config.service import ServiceConfig, reference_lists
from otel_llm.config.strict_yaml import parse
from otel_llm.config.validation import validate
from otel_llm.errors import ConfigError
from otel_llm.registry import SECTIONS, Kind, Registry, type_of
from otel_llm.signals import Signal
from otel_llm.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.component import Config, Factory
    from otel_llm.config.document import Document, Node, Path

__all__ = ["AppConfig", "Component", "HostConfig", "load_app_config", "load_config"]

_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?")
_SECTIONS: Final = (*(kind.section for kind in SECTIONS), "service")


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a config that something uses."""

    id: str
    """`type` or `type/name`."""
    kind: Kind
    factory: Factory[Any, Any]
    config: Config


@dataclass(frozen=True, slots=True)
class HostConfig:
    """A config with nothing wrong. It holds the components that `service` names, by their ids."""

    receivers: dict[str, Component]
    processors: dict[str, Component]
    exporters: dict[str, Component]
    extensions: dict[str, Component]
    service: ServiceConfig
    warnings: list[str]
    """What works, but perhaps not as meant; each with its place."""
    text: str = field(repr=False)  # it may hold secrets
    """The YAML that it was read from, with which another process has the same config."""
    source: str
    """What messages call that."""


def load_config(
    text: str, *, source: str = "config", environ: Mapping[str, str] = os.environ, registry: Registry | None = None
) -> HostConfig:
    """Read YAML and validate all of it. Imports the components that `service` names, and no others.

    Args:
        text: The YAML.
        source: What to call it in messages, such as its path.
        environ: Where `${env:NAME}` is looked up.
        registry: Where components are found; the installed ones by default.

    Raises:
        ConfigError: with every problem, as `source:line: path: what is wrong`. No problem holds a value that came from
            the environment.
    """
    document = parse(text, environ, source=source)
    return _Reading(document, registry or Registry()).finish(text)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """What of a config holds inside an app: for each signal its processors, and where it goes."""

    processors: dict[Signal, list[Component]]
    exporters: dict[Signal, list[Component]]
    ignored: list[str]
    """What the config says besides, by its place."""


def load_app_config(
    text: str, *, source: str, environ: Mapping[str, str] = os.environ, registry: Registry | None = None
) -> AppConfig:
    """Read of YAML what holds inside an app: the processors and OTLP exporters of the traces and logs pipelines.

    The rest is neither checked nor imported, and may need environment variables that only the gateway has.

    Raises:
        ConfigError: as `load_config`.
    """
    document = parse(text, environ, source=source)
    return _Reading(document, registry or Registry()).finish_in_app()


class _Reading:
    """One config while it is being read. What is wrong is noted in the document, and the reading goes on."""

    def __init__(self, document: Document, registry: Registry) -> None:
        self._document = document
        self._registry = registry
        self._warnings = accept_collector_names(document)

    def finish(self, text: str) -> HostConfig:
        self._check_sections()
        self._check_pipelines()
        service = validate(ServiceConfig, self._document, ("service",)) or ServiceConfig()
        receivers, processors, exporters, extensions = (self._read_section(kind) for kind in SECTIONS)
        if service.workers > 1:
            self._check_workers(receivers, processors, exporters, extensions)
        report_loops(self._document, _settings(receivers), _settings(exporters))
        self._document.raise_problems()
        if "redaction" in self._registry.names(Kind.PROCESSOR):
            self._warnings += unredacted(self._document, service)
        return HostConfig(
            receivers, processors, exporters, extensions, service, self._warnings, text, self._document.source
        )

    def finish_in_app(self) -> AppConfig:
        ignored = keep_what_apps_read(self._document)
        self._check_sections()
        service = validate(ServiceConfig, self._document, ("service",)) or ServiceConfig()
        pipelines = {name: Signal(type_of(name)) for name in service.pipelines}
        for name, signal in pipelines.items():
            if [*pipelines.values()].count(signal) > 1:
                self._document.report(("service", "pipelines", name), f"an app has one pipeline for {signal}")
        processors, exporters = self._read_section(Kind.PROCESSOR), self._read_section(Kind.EXPORTER)
        self._document.raise_problems()
        by_signal = {signal: service.pipelines[name] for name, signal in pipelines.items()}
        return AppConfig(
            {signal: [processors[name] for name in each.processors] for signal, each in by_signal.items()},
            {signal: [exporters[name] for name in each.exporters] for signal, each in by_signal.items()},
            ignored,
        )

    def _check_workers(self, *sections: dict[str, Component]) -> None:
        for component in (each for section in sections for each in section.values()):
            if reason := component.config.needs_one_process():
                self._document.report((component.kind.section, component.id), reason)

    def _check_sections(self) -> None:
        if not isinstance(self._document.root.value, dict):
            self._document.give_up(self._document.root.line, "expected mapping")
        for key, node in self._document.entries(()).items():
            if key not in _SECTIONS:
                self._document.report((key,), f"unknown key{did_you_mean(key, _SECTIONS)}")
            elif not isinstance(node.value, dict | None):
                self._document.report((key,), "expected mapping")

    def _check_pipelines(self) -> None:
        pipelines = self._document.entries(("service", "pipelines"))
        if not pipelines:
            self._document.report(("service", "pipelines"), "needs at least one pipeline")
        for name, pipeline in pipelines.items():
            path: Path = ("service", "pipelines", name)
            if not _ID.fullmatch(name) or type_of(name) not in list(Signal):
                meant = did_you_mean(type_of(name), Signal)
                self._document.report(path, f"must be traces, logs or metrics, or one of them and /name{meant}")
            parts = {} if pipeline.value is None else pipeline.data
            for kind in (Kind.RECEIVER, Kind.EXPORTER):
                if isinstance(parts, dict) and not parts.get(kind.section):
                    self._document.report((*path, kind.section), f"needs at least one {kind}")

    def _read_section(self, kind: Kind) -> dict[str, Component]:
        defined = self._document.entries((kind.section,))
        used = self._used(kind, defined)
        unused = [name for name in defined if name not in used]
        self._warnings += [self._document.message((kind.section, name), "is defined, but not used") for name in unused]
        components = ((name, self._read_component(kind, name, used=name in used)) for name in defined)
        return {name: component for name, component in components if component is not None}

    def _used(self, kind: Kind, defined: dict[str, Node]) -> set[str]:
        """Return the ids of that kind that `service` names."""
        used: set[str] = set()
        for path, items in reference_lists(self._document, kind):
            seen: set[str] = set()
            for position, item in enumerate(items):
                if not isinstance(item.value, str):
                    continue  # reported with the other values of a wrong type
                if item.value in seen:
                    self._document.report((*path, position), "is named twice in this list")
                elif item.value not in defined:
                    self._document.report((*path, position), _undefined(kind, item, defined))
                seen.add(item.value)
            used |= seen
        return used

    def _read_component(self, kind: Kind, name: str, *, used: bool) -> Component | None:
        path = (kind.section, name)
        if not _ID.fullmatch(name):
            self._document.report(path, "must be a type or type/name, of letters, digits and _ (in names also - and .)")
            return None
        if not used and type_of(name) in self._registry.names(kind):
            return None  # known is all it has to be: what nothing uses is not imported
        try:
            factory = self._registry.load(kind, type_of(name))
        except ConfigError as error:
            self._document.report(path, str(error))
            return None
        config = validate(factory.config, self._document, path)
        return None if config is None else Component(name, kind, factory, config)


def _undefined(kind: Kind, item: Node, defined: dict[str, Node]) -> str:
    if item.from_environment:
        return f"names what is not defined under {kind.section}"
    name = str(item.value)
    return f"{dotted((name,))} is not defined under {kind.section}{did_you_mean(name, defined)}"


def _settings(components: dict[str, Component]) -> dict[str, Config]:
    return {name: component.config for name, component in components.items()}
