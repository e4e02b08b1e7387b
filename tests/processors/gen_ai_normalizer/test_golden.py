from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer import factory
from tests.processors.gen_ai_normalizer.items import attributes_of, span_of

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "gen_ai_normalizer").glob("*.json"))
CONTENT = {
    semconv.GEN_AI_INPUT_MESSAGES,
    semconv.GEN_AI_OUTPUT_MESSAGES,
    semconv.GEN_AI_SYSTEM_INSTRUCTIONS,
    semconv.GEN_AI_RETRIEVAL_DOCUMENTS,
    semconv.GEN_AI_TOOL_DEFINITIONS,
}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what is new or different, content decoded, and what is gone as None."""
    new = {key: value for key, value in after.items() if key not in before or repr(value) != repr(before[key])}
    decoded = {key: json.loads(value) if key in CONTENT else value for key, value in new.items()}
    return decoded | dict.fromkeys(before.keys() - after.keys())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_spans(path: Path) -> None:
    """Each file holds a span before, and the attributes that are added, changed or, where null, removed."""
    case = json.loads(path.read_text())
    span = span_of(case["in"], case.get("events", ()), case.get("name", "a span"), case.get("scope", ""))
    factory.build(case.get("config")).process_span(span)
    found = changes(case["in"], attributes_of(span))

    assert json.dumps(case["out"], indent=2, sort_keys=True) == json.dumps(found, indent=2, sort_keys=True)
    assert bool(case["out"]) == span._shared.dirty
