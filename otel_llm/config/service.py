"""Settings of `service`: which components run, how they are connected, and how the program tells about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from otel_llm.admission import MemoryConfig
from otel_llm.component import Config, Count, Duration
from otel_llm.endpoint import ListenEndpoint
from otel_llm.logs import LogFormat, LogLevel
from otel_llm.registry import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.config.document import Document, Node, Path

__all__ = [
    "LogsConfig",
    "MetricsConfig",
    "PipelineConfig",
    "ReloadConfig",
    "ServiceConfig",
    "ShutdownConfig",
    "TelemetryConfig",
    "reference_lists",
]


def _none_is_off(value: Any) -> Any:
    return None if value == "none" else value


class MetricsConfig(Config):
    """The program's metrics about itself."""

    endpoint: Annotated[ListenEndpoint | None, BeforeValidator(_none_is_off)] = "127.0.0.1:8888"
    """Where they can be read in the Prometheus text format, at `/metrics`. `none`: nowhere."""


class LogsConfig(Config):
    """The program's log about itself, on standard error."""

    level: LogLevel = "info"
    """The least important events that are written."""

    format: LogFormat = "text"
    """Lines for people, or one JSON object a line."""


class TelemetryConfig(Config):
    """What the program tells about itself."""

    metrics: MetricsConfig = MetricsConfig()
    """Its metrics."""

    logs: LogsConfig = LogsConfig()
    """Its log."""


class ShutdownConfig(Config):
    """How long the program may take to stop."""

    grace: Duration = 5.0
    """For requests that are being received to be answered."""

    drain: Duration = 10.0
    """For destinations to take what waits for them. What they have not taken waits in the journal, if it is on disk."""


class ReloadConfig(Config):
    """When the config is read again while the program runs. At SIGHUP it always is."""

    watch: bool = False
    """Also when the file changes; it is looked at every two seconds. For where nobody can send a signal, such as a pod
    with a ConfigMap."""


class PipelineConfig(Config):
    """One way through the program."""

    receivers: tuple[str, ...] = ()
    """What feeds it; at least one."""

    processors: tuple[str, ...] = ()
    """What works on it, in this order."""

    exporters: tuple[str, ...] = ()
    """Where it goes; at least one. Each gets all of it."""


class ServiceConfig(Config):
    """Settings of `service`."""

    extensions: tuple[str, ...] = ()
    """Extensions to run, started in this order."""

    telemetry: TelemetryConfig = TelemetryConfig()
    """What the program tells about itself."""

    pipelines: dict[str, PipelineConfig] = Field(default_factory=dict)
    """By `traces`, `logs` or `metrics`, with `/name` after it where there are several for a signal."""

    memory: MemoryConfig = MemoryConfig()
    """Limits of memory, and of what one request may come to."""

    shutdown: ShutdownConfig = ShutdownConfig()
    """Time limits of stopping."""

    reload: ReloadConfig = ReloadConfig()
    """Reading the config again."""

    workers: Annotated[Count, Field(ge=1, le=128)] = 1
    """Processes that share the ports and the work, each with its own journal and its own event loop; Linux only. What a
    worker leaves behind in its journal is delivered by its successor, and what is left by more workers than there are
    now, by the first. A change needs a restart."""


def reference_lists(document: Document, kind: Kind) -> Iterator[tuple[Path, list[Node]]]:
    """Yield each list in which `service` names components of that kind, with its place."""
    paths: list[Path] = [("service", "extensions")]
    if kind is not Kind.EXTENSION:
        pipelines = document.entries(("service", "pipelines"))
        paths = [("service", "pipelines", name, kind.section) for name in pipelines]
    for path in paths:
        node = document.at(path)
        if node and isinstance(node.value, list):
            yield path, node.value
