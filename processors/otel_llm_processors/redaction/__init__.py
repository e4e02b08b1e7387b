"""Removes secrets and personal data from everything that a span or log record says."""

from __future__ import annotations

from otel_llm.component import ProcessorFactory
from otel_llm_processors.redaction.config import RedactionConfig
from otel_llm_processors.redaction.processor import RedactionProcessor

__all__ = ["RedactionConfig", "RedactionProcessor", "factory"]

factory = ProcessorFactory("redaction", RedactionConfig, RedactionProcessor)
