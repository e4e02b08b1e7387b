from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_llm.detection import Rule, RuleDetector, bundled_rules
from otel_llm.detection.examples import made_up

if TYPE_CHECKING:
    from otel_llm.detection.engines import EngineName

RULES = bundled_rules()
ENGINES: tuple[EngineName, ...] = ("hyperscan", "re2", "re")
VALUE = "Tr0ub4dor&3"


@pytest.fixture(scope="module", params=ENGINES)
def detector(request: pytest.FixtureRequest) -> RuleDetector:
    """Return a detector for all bundled rules on each engine."""
    return RuleDetector(RULES, engine=request.param)


def fires(detector: RuleDetector, rule: Rule, text: str) -> bool:
    """Tell whether a rule finds something in a text, or under a key."""
    said = (text, VALUE) if rule.on == "key" else ("", text)
    return any(finding.rule == rule.id for finding in detector.scan([said])[0])


def test_every_example_is_found_and_no_counter_example(detector: RuleDetector) -> None:
    """Each rule fires in its examples, whatever their made-up parts are, and in none of its counter-examples."""
    missed = [
        (rule.id, shape)
        for rule in RULES
        for shape in rule.examples
        for seed in range(2)
        if not fires(detector, rule, made_up(shape, seed))
    ]
    wrong = [
        (rule.id, shape) for rule in RULES for shape in rule.counter_examples if fires(detector, rule, made_up(shape))
    ]

    assert ([], []) == (missed, wrong)


def test_engines_find_the_same() -> None:
    """The fast engine is equal to the plain ones, in all fixtures at once and one by one."""
    texts = [("", made_up(shape)) for rule in RULES for shape in (*rule.examples, *rule.counter_examples)]
    found = [RuleDetector(RULES, engine=engine).scan(texts) for engine in ENGINES]

    assert list(map(list, found[0])) == list(map(list, found[1])) == list(map(list, found[2]))


def test_texts_are_found_alike_together_and_alone() -> None:
    """What a text holds does not depend on those that are scanned with it."""
    detector = RuleDetector(RULES)
    texts = [("", made_up(shape)) for rule in RULES for shape in rule.examples]

    assert [list(detector.scan([text])[0]) for text in texts] == list(map(list, detector.scan(texts)))


def test_there_are_as_many_formats_as_promised() -> None:
    """At least 180 formats of secrets, each with examples and counter-examples, each id once."""
    secrets = [rule for rule in RULES if rule.category == "secret"]

    assert 180 <= len(secrets)
    assert [] == [rule.id for rule in RULES if not rule.examples or not rule.counter_examples]
    assert len(RULES) == len({rule.id for rule in RULES})


def test_what_is_clean_as_a_whole_is_clean_in_every_part() -> None:
    """No example is called clean, whatever word characters stand around it in the bytes of a request."""
    detector = RuleDetector(rule for rule in RULES if rule.enabled)
    shapes = [
        made_up(shape)
        for rule in RULES
        if rule.enabled
        for shape in rule.examples
        if fires(detector, rule, made_up(shape))
    ]

    assert [] == [text for text in shapes if detector.is_clean(b"\x0a1" + text.encode() + b"9z")]


def test_a_request_without_anything_is_clean() -> None:
    """Names of attributes, private addresses and short values are not worth a walk."""
    detector = RuleDetector(rule for rule in RULES if rule.enabled)

    assert detector.is_clean(
        b"\x0aclient.address\x12\x0810.0.0.7\x1ahttp.route\x12\x10/api/orders/{id}gen_ai.usage.input_tokens"
    )
