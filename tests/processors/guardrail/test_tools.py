from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_llm.errors import ConfigError

from .checked import FINDINGS, VERDICT, answered, guardrail, messages, run, said

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "Heron-Quartz-Lantern"


def calls(tool: str, arguments: Any) -> dict[str, Any]:
    """Return attributes of a call in which the model calls a tool."""
    part = {"type": "tool_call", "id": "1", "name": tool, "arguments": arguments}
    return {"gen_ai.output.messages": messages("assistant", part)}


@pytest.mark.parametrize(
    ("where", "allowed"),
    [
        ({"otel_llm.route": "shop"}, True),
        ({"otel_llm.route": "other"}, False),
        ({"otel_llm.route": "shop", "gen_ai.agent.name": "reader"}, False),
        ({"otel_llm.route": "shop", "gen_ai.agent.name": "writer"}, True),
        ({}, False),
    ],
)
def test_tools_are_those_of_the_route_and_of_the_agent(where: dict[str, Any], allowed: bool) -> None:
    """Both must allow one, where they say something; it does not matter who tells of the call."""
    chain = guardrail(tools={"routes": {"shop": ["order"], "*": []}, "agents": {"reader": ["search"]}})
    expected = ("allow", None) if allowed else ("deny", ["tool.not_allowed"])
    executed = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "order"}

    for attributes in (calls("order", {"n": 1}), executed, {**executed, "gen_ai.tool.call.arguments": "{}"}):
        span = run(chain, {**attributes, **where})
        assert expected == (span.get(VERDICT), span.get(FINDINGS))


@pytest.mark.parametrize(
    ("arguments", "valid"),
    [({"n": 1}, True), ('{"n": 1}', True), ({"n": "1"}, False), ('{"n": ', False), ("{}", False)],
)
def test_arguments_follow_the_schema_of_their_tool(arguments: Any, valid: bool, tmp_path: Path) -> None:
    """Structured or as JSON, in a message or on the tool's own span; other tools are free."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"properties": {"n": {"type": "integer"}}, "required": ["n"]}))
    chain = guardrail(tools={"arguments": {"order": str(path)}})
    expected = None if valid else ["tool.invalid_arguments"]
    executed = {"gen_ai.tool.name": "order", "gen_ai.tool.call.arguments": arguments}
    if not isinstance(arguments, str):
        executed["gen_ai.tool.call.arguments"] = json.dumps(arguments)

    assert expected == run(chain, calls("order", arguments)).get(FINDINGS)
    assert expected == run(chain, executed).get(FINDINGS)
    assert run(chain, calls("search", arguments)).get(FINDINGS) is None


@pytest.mark.parametrize(
    "text",
    [
        f"My rules begin with {CANARY}.",
        "heron quartz lantern",
        "H e r o n  Q u a r t z  L a n t e r n",
        "h3r0n_qu4rtz_l4nt3rn",
        base64.b64encode(f"The word is {CANARY}, they say".encode()).decode(),
    ],
)
def test_a_canary_that_comes_out_is_told(text: str) -> None:
    """In an answer or in what a tool is given; where it stands in the instructions it belongs."""
    chain = guardrail(canaries=[CANARY])

    assert ("deny", ["canary.leaked"]) == (
        run(chain, answered(text)).get(VERDICT),
        run(chain, answered(text)).get(FINDINGS),
    )
    assert ["canary.leaked"] == run(chain, calls("send", {"text": text})).get(FINDINGS)
    assert run(chain, {"gen_ai.system_instructions": text}).get(FINDINGS) is None
    assert run(chain, said(text)).get(FINDINGS) is None


def test_a_short_canary_is_refused_and_not_repeated() -> None:
    """It would be found by chance; and the error is for a log."""
    with pytest.raises(ConfigError, match="12 letters") as refused:
        guardrail(canaries=["Sparrow-1"])
    assert "Sparrow" not in str(refused.value)


def test_context_comes_from_allowed_sources() -> None:
    """A retrieval says whom it asks."""
    chain = guardrail(allowed_sources=["manuals"])

    assert ["source.not_allowed"] == run(chain, {"gen_ai.data_source.id": "forum"}).get(FINDINGS)
    assert run(chain, {"gen_ai.data_source.id": "manuals"}).get(FINDINGS) is None
