from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_llm_processors.gen_ai_normalizer import factory
from tests.processors.gen_ai_normalizer.items import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_llm.span import Span


def normalised_twice(told: Mapping[str, Any]) -> Iterator[Span]:
    """Yield a span of which all this is told, but for None, after each of two runs."""
    span = span_of({key: value for key, value in told.items() if value is not None})
    for _ in range(2):
        factory.build().process_span(span)
        yield span


@pytest.mark.parametrize(
    ("given", "read", "write", "output", "total", "settled"),
    [
        (100, 0, 0, 10, 110, 100),
        (100, 50, 0, 10, None, 100),
        (100, 50, 50, 10, None, 100),
        (100, 50, 51, 10, None, 201),
        (21, 0, 3300, 88, 109, 3321),
        (100, 50, 0, 10, 110, 100),
        (100, 50, 0, 10, 160, 150),
        (100, 50, 0, 10, "160", 150),
        (100, 50, 0, 10, 999, 100),
        (100, 50, 0, 10, "", 100),
        (5, 7, 0, 0, 19, 5),
        (2**61, 2**62, 0, 0, None, 2**61 + 2**62),
        (2**62, 2**63 - 1, 0, 0, None, 2**62),
    ],
)
def test_input_includes_what_was_cached(
    *, given: int, read: int, write: int, output: int, total: Any, settled: int
) -> None:
    """It is added where it is certain that it is missing, and once only."""
    counts = {
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": write,
        "gen_ai.usage.total_tokens": total,
    }
    for span in normalised_twice(counts):
        assert settled == span.get("gen_ai.usage.input_tokens")


@pytest.mark.parametrize(
    ("given", "read", "output", "thought", "total", "settled"),
    [
        (100, 0, 30, 20, 130, (100, 30)),
        (100, 0, 10, 20, None, (100, 30)),
        (100, 0, 30, 20, None, (100, 30)),
        (100, 0, 30, 20, 150, (100, 50)),
        (100, 50, 30, 20, 150, (100, 50)),
        (100, 50, 30, 20, 180, (150, 30)),
        (100, 50, 30, 20, 200, (150, 50)),
        (100, 20, 30, 20, 150, (120, 30)),
        (100, 0, 10, 20, 150, (100, 10)),
        (100, 0, 30, 20, 999, (100, 30)),
        (None, 50, 10, 20, None, (None, 30)),
        (100, 150, None, 20, None, (250, None)),
        (1, 0, 2**62, 2**63 - 1, None, (1, 2**62)),
    ],
)
def test_output_includes_what_was_thought(
    *, given: int | None, read: int, output: int | None, thought: int, total: int | None, settled: tuple[Any, Any]
) -> None:
    """It is added where it is certain that it is missing, as what was cached is, and once only."""
    counts = {
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.reasoning.output_tokens": thought,
        "gen_ai.usage.total_tokens": total,
    }
    for span in normalised_twice(counts):
        assert settled == (span.get("gen_ai.usage.input_tokens"), span.get("gen_ai.usage.output_tokens"))


@pytest.mark.parametrize(
    ("model", "given", "output", "total", "settled"),
    [
        ("gemini-2.5-pro", 20, 10, 130, 110),
        ("models/gemini-2.5-flash", 20, None, 130, 110),
        ("gemini-2.5-pro", 20, 10, 30, 10),
        ("gemini-2.5-pro", 20, 10, 25, 10),
        ("gemini-2.5-pro", None, 10, 130, 10),
        ("gpt-4o", 20, 10, 130, 10),
        (None, 20, 10, 130, 10),
    ],
)
def test_what_is_left_of_geminis_total_is_output(
    *, model: str | None, given: int | None, output: int | None, total: int, settled: int
) -> None:
    """What was thought is in the total alone, where nobody hands on its count."""
    told = {
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.total_tokens": total,
    }
    for span in normalised_twice(told):
        assert settled == span.get("gen_ai.usage.output_tokens")


@pytest.mark.parametrize(
    ("details", "cached"),
    [
        ("{'cache_read': 12}", 12),
        ('{"cache_read": 12}', 12),
        ({"cache_read": 12}, 12),
        ("{'cache_read': '12'}", 12),
        ("{'cache_read': -12}", None),
        ("{'cache_read': 12", None),
        ("{'cache_read': print()}", None),
        ("{'cache_read': 36893488147419103232}", None),
        ("{" * 20_000, None),
        ("[" * 3_000, None),
        ("{'cache_read': 12, 'x': '" + "x" * 20_000 + "'}", None),
        ("[12]", None),
        (12, None),
    ],
)
def test_details_are_read_as_json_or_as_python_prints_them(details: Any, cached: int | None) -> None:
    """Never evaluated, and not at any length."""
    span = span_of({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.input_token_details": details})
    factory.build().process_span(span)

    assert cached == span.get("gen_ai.usage.cache_read.input_tokens")
