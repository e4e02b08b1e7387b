from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AliasChoices, BaseModel
from pydantic import Field as Setting

from otel_llm.component import Config, Count, Duration
from otel_llm.config.schema import Field, describe, keys_at, type_at
from otel_llm.config.service import ServiceConfig
from otel_llm.registry import Kind, Registry
from otel_llm.signals import Signal

ENTRY_POINTS = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"][
    "entry-points"
]
BUILT_IN = [(kind, name) for kind in Kind for name in ENTRY_POINTS.get(kind.group, {})]


class Leaf(Config):
    """A part."""

    size: Annotated[Count, Setting(ge=1)] = 5
    """How many."""

    deeper: tuple[Leaf, ...] = ()
    """More of the same."""


class Tree(Config):
    """Settings with a field of every sort."""

    path: Path
    """Where."""

    mode: Literal["fast", "safe"] = Setting("safe", validation_alias=AliasChoices("mode", "old_mode"))
    """How."""

    signal: Signal = Signal.TRACES
    """Which."""

    wait: Duration | None = None
    """How long."""

    pause: Duration = 0.25
    """How long between."""

    on: bool | Literal["auto"] = True
    """Whether."""

    leaf: Leaf | None = None
    """One."""

    leaves: list[Leaf] = Setting(default_factory=list)
    """Several."""

    by_name: dict[str, tuple[Leaf, ...]] = Setting(default_factory=dict)
    """Many."""


def test_a_config_type_describes_its_keys() -> None:
    """Path, type and default as one would write them in YAML, and the docstring under the field."""
    assert [
        Field("path", "path", "required", "Where."),
        Field("mode", "fast or safe", "safe", "How."),
        Field("signal", "traces, logs or metrics", "traces", "Which."),
        Field("wait", "duration or null", "null", "How long."),
        Field("pause", "duration", "0.25s", "How long between."),
        Field("on", "true, false or auto", "true", "Whether."),
        Field("leaf", "mapping or null", "null", "One."),
        Field("leaf.size", "whole number", "5", "How many."),
        Field("leaf.deeper", "list of mapping", "[]", "More of the same."),
        Field("leaves", "list of mapping", "[]", "Several."),
        Field("leaves[].size", "whole number", "5", "How many."),
        Field("leaves[].deeper", "list of mapping", "[]", "More of the same."),
        Field("by_name", "mapping", "{}", "Many."),
        Field("by_name.<name>[].size", "whole number", "5", "How many."),
        Field("by_name.<name>[].deeper", "list of mapping", "[]", "More of the same."),
    ] == describe(Tree)


def test_what_is_expected_is_found_by_place() -> None:
    """However lists, mappings and unions are nested; nothing is known beyond what the type has."""
    assert "whole number" == type_at(Tree, ("by_name", "x", 0, "deeper", 3, "size"))
    assert "" == type_at(Tree, ("path", "x"))
    assert ["size", "deeper"] == keys_at(Tree, ("leaf",))
    assert [] == keys_at(Tree, ("mode",))
    assert "mode" in keys_at(Tree, ())
    assert "old_mode" in keys_at(Tree, ())


@pytest.mark.parametrize(("kind", "name"), BUILT_IN, ids=str)
def test_every_setting_of_every_built_in_component_is_documented(kind: Kind, name: str) -> None:
    """The docstring under the field is all the documentation there is."""
    assert [] == undocumented(Registry().load(kind, name).config)


def test_every_setting_of_the_service_is_documented() -> None:
    """As those of components are."""
    assert [] == undocumented(ServiceConfig)


def undocumented(config: type[BaseModel]) -> list[str]:
    """Return the paths of settings without a description."""
    return [field.path for field in describe(config) if not field.description.strip()]
