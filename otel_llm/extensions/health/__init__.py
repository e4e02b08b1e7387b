"""Tells whoever keeps the program running how it is: `/` whether it lives, `/ready` whether to send to it."""

from otel_llm.component import ExtensionFactory
from otel_llm.extensions.health.config import HealthConfig
from otel_llm.extensions.health.extension import Health

__all__ = ["Health", "HealthConfig", "factory"]

factory = ExtensionFactory("health", HealthConfig, lambda config, settings: Health(config, settings.name), once=True)
