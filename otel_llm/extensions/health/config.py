"""Settings of `extensions.health`."""

from __future__ import annotations

from otel_llm.component import Config
from otel_llm.endpoint import ListenEndpoint

__all__ = ["HealthConfig"]


class HealthConfig(Config):
    """Settings of `extensions.health`."""

    endpoint: ListenEndpoint = "127.0.0.1:13133"
    """Where to answer."""
