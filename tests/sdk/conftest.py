"""Apps of a few lines, with the exporter in front of one that keeps what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_llm.component import Config, ProcessorFactory
from otel_llm.config import loader
from otel_llm.registry import Registry
from tests.sdk.app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sdk.steps import Steps


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set `OTEL_LLM_CONFIG` to a file with this text."""

    def write(text: str) -> None:
        path = tmp_path / "otel-llm.yaml"
        path.write_text(text)
        monkeypatch.setenv("OTEL_LLM_CONFIG", str(path))

    return write


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Have an app that is not configured."""
    monkeypatch.delenv("OTEL_LLM_CONFIG", raising=False)
    app = App()
    yield app
    app.provider.shutdown()


@pytest.fixture
def steps(config: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Steps]], None]:
    """Configure a chain of one of the processors above."""

    def use(kind: type[Steps]) -> None:
        factory = ProcessorFactory("steps", Config, lambda _config, _settings: kind())
        monkeypatch.setattr(loader, "Registry", lambda: Registry([factory]))
        config("processors: {steps: {}}\nservice: {pipelines: {traces: {processors: [steps]}}}")

    return use
