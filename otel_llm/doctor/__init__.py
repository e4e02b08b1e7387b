"""Finds out what is wrong with a running set-up, from the outside, and what to do about it."""

from otel_llm.doctor.examination import Finding, examine

__all__ = ["Finding", "examine"]
