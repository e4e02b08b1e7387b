"""A linear model that tells injections from other texts. README.md beside it says what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.detectors import DetectorFactory
from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.model.config import LinearModelConfig

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.detectors import TextDetector

__all__ = ["LinearModelConfig", "factory"]


def _create(config: LinearModelConfig, settings: Settings) -> TextDetector:
    try:
        from otel_llm_processors.guardrail.model.linear import LinearModel  # numpy may not be installed
    except ModuleNotFoundError:
        raise ConfigError(f"{settings.name} needs numpy: pip install 'otel-llm[guardrail]'") from None
    return LinearModel(config, settings)


factory = DetectorFactory("linear_model", LinearModelConfig, _create)
