"""Settings of the linear model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otel_llm.component import Config

__all__ = ["LinearModelConfig"]


class LinearModelConfig(Config):
    """Settings of `detectors.linear_model`."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """The score, 0 to 1, from which a text is told."""
