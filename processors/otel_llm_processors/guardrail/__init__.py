"""Tells what is wrong with a call: what was asked, what was answered, and what came from tools."""

from __future__ import annotations

from otel_llm.component import ProcessorFactory
from otel_llm_processors.guardrail.config import GuardrailConfig
from otel_llm_processors.guardrail.processor import GuardrailProcessor

__all__ = ["GuardrailConfig", "GuardrailProcessor", "factory"]

factory = ProcessorFactory("guardrail", GuardrailConfig, GuardrailProcessor)
