"""Lets configs written for the Collector work as they stand, where only names differ or nothing needs to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.config.service import reference_lists
from otel_llm.registry import Kind, type_of

if TYPE_CHECKING:
    from otel_llm.config.document import Document

__all__ = ["accept_collector_names"]

_SPELLINGS: Final = {
    Kind.EXPORTER: {"otlp_grpc": "otlp", "otlp_http": "otlphttp"},
    Kind.EXTENSION: {"file_storage": "storage", "health_check": "health"},
}
"""The Collector's types, newer spellings too, and what they are called here."""

_NOT_NEEDED: Final = {
    "batch": "every destination merges the requests that wait for it",
    "memory_limiter": "requests that find no room in the journal are refused, for their senders to try again",
}
"""The Collector's processors whose work is done here anyway, and how."""


def accept_collector_names(document: Document) -> list[str]:
    """Rename what is called otherwise here and take out what is not needed, in definitions and where they are named.

    Returns:
        A warning for each.
    """
    renamed = [warning for kind, spellings in _SPELLINGS.items() for warning in _rename(document, kind, spellings)]
    return renamed + _take_out(document)


def _rename(document: Document, kind: Kind, spellings: dict[str, str]) -> list[str]:
    defined = document.entries((kind.section,))
    ours = {name: _respelt(name, spellings) for name in defined}
    for name, new in ours.items():
        if new != name and new in defined:
            document.report((kind.section, name), f"is read as {new}, which is defined too")
    ours = {name: new for name, new in ours.items() if new not in defined}
    warnings = [document.message((kind.section, name), f"read as {new}") for name, new in ours.items()]
    entries = [(ours.get(name, name), node) for name, node in defined.items()]
    defined.clear()
    defined.update(entries)
    for _, items in reference_lists(document, kind):
        for item in items:
            if isinstance(item.value, str):
                item.value = ours.get(item.value, item.value)
    return warnings


def _take_out(document: Document) -> list[str]:
    warnings: dict[str, str] = {}
    defined = document.entries((Kind.PROCESSOR.section,))
    for name in filter(_why_not_needed, list(defined)):
        warnings[name] = document.message((Kind.PROCESSOR.section, name), f"left out: {_why_not_needed(name)}")
        del defined[name]
    for path, items in reference_lists(document, Kind.PROCESSOR):
        for position, item in reversed(list(enumerate(items))):
            if isinstance(item.value, str) and (why := _why_not_needed(item.value)):
                warnings.setdefault(item.value, document.message((*path, position), f"left out: {why}"))
                del items[position]
    return list(warnings.values())


def _respelt(name: str, spellings: dict[str, str]) -> str:
    kind, slash, label = name.partition("/")
    return spellings.get(kind, kind) + slash + label


def _why_not_needed(name: str) -> str | None:
    return _NOT_NEEDED.get(type_of(name))
