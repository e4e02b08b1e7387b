"""Settings of the exporter `store`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otel_llm.component import Duration  # noqa: TC001 - pydantic reads it
from otel_llm.exporters.delivery import DeliveryConfig

__all__ = ["StoreExporterConfig"]


class StoreExporterConfig(DeliveryConfig):
    """How calls come into the store."""

    timeout: Annotated[Duration, Field(gt=0)] = 30.0
    """Longest time for one transaction. After it the same calls are tried again; none is charged twice for that."""
