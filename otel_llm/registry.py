"""Finds components by the name that a distribution registered them under.

Built-ins are found as a third party's are: by entry points of `otel_llm.receivers`, `.processors`, `.exporters`,
`.extensions` and `.detectors`. To know the names nothing is imported; to use one, that one alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final

from otel_llm.component import (
    ExporterFactory,
    ExtensionFactory,
    Factory,
    ProcessorFactory,
    ReceiverFactory,
    Stability,
)
from otel_llm.detectors import DetectorFactory
from otel_llm.errors import ConfigError
from otel_llm.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SECTIONS", "ComponentInfo", "Kind", "Registry", "type_of"]


class Kind(StrEnum):
    """What a component is for."""

    RECEIVER = "receiver"
    PROCESSOR = "processor"
    EXPORTER = "exporter"
    EXTENSION = "extension"
    DETECTOR = "detector"
    """A part of a processor, which has a section for them: not among `SECTIONS`."""

    @property
    def section(self) -> str:
        """The key under which such components are defined."""
        return f"{self}s"

    @property
    def group(self) -> str:
        """The group of entry points that register them."""
        return f"otel_llm.{self.section}"

    @property
    def factory(self) -> type[Factory[Any, Any]]:
        """What such an entry point must name an instance of."""
        return _FACTORIES[self]


SECTIONS: Final = (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER, Kind.EXTENSION)
"""What a config has sections for."""

_FACTORIES: Final[dict[Kind, type[Factory[Any, Any]]]] = {
    Kind.RECEIVER: ReceiverFactory,
    Kind.PROCESSOR: ProcessorFactory,
    Kind.EXPORTER: ExporterFactory,
    Kind.EXTENSION: ExtensionFactory,
    Kind.DETECTOR: DetectorFactory,
}


@dataclass(frozen=True, slots=True)
class ComponentInfo:
    """One component that can be named in a config."""

    kind: Kind
    name: str
    stability: Stability | None
    """None where it cannot be loaded."""
    distribution: str
    """What installed it; empty for one that the program passed."""
    version: str
    problem: str = ""
    """Why it cannot be loaded."""


class Registry:
    """The components that are installed, and those passed as `extra`, which come before installed ones of that name."""

    def __init__(self, extra: Iterable[Factory[Any, Any]] = ()) -> None:
        self._extra: dict[Kind, dict[str, Factory[Any, Any]]] = {kind: {} for kind in Kind}
        for factory in extra:
            kind = next(kind for kind in Kind if isinstance(factory, kind.factory))
            self._extra[kind][factory.name] = factory

    def names(self, kind: Kind) -> list[str]:
        """Return the names of that kind, sorted."""
        return sorted({*self._extra[kind], *self._installed[kind]})

    def load(self, kind: Kind, name: str) -> Factory[Any, Any]:
        """Import and return one factory.

        Raises:
            ConfigError: nothing, or more than one thing, is registered under that name, or what is cannot be used.
        """
        if name in self._extra[kind]:
            return self._extra[kind][name]
        registered = self._installed[kind].get(name, [])
        if not registered:
            known = self.names(kind)
            raise ConfigError(
                f"unknown {kind} {name}{did_you_mean(name, known)}; installed: {', '.join(known) or 'none'}"
            )
        if len(registered) > 1:
            distributions = " and ".join(sorted(_distribution(entry) for entry in registered))
            raise ConfigError(f"the {kind} {name} is registered by {distributions}: uninstall all but one")
        return _load(kind, registered[0])

    def components(self) -> list[ComponentInfo]:
        """Return all components, by kind and name. Imports them."""
        return [self._info(kind, name) for kind in Kind for name in self.names(kind)]

    def _info(self, kind: Kind, name: str) -> ComponentInfo:
        entry = None if name in self._extra[kind] else self._installed[kind][name][0]
        distribution, version = (entry.dist.name, entry.dist.version) if entry and entry.dist else ("", "")
        try:
            return ComponentInfo(kind, name, self.load(kind, name).stability, distribution, version)
        except ConfigError as error:
            return ComponentInfo(kind, name, None, distribution, version, str(error))

    @cached_property
    def _installed(self) -> dict[Kind, dict[str, list[EntryPoint]]]:
        """Entry points by kind and name. A distribution that is found twice, as editable ones can be, counts once."""
        installed: dict[Kind, dict[str, list[EntryPoint]]] = {}
        for kind in Kind:
            by_name = installed.setdefault(kind, {})
            for entry in entry_points(group=kind.group):
                same_name = by_name.setdefault(entry.name, [])
                if all(entry.value != other.value for other in same_name):
                    same_name.append(entry)
        return installed


def type_of(component_id: str) -> str:
    """Return the type, which is the registered name, of an id: `type` or `type/name`."""
    return component_id.partition("/")[0]


def _load(kind: Kind, entry: EntryPoint) -> Factory[Any, Any]:
    what = f"the {kind} {entry.name} of {_distribution(entry)}"
    try:
        factory = entry.load()
    except ModuleNotFoundError as error:
        extras = f": install {_distribution(entry)}[{','.join(entry.extras)}]" if entry.extras else ""
        raise ConfigError(f"{what} needs the module {error.name}, which is not installed{extras}") from error
    except Exception as error:
        raise ConfigError(f"{what} cannot be imported: {type(error).__name__} in {entry.module}") from error
    if not isinstance(factory, kind.factory):
        raise ConfigError(f"{what} is not an instance of {kind.factory.__name__}")
    if factory.name != entry.name:
        raise ConfigError(f"{what} calls itself {factory.name}: the two names must be one")
    return factory


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unnamed distribution"
