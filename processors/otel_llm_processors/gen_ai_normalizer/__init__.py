"""Brings gen_ai spans and log records, whatever older spelling they use, to the newest GenAI semantic conventions."""

from __future__ import annotations

from otel_llm.component import ProcessorFactory
from otel_llm_processors.gen_ai_normalizer.config import DimensionSources, GenAiNormalizerConfig, Source
from otel_llm_processors.gen_ai_normalizer.processor import GenAiNormalizerProcessor

__all__ = ["DimensionSources", "GenAiNormalizerConfig", "GenAiNormalizerProcessor", "Source", "factory"]

factory = ProcessorFactory("gen_ai_normalizer", GenAiNormalizerConfig, GenAiNormalizerProcessor)
