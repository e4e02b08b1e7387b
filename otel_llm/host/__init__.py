"""Runs a config: builds its components, connects them, and starts and stops them in the right order."""

from otel_llm.host.host import Host, Review

__all__ = ["Host", "Review"]
