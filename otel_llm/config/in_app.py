"""What of a gateway's config holds inside an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.config.document import dotted
from otel_llm.registry import Kind, type_of
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from otel_llm.config.document import Document, Node, Path

__all__ = ["keep_what_apps_read"]

_SIGNALS: Final = (Signal.TRACES, Signal.LOGS)
_EXPORTERS: Final = frozenset({"otlp", "otlphttp", "otlp_grpc", "otlp_http"})
"""Those for which the SDK has one of its own, by all their spellings."""


def keep_what_apps_read(document: Document) -> list[str]:
    """Take out of *document* what does not hold inside an app, and what was found wrong there; return its places.

    Processors, OTLP exporters, and of the pipelines for traces and logs the lists of these stay.
    """
    ignored = [dotted(path) for path in _ways(document) if not _holds(path)]
    for path in _ways(document):
        if not _holds(path):
            parent = document.entries(path[:-1])
            parent.pop(str(path[-1]))
    for pipeline in document.entries(("service", "pipelines")).values():
        exporters = pipeline.child(Kind.EXPORTER.section)
        if exporters and isinstance(exporters.value, list):
            exporters.value = [item for item in exporters.value if not _is_other_exporter(item)]
    document.problems = {path: problems for path, problems in document.problems.items() if _holds(path)}
    return ignored


def _ways(document: Document) -> list[Path]:
    """Return the places, each down to where it is decided whether it holds."""
    divided = (Kind.EXPORTER.section, "service")
    found: list[Path] = [(section,) for section in document.entries(()) if section not in divided]
    found += [(Kind.EXPORTER.section, name) for name in document.entries((Kind.EXPORTER.section,))]
    found += [("service", key) for key in document.entries(("service",)) if key != "pipelines"]
    for name, pipeline in document.entries(("service", "pipelines")).items():
        path: Path = ("service", "pipelines", name)
        inner = pipeline.value if isinstance(pipeline.value, dict) and _holds(path) else None
        found += [path] if inner is None else [(*path, key) for key in inner]
    return found


def _holds(path: Path) -> bool:
    match path:
        case ("exporters", str(name), *_):
            return type_of(name) in _EXPORTERS
        case ("service", "pipelines", str(name)):
            return type_of(name) in _SIGNALS
        case ("service", "pipelines", str(name), part, *_):
            return type_of(name) in _SIGNALS and part != Kind.RECEIVER.section
        case ("service", part, *_):
            return part == "pipelines"
        case (section, *_):
            return section in {"processors", "exporters", "service"}
    return True


def _is_other_exporter(item: Node) -> bool:
    return isinstance(item.value, str) and type_of(item.value) not in _EXPORTERS
