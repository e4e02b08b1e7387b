from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.phrases import bundled_phrases

from .checked import FINDINGS, VERDICT, answered, guardrail, messages, run, said

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = guardrail()
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}, "id": {"pattern": "^a+$"}}, "required": ["age"]}


def found(attributes: dict[str, Any], **output: Any) -> Any:
    """Return the rules that an answer breaks."""
    chain = guardrail(output=output, sensitive={"categories": []}) if output else CHAIN
    return run(chain, attributes).get(FINDINGS)


def test_every_refusal_is_found_and_no_counter_example() -> None:
    """Each phrase is found in answers, and only there."""
    rules = bundled_phrases("refusals")

    assert [] == [text for rule in rules for text in rule.examples if found(answered(text)) != [rule.id]]
    assert [] == [text for rule in rules for text in rule.counter_examples if found(answered(text))]
    assert [] == [text for rule in rules for text in rule.examples if found(said(text))]
    assert found(answered(rules[0].examples[0]), refusals=False) is None


def test_profanity_is_told_where_it_is_asked_for() -> None:
    """Of answers, by whole words; off by default, as it says little."""
    rules = bundled_phrases("profanity")
    on = {"profanity": True}

    assert [] == [text for rule in rules for text in rule.examples if found(answered(text), **on) != [rule.id]]
    assert [] == [text for rule in rules for text in rule.counter_examples if found(answered(text), **on)]
    assert [] == [text for rule in rules for text in rule.examples if found(said(text), **on)]
    assert found(answered(rules[0].examples[0])) is None


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "refusal", "guardrail_intervened"])
def test_a_filtered_answer_is_told(reason: str) -> None:
    """Whatever the provider calls it, and where no content is recorded too."""
    span = run(CHAIN, {"gen_ai.response.finish_reasons": ["stop", reason]})

    assert ("warn", ["content_filter.finish_reason"]) == (span.get(VERDICT), span.get(FINDINGS))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("see https://docs.example.com/a?b=c.", True),
        ("see HTTPS://EXAMPLE.COM:8443/x, please", True),
        ("see https://example.com. And no more", True),
        ("see https://evilexample.com/", False),
        ("see https://example.com@evil.test/", False),
        ("see https://example.com.evil.test", False),
        ("![x](https://evil.test/p.png?d=1)", False),
        ("**https://example.com**", True),
        ("none at all", True),
    ],
)
def test_addresses_lead_to_allowed_domains(text: str, allowed: bool) -> None:
    """Subdomains count, look-alikes and user names do not."""
    assert (None if allowed else ["url.not_allowed"]) == found(answered(text), allowed_domains=["example.com"])


def test_answers_are_of_the_values_that_a_route_may_give() -> None:
    """Each of several choices must be one."""
    values = {"sort": ["spam", "ham"], "*": ["yes"]}
    two = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": each}]} for each in ("spam", "eggs")])

    assert found({**answered(" ham\n"), "otel_llm.route": "sort"}, allowed_values=values) is None
    assert ["value.not_allowed"] == found(
        {"gen_ai.output.messages": two, "otel_llm.route": "sort"}, allowed_values=values
    )
    assert ["value.not_allowed"] == found(answered("ham"), allowed_values=values)
    assert found(answered("eggs"), allowed_values={"sort": ["spam"]}) is None


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ('{"age": 3, "id": "aaa"}', None),
        ('{"age": "3"}', "schema.invalid"),
        ('{"age": 3, "id": "ab"}', "schema.invalid"),
        ("[]", "schema.invalid"),
        ('{"age": 3', "schema.not_json"),
        ("Sure! ```json\n{}```", "schema.not_json"),
    ],
)
def test_answers_follow_the_schema_of_their_route(answer: str, rule: str | None, tmp_path: Path) -> None:
    """What is no JSON is told apart from JSON that is not as it should be; other routes are free."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "person.json"
    path.write_text(json.dumps(SCHEMA))
    schemas = {"extract": str(path)}

    assert ([rule] if rule else None) == found({**answered(answer), "otel_llm.route": "extract"}, schemas=schemas)
    assert found({**answered("free"), "otel_llm.route": "chat"}, schemas=schemas) is None


def test_a_call_of_a_tool_is_no_answer(tmp_path: Path) -> None:
    """A model that calls a tool has not answered yet."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "person.json"
    path.write_text(json.dumps(SCHEMA))
    call = messages("assistant", {"type": "tool_call", "name": "f", "arguments": {"x": 1}})

    assert found({"gen_ai.output.messages": call}, schemas={"*": str(path)}) is None


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        '{"type": "nothing"}',
        '{"$ref": "https://example.com/x.json"}',
        '{"pattern": "(?=a)"}',
        '{"pattern": "(a)\\\\1"}',
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_start(schema: str, tmp_path: Path) -> None:
    """No JSON, no schema, what would be fetched, and patterns that need more than linear time."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "bad.json"
    path.write_text(schema)

    with pytest.raises(ConfigError, match="no JSON Schema"):
        guardrail(output={"schemas": {"*": str(path)}})


def test_a_schema_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its place in the config."""
    with pytest.raises(ConfigError, match=r"output\.schemas\.x"):
        guardrail(output={"schemas": {"x": str(tmp_path / "none.json")}})
