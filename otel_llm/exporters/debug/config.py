"""Settings of the exporter `debug`."""

from __future__ import annotations

from typing import Literal

from otel_llm.component import Config

__all__ = ["DebugConfig"]


class DebugConfig(Config):
    """How much to print."""

    verbosity: Literal["basic", "detailed"] = "basic"
    """`basic`: one line for each gen_ai span. `detailed`: its ids, scope and attributes below it."""
