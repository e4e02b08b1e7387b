"""Detection that processors share: rules, the engines that run them, and one scan of a text for whoever asks."""

from __future__ import annotations

from otel_llm.detection.detector import Detector, RuleDetector
from otel_llm.detection.finding import TOO_DEEP, Finding
from otel_llm.detection.rule import Rule
from otel_llm.detection.rule_files import bundled_rules, read_rules

__all__ = ["TOO_DEEP", "Detector", "Finding", "Rule", "RuleDetector", "bundled_rules", "read_rules"]
