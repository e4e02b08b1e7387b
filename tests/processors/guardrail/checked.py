"""A span as it is after the guardrail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.testing import make_request
from otel_llm_processors.guardrail import factory

if TYPE_CHECKING:
    from otel_llm.span import Span
    from otel_llm.telemetry import Meter

VERDICT = "otel_llm.guardrail.verdict"
FINDINGS = "otel_llm.guardrail.findings"


def guardrail(meter: Meter | None = None, **config: Any) -> Chain:
    """Return a chain with the guardrail alone."""
    settings = Settings("guardrail", meter) if meter else Settings("guardrail")
    return Chain([("guardrail", factory.build(config, settings))])


def run(chain: Chain, attributes: dict[str, Any]) -> Span:
    """Return a span with these attributes after a chain."""
    batch = Batch(make_request({"gen_ai.operation.name": "chat", **attributes}))
    chain.run(batch)
    return Batch(batch.to_bytes()).spans[0]


def said(text: str, role: str = "user") -> dict[str, Any]:
    """Return attributes of a call in which somebody said a text."""
    return {"gen_ai.input.messages": messages(role, {"type": "text", "content": text})}


def answered(text: str) -> dict[str, Any]:
    """Return attributes of a call that was answered with a text."""
    return {"gen_ai.output.messages": messages("assistant", {"type": "text", "content": text})}


def messages(role: str, *parts: dict[str, Any]) -> str:
    """Return messages in the conventions' schema."""
    return json.dumps([{"role": role, "parts": parts}])
