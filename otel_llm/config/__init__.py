"""Configs: from YAML to what the host builds, or to everything that is wrong with it at once."""

from otel_llm.config.loader import AppConfig, Component, HostConfig, load_app_config, load_config

__all__ = ["AppConfig", "Component", "HostConfig", "load_app_config", "load_config"]
