"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("otel-llm", deadline=None)  # machines are noisy: no example fails for its time
settings.load_profile("otel-llm")
