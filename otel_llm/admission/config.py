"""Settings of `service.memory`: the keys of the Collector's `memory_limiter`, and what one request may consist of."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from otel_llm.component import Config, Count

__all__ = ["MemoryConfig"]


class MemoryConfig(Config):
    """How much memory the program may take, and how much of it one request."""

    limit_mib: Count = 0
    """Most MiB of resident memory. No request is taken that might lead beyond. `0`: by `limit_percentage`."""

    spike_limit_mib: Count = 0
    """MiB below the limit from which on requests are refused, for their senders to try again: room for what happens
    between two looks. `0`: a fifth of the limit."""

    limit_percentage: Annotated[Count, Field(ge=1, le=100)] = 80
    """The limit in percent of the machine's memory, or of its control group's (a container's) where that is less."""

    spike_limit_percentage: Annotated[Count, Field(le=99)] = 0
    """`spike_limit_mib` in percent of the same, where the limit is a percentage. `0`: a fifth of the limit."""

    max_items_per_request: Annotated[Count, Field(ge=1)] = 100_000
    """Most spans, log records or data points in a request, the resources and scopes around them included."""

    max_parts_per_request: Annotated[Count, Field(ge=1)] = 2_000_000
    """Most parts of a request altogether: items, attributes, values, events, links. A request of 4 MB, and any smaller
    one, has fewer."""

    @model_validator(mode="after")
    def _spike_within_limit(self) -> Self:
        if self.limit_mib and self.spike_limit_mib >= self.limit_mib:
            raise ValueError("spike_limit_mib must be less than limit_mib")
        if not self.limit_mib and self.spike_limit_percentage >= self.limit_percentage:
            raise ValueError("spike_limit_percentage must be less than limit_percentage")
        return self
