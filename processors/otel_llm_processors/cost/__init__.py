"""Prices every inference span: what the call cost in USD, exactly, and why."""

from __future__ import annotations

from otel_llm.component import ProcessorFactory
from otel_llm_processors.cost.config import CostConfig
from otel_llm_processors.cost.processor import CostProcessor

__all__ = ["CostConfig", "CostProcessor", "factory"]

factory = ProcessorFactory("cost", CostConfig, CostProcessor)
