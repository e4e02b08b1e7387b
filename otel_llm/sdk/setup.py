"""Opens an outlet: from `OTEL_LLM_CONFIG` to a chain of processors and the SDK's exporters behind it."""

from __future__ import annotations

import logging
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_llm.chain import Chain
from otel_llm.component import Processor, Settings
from otel_llm.config import AppConfig, Component, load_app_config
from otel_llm.errors import ConfigError
from otel_llm.sdk.outlet import Opened
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.sdk.outlet import SdkExporter
    from otel_llm.sdk.readable import Codec
    from otel_llm.telemetry import Meter

__all__ = ["CONFIG", "open_outlet"]

CONFIG: Final = "OTEL_LLM_CONFIG"
"""The environment variable that names the config."""

_log = logging.getLogger(__name__)


def open_outlet(signal: Signal, meter: Meter, given: Sequence[SdkExporter[Any]]) -> Opened:
    """Return what an outlet for *signal* needs; *given* exporters come before those of the config.

    Raises:
        ConfigError: with everything that is wrong.
    """
    config = _read()
    if config.ignored:
        _log.warning("of %s these do not hold inside an app: %s", CONFIG, ", ".join(config.ignored))
    if signal not in config.processors:
        raise ConfigError(f"{CONFIG}: has no pipeline for {signal}")
    steps = [(step.id, _build(step, meter)) for step in config.processors[signal]]
    if not given:
        steps += _rewrites(signal, config.exporters[signal])
    chain = Chain(steps, meter=meter)
    exporters = given or _open_targets(signal, config.exporters[signal])
    chain.start()
    return Opened(chain, _codec(signal), exporters)


def _rewrites(signal: Signal, exporters: Sequence[Component]) -> list[tuple[str, Processor]]:
    """Return what the backend's profile asks for as the last step: in an app all exporters get the same spans."""
    profiles: set[Any] = {getattr(exporter.config, "profile", "none") for exporter in exporters}
    if len(profiles) > 1:
        raise ConfigError(f"service.pipelines.{signal}.exporters: inside an app they must have one profile")
    if profiles <= {"none"}:
        return []
    from otel_llm.exporters.profile import Rewrite  # of use to few

    return [("profile", Rewrite(profiles.pop()))]


def _open_targets(signal: Signal, exporters: Sequence[Component]) -> Sequence[SdkExporter[Any]]:
    from otel_llm.sdk.targets import open_targets  # not where exporters are given: their config types are not needed

    return open_targets(signal, exporters)


def _read() -> AppConfig:
    path = os.environ.get(CONFIG)
    if not path:
        text = files("otel_llm.sdk").joinpath("default.yaml").read_text("utf-8")
        return load_app_config(text, source="default.yaml")
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{CONFIG}: cannot be read: {os.strerror(error.errno or 0)}") from None
    except ValueError:
        raise ConfigError(f"{CONFIG}: is not UTF-8, or not a path") from None
    return load_app_config(text, source=path)


def _build(step: Component, meter: Meter) -> Processor:
    processor: Processor = step.factory.create(step.config, Settings(step.id, meter))
    return processor


def _codec(signal: Signal) -> Codec[Any]:
    if signal is Signal.TRACES:
        from otel_llm.sdk.readable_span import SpanCodec

        return SpanCodec()
    from otel_llm.sdk.readable_log import LogCodec

    return LogCodec()
