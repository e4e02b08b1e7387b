from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator

from otel_llm.component import (
    Config,
    Count,
    Duration,
    ExporterFactory,
    ExtensionFactory,
    ProcessorFactory,
    ReceiverFactory,
    Settings,
)
from otel_llm.config import HostConfig, load_config
from otel_llm.errors import ConfigError
from otel_llm.registry import SECTIONS, Kind, Registry

CONFIGS = Path(__file__).parent / "cases"
ENVIRON = {"BACKEND": "backend:4317", "TOKEN": "s3cr3t-t0k3n", "EXPORTER": "s3cr3t-exporter", "COUNT": "5"}


class GrpcConfig(Config):
    """A protocol."""

    endpoint: str = "127.0.0.1:4317"
    """Where it listens."""

    max_mib: Annotated[Count, Field(ge=1, le=64)] = 64
    """Largest request."""


class ReceiverConfig(Config):
    """Settings of a receiver."""

    protocols: dict[str, GrpcConfig | None] = Field(default_factory=dict)
    """By name."""

    grpc: GrpcConfig = GrpcConfig()
    """Its only one."""


class Rule(Config):
    """A rule."""

    name: str
    """What to call it."""

    action: Literal["allow", "deny"] = "allow"
    """What to do."""


class ProcessorConfig(Config):
    """Settings of a processor."""

    rules: tuple[Rule, ...] = ()
    """What to look for."""

    limits: dict[str, float] = Field(default_factory=dict)
    """By name."""


class QueueConfig(Config):
    """How it waits."""

    num_consumers: Count = 1000
    """How many."""


class ExporterConfig(Config):
    """Settings of an exporter."""

    endpoint: str
    """Where it sends."""

    timeout: Duration = 5.0
    """Longest wait."""

    insecure: bool = False
    """Without TLS."""

    sending_queue: QueueConfig = QueueConfig()
    """Waiting."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Sent along."""

    compression: Literal["gzip", "none"] | Count = Field("gzip", alias="compress")
    """How, or how much."""

    @field_validator("headers")
    @classmethod
    def _echo(cls, headers: dict[str, str]) -> dict[str, str]:
        if bad := [value for value in headers.values() if "!" in value]:
            raise ValueError(f"must not hold ! as {bad[0]} does")
        return headers


class DebugConfig(Config):
    """Settings of debug."""

    verbosity: Literal["basic", "detailed"] = "basic"
    """How much."""


class EndpointConfig(Config):
    """Settings of an extension."""

    endpoint: str = "127.0.0.1:13133"
    """Where it answers."""


def no_component(_config: Config, _settings: Settings) -> Any:
    """Stand where a config is read and nothing is built."""
    raise AssertionError


REGISTRY = Registry(
    [
        ReceiverFactory("otlp", ReceiverConfig, no_component),
        ProcessorFactory("cost", ProcessorConfig, no_component),
        ProcessorFactory("redaction", ProcessorConfig, no_component),
        ExporterFactory("otlp", ExporterConfig, no_component),
        ExporterFactory("otlphttp", ExporterConfig, no_component),
        ExporterFactory("debug", DebugConfig, no_component),
        ExtensionFactory("health", EndpointConfig, no_component),
        ExtensionFactory("storage", EndpointConfig, no_component),
    ]
)


