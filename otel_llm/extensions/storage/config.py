"""Settings of the extension `storage`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from otel_llm.component import Config, Count, Duration

__all__ = ["StorageConfig"]


class StorageConfig(Config):
    """Where batches wait for their destinations, how much may, and what an answer to a sender means."""

    directory: Annotated[str, Field(min_length=1)] | None = None
    """Where state is kept; the journal is in its subdirectory `journal`, or one for each worker in `journal-1` and
    so on. One gateway at a time, nobody else's."""

    mode: Literal["memory", "disk", "sync"] | None = None
    """When a sender is answered: when it is in memory, on disk, or with every destination. Unless set: `disk` with a
    `directory`, `memory` without."""

    fsync: Literal["batch", "interval"] = "batch"
    """With `batch`, what was answered survives a loss of power. With `interval`, it survives the end of the process; a
    loss of power takes what was answered in the last `fsync_interval`."""

    fsync_interval: Annotated[Duration, Field(gt=0)] = 1.0
    """How often is synced with `fsync: interval`."""

    max_size_mib: Annotated[Count, Field(ge=1)] | None = None
    """Most MiB waiting for destinations before senders are told to wait. Unless set: 4096 on disk, 64 in memory."""

    max_age: Duration = 0.0
    """On disk: what has waited longer is given up. `0`: nothing is."""

    min_free_mib: Count | None = None
    """On disk: leave so many MiB of the file system free. Unless set: the smaller of 5 % of it and 64 MiB."""

    @property
    def effective_mode(self) -> Literal["memory", "disk", "sync"]:
        """`mode`, or what is meant without it."""
        return self.mode or ("memory" if self.directory is None else "disk")

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        if self.effective_mode == "disk":
            if self.directory is None:
                msg = "mode disk needs a directory"
                raise ValueError(msg)
            return self
        unused = self.model_fields_set & {"fsync", "fsync_interval", "max_age", "min_free_mib"}
        if unused:
            msg = f"{', '.join(sorted(unused))}: for mode disk only"
            raise ValueError(msg)
        return self
