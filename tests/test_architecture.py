"""The rooms of the code, and which doors there are between them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import otel_llm
from otel_llm import component

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(otel_llm.__file__).parent
CODE = sorted([*ROOT.rglob("*.py"), *ROOT.parent.joinpath("processors").rglob("*.py")])

FACADE = {
    "attributes", "batch", "envelopes", "log_record", "otlp_json", "otlp_json_fields", "otlp_response", "protobuf",
    "readable", "readable_log", "readable_span", "span", "testing", "text", "values",
}  # fmt: skip
"""The modules that know protobuf's types."""


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def ids(path: Path) -> str:
    """Return what pytest calls a file."""
    return str(path.relative_to(ROOT.parent))


@pytest.mark.parametrize("path", CODE, ids=ids)
def test_protobuf_stays_behind_the_facade(path: Path) -> None:
    """Only the facade's modules know which codec there is."""
    protobuf = [
        name for name in imports(path) if name.startswith(("google.protobuf", "opentelemetry.proto", "google.rpc"))
    ]

    assert path.stem in FACADE or not protobuf


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=ids)
def test_the_host_knows_no_processor(path: Path) -> None:
    """Built-in processors are found as a third party's are."""
    assert not [name for name in imports(path) if name.startswith("otel_llm_processors")]


@pytest.mark.parametrize("path", CODE, ids=ids)
def test_files_are_one_thing(path: Path) -> None:
    """Past 300 lines a module is asking to be two."""
    assert len(path.read_text("utf-8").splitlines()) <= 300


TABLES = {"semconv", "testing", "traffic"}
"""Modules that consist of names, as do the tables of dialects."""


@pytest.mark.parametrize(
    "path", [path for path in CODE if path.stem not in TABLES and "dialects" not in path.parts], ids=ids
)
def test_attribute_names_are_spelled_once(path: Path) -> None:
    """Names of attributes are constants, but in the tables that say which spelling means what."""
    literals = [
        node.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
    ]

    assert not [text for text in literals if text.startswith(("gen_ai.", "otel_llm.cost", "otel_llm.guard"))]


def test_what_authors_import_is_pinned() -> None:
    """A change of the public names is seen in a review."""
    assert [
        "Applies", "Config", "Consume", "Count", "Duration", "Endpoint", "Exporter", "ExporterFactory", "Extension",
        "ExtensionFactory", "Factory", "Find", "HostView", "OnError", "Processor", "ProcessorFactory", "Receiver",
        "ReceiverFactory", "Settings", "Stability", "Worker",
    ] == component.__all__  # fmt: skip
