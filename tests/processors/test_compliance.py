"""What every registered processor must do, ours and anybody's."""

from __future__ import annotations

import pytest

from otel_llm.component import ProcessorFactory
from otel_llm.registry import Kind, Registry
from otel_llm.testing import check_processor

REGISTRY = Registry()


@pytest.mark.parametrize("name", REGISTRY.names(Kind.PROCESSOR))
def test_a_registered_processor_complies(name: str) -> None:
    """It is registered under its own name, documented, harmless to what it does not know, and idempotent."""
    factory = REGISTRY.load(Kind.PROCESSOR, name)
    assert isinstance(factory, ProcessorFactory)

    check_processor(factory)
