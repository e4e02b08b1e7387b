from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm.batch import Batch
from otel_llm.testing import make_request

from .checked import FINDINGS, answered, guardrail, messages, run, said

CHAIN = guardrail(output={"citations": ["*"]}, sensitive={"categories": []})
MARKED = "Answer from these. [1] The museum opens at nine. [2] It closes at six."
TOOL = messages("tool", {"type": "tool_call_response", "response": {"hits": [{"id": "doc-7", "text": "Nine."}]}})


@pytest.mark.parametrize(
    ("asked", "answer", "rule"),
    [
        (said(MARKED), "At nine [1], until six [^2].", None),
        (said(MARKED), "At nine [3].", "citation.unknown"),
        (said(MARKED), "At nine.", "citation.missing"),
        (said("When?"), "At nine [1].", "citation.unknown"),
        ({"gen_ai.input.messages": TOOL}, "At nine [doc-7].", None),
        ({"gen_ai.input.messages": TOOL}, "At nine \u3010doc-7\u2020hours.md\u3011.", None),
        ({"gen_ai.input.messages": TOOL}, "At nine [doc-8].", "citation.unknown"),
        (said("[hours](https://example.org/hours)"), "See [hours](https://example.org/hours).", None),
        (said("[hours](https://example.org/hours)"), "See [prices](https://example.org/prices).", "citation.unknown"),
        ({"gen_ai.retrieval.documents": '[{"id": "d1", "score": 0.5}]'}, "At nine [d1].", None),
        ({"gen_ai.retrieval.documents": '[{"id": "d1"}, "x", {"id": null}]'}, "At nine [x].", "citation.unknown"),
        ({"gen_ai.retrieval.documents": "no JSON"}, "At nine [no].", "citation.unknown"),
    ],
)
def test_answers_cite_what_was_retrieved(asked: dict[str, Any], answer: str, rule: str | None) -> None:
    """By a mark of the question, the id that a tool gives, or a document of a retrieval; and they cite something."""
    assert ([rule] if rule else None) == run(CHAIN, {**asked, **answered(answer)}).get(FINDINGS)


def test_documents_of_a_retrieval_are_known_in_its_trace() -> None:
    """Its span is another one than that of the answer."""
    retrieval = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.documents": json.dumps([{"id": "d1", "score": 0.5}]),
    }
    batch = Batch(make_request({"gen_ai.operation.name": "chat", **answered("Nine [d1].")}, retrieval))
    CHAIN.run(batch)

    assert "allow" == batch.spans[0].get("otel_llm.guardrail.verdict")


def test_only_the_routes_that_are_named_must_cite() -> None:
    """Small talk has no sources."""
    chain = guardrail(output={"citations": ["search"]})

    assert ["citation.missing"] == run(chain, {**answered("Nine."), "otel_llm.route": "search"}).get(FINDINGS)
    assert run(chain, {**answered("Hello."), "otel_llm.route": "chat"}).get(FINDINGS) is None
    assert run(chain, answered("Hello.")).get(FINDINGS) is None
