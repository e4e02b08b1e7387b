"""Settings of the extension `storage`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otel_llm.component import Config, Count

__all__ = ["StorageConfig"]


class StorageConfig(Config):
    """How much may wait."""

    max_size_mib: Annotated[Count, Field(ge=1)] = 64
    """Most MiB waiting for destinations before senders are told to wait."""
