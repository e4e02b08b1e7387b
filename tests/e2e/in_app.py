"""Apps of `tests/apps` under `opentelemetry-instrument`, which export through the processors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

__all__ = ["INSTRUMENT", "PROGRAMS", "configure"]

PROGRAMS: Final = Path(sys.executable).parent
INSTRUMENT: Final = str(PROGRAMS / "opentelemetry-instrument")


def configure(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Have traces exported through the processors, and nothing else."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otel_llm")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
