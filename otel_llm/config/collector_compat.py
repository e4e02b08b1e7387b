"""Lets configs written for the Collector work as they stand, where only names differ or nothing needs to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.config.document import Node
from otel_llm.config.service import reference_lists
from otel_llm.registry import Kind, type_of

if TYPE_CHECKING:
    from otel_llm.config.document import Document, Path

__all__ = ["accept_collector_names"]

_SPELLINGS: Final = {
    Kind.EXPORTER: {"otlp_grpc": "otlp", "otlp_http": "otlphttp"},
    Kind.EXTENSION: {"file_storage": "storage", "health_check": "health"},
}
"""The Collector's types, newer spellings too, and what they are called here."""

_NOT_NEEDED: Final = {
    "batch": "every destination merges the requests that wait for it",
    "memory_limiter": "its limits are read as service.memory",
}
"""The Collector's processors whose work is done here anyway, and how."""

_LIMITS: Final = ("limit_mib", "spike_limit_mib", "limit_percentage", "spike_limit_percentage")
"""What of a memory_limiter has a meaning here. Memory is looked at when requests come, not at an interval."""

_QUEUE: Final = dict.fromkeys(
    ("queue_size", "sizer", "block_on_overflow", "wait_for_result"),
    "not used: how much may wait, for all destinations, is extensions.storage.max_size_mib",
)
_FILES: Final = {
    "fsync": "not used: here it is extensions.storage.fsync, batch or interval",
    **dict.fromkeys(("timeout", "compaction", "create_directory", "directory_permissions", "recreate"), "not needed"),
}
"""Keys of the Collector that have no counterpart, and why."""


def accept_collector_names(document: Document) -> list[str]:
    """Rename what is called otherwise here and take out what is not needed, in definitions and where they are named.

    Returns:
        A warning for each.
    """
    warnings = _pass_over_keys(document)
    for kind, spellings in _SPELLINGS.items():
        warnings += _rename(document, kind, spellings)
    _read_limits(document)
    return warnings + _take_out(document)


def _pass_over_keys(document: Document) -> list[str]:
    warnings: list[str] = []
    for name in document.entries((Kind.EXPORTER.section,)):
        warnings += _pass_over(document, (Kind.EXPORTER.section, name, "sending_queue"), _QUEUE)
    for name in document.entries((Kind.EXTENSION.section,)):
        if type_of(name) == "file_storage":
            warnings += _pass_over(document, (Kind.EXTENSION.section, name), _FILES)
    return warnings


def _pass_over(document: Document, path: Path, keys: dict[str, str]) -> list[str]:
    written = document.entries(path)
    found = [key for key in written if key in keys]
    warnings = [document.message((*path, key), keys[key]) for key in found]
    for key in found:
        del written[key]
    return warnings


def _read_limits(document: Document) -> None:
    """Read a memory_limiter's limits as `service.memory`, unless the config has that."""
    processors, service = document.entries((Kind.PROCESSOR.section,)), document.entries(("service",))
    limiter = next((node for name, node in processors.items() if type_of(name) == "memory_limiter"), None)
    if limiter is None or not isinstance(limiter.value, dict) or "memory" in service:
        return
    service["memory"] = Node(limiter.line, {key: node for key, node in limiter.value.items() if key in _LIMITS})


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
