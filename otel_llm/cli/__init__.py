"""The command line: `otel-llm run`, `validate`, `components`, `process`, `demo`, and what components bring along."""

from otel_llm.cli.app import main

__all__ = ["main"]
