"""Lets a service judge passages, such as one that runs a transformer. README.md beside it says what it is asked."""

from __future__ import annotations

from otel_llm.detectors import DetectorFactory
from otel_llm_processors.guardrail.http.config import HttpDetectorConfig
from otel_llm_processors.guardrail.http.detector import HttpDetector

__all__ = ["HttpDetector", "HttpDetectorConfig", "factory"]

factory = DetectorFactory("http", HttpDetectorConfig, HttpDetector)
