"""Writes a first config for a backend."""

from otel_llm.scaffold.backends import BACKENDS, Backend
from otel_llm.scaffold.config import render

__all__ = ["BACKENDS", "Backend", "render"]