@pytest.fixture(autouse=True, scope="module")
def _only_these_components() -> Any:
    """Whatever is installed beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otel_llm.registry.entry_points", lambda group: ())  # noqa: ARG005 - named so by its callers
        yield


def load(text: str, source: str = "config") -> HostConfig:
    """Read a config with the components and variables of this module."""
    return load_config(text, source=source, environ=ENVIRON, registry=REGISTRY)


def outcome(text: str, source: str = "config") -> tuple[list[str], list[str]]:
    """Return the problems of a config, or its warnings."""
    try:
        return [], load(text, source).warnings
    except ConfigError as error:
        return list(error.problems), []


def lines(path: Path) -> list[str]:
    """Return the lines of a file; none where there is no file."""
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_configs_load_or_are_refused_with_every_problem(path: Path) -> None:
    """Beside a file stand the problems (`.errors`) or the warnings (`.warnings`) to expect, if there are any."""
    expected = lines(path.with_suffix(".errors")), lines(path.with_suffix(".warnings"))

    assert expected == outcome(path.read_text(), path.name)


def test_a_config_holds_what_the_host_builds() -> None:
    """Validated settings by id, of the components that the service names."""
    config = load(CONFIGS.joinpath("complete.yaml").read_text())

    assert ["otlp", "otlp/second"] == list(config.receivers)
    assert ["cost", "redaction"] == list(config.processors)
    assert ["otlp", "debug"] == list(config.exporters)
    assert ["health"] == list(config.extensions)
    assert {
        "endpoint": "backend:4317",
        "timeout": 90.0,
        "insecure": True,
        "sending_queue": {"num_consumers": 5},
        "headers": {"authorization": "Bearer s3cr3t-t0k3n", "x-literal": "${env:TOKEN}"},
        "compression": "gzip",
    } == config.exporters["otlp"].config.model_dump()
    assert ("debug", Kind.EXPORTER, "debug", DebugConfig()) == (
        config.exporters["debug"].id,
        config.exporters["debug"].kind,
        config.exporters["debug"].factory.name,
        config.exporters["debug"].config,
    )
    assert ("cost", "redaction") == config.service.pipelines["traces"].processors
    assert (None, "warn", "json") == (
        config.service.telemetry.metrics.endpoint,
        config.service.telemetry.logs.level,
        config.service.telemetry.logs.format,
    )
    assert (1.0, 60.0) == (config.service.shutdown.grace, config.service.shutdown.drain)


def test_names_of_the_collector_give_components_of_ours() -> None:
    """A pasted config runs: what is called otherwise is found, what is not needed is gone."""
    config = load(CONFIGS.joinpath("collector.yaml").read_text())

    assert ["otlp", "otlphttp/eu"] == list(config.exporters)
    assert [] == list(config.processors)
    assert ("storage", "health") == config.service.extensions
    assert ((), ("otlp", "otlphttp/eu")) == (
        config.service.pipelines["traces"].processors,
        config.service.pipelines["traces"].exporters,
    )


def test_where_no_redaction_is_installed_its_absence_is_no_warning() -> None:
    """What cannot be had is not asked for."""
    text = CONFIGS.joinpath("unredacted.yaml").read_text()
    without = [
        factory
        for kind in SECTIONS
        for name in REGISTRY.names(kind)
        if (factory := REGISTRY.load(kind, name)).name != "redaction"
    ]

    assert [] == load_config(text, environ=ENVIRON, registry=Registry(without)).warnings


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_message_shows_what_came_from_the_environment(path: Path) -> None:
    """It may be a secret, and messages go to logs and terminals."""
    assert "s3cr3t" not in str(outcome(path.read_text()))


words = st.sampled_from(
    [
        "receivers",
        "processors",
        "exporters",
        "extensions",
        "service",
        "pipelines",
        "telemetry",
        "metrics",
        "logs",
        "traces",
        "otlp",
        "otlp/a",
        "debug",
        "cost",
        "batch",
        "batch/x",
        "health_check",
        "otlp_http",
        "protocols",
        "grpc",
        "endpoint",
        "timeout",
        "5s",
        "true",
        "5",
        "null",
        "~",
        "${env:TOKEN}",
        "${env:NONE}",
        "$",
        "<<",
        "127.0.0.1:4317",
        "http://[::1",
        "a/b/c",
    ]
)


def lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return flow lists of *inner*."""
    return st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")


def mappings(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return flow mappings of words to *inner*."""
    entry = st.tuples(words, inner).map(": ".join)
    return st.lists(entry, max_size=5).map(lambda entries: f"{{{', '.join(entries)}}}")


values = st.recursive(words, lambda inner: lists(inner) | mappings(inner), max_leaves=30)
complete = CONFIGS.joinpath("complete.yaml").read_text()
damaged = st.builds(
    lambda start, length, put_in: complete[:start] + put_in + complete[start + length :],
    st.integers(0, len(complete)),
    st.integers(0, 20),
    words | st.text(max_size=5),
)


@settings(deadline=None, max_examples=300)
@given(st.text() | values | mappings(values) | damaged)
def test_any_text_is_a_config_or_refused(text: str) -> None:
    """No input raises anything but `ConfigError`."""
    problems, _ = outcome(text)

    assert "s3cr3t" not in "".join(problems)
