"""Configs: from YAML to what the host builds, or to everything that is wrong with it at once."""

from otel_llm.config.loader import Component, HostConfig, load_config

__all__ = ["Component", "HostConfig", "load_config"]
