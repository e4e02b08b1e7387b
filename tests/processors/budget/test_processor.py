from __future__ import annotations

from otel_llm import semconv
from otel_llm.testing import check_processor, make_span
from otel_llm_processors.budget import factory


def test_it_does_what_every_processor_must() -> None:
    """Registered, documented, harmless on any span, the same when run twice."""
    check_processor(factory)


def test_without_the_extension_the_state_is_unknown() -> None:
    """In an app nobody knows what has been spent; of what is no call nothing is said."""
    call, agent = (make_span({semconv.COST_STATUS: status}) for status in ("priced", "not_billable"))
    processor = factory.build()
    processor.process_span(call)
    processor.process_span(agent)

    assert "unknown" == call.get(semconv.BUDGET_STATE)
    assert semconv.BUDGET_STATE not in agent
