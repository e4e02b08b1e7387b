"""Settings of the exporter `file`."""

from __future__ import annotations

from pathlib import Path

from otel_llm.component import Config

__all__ = ["FileConfig"]


class FileConfig(Config):
    """Which file."""

    path: Path
    """File to append to. Made when it is not there, readable to its owner only; its directory must be there."""
