from __future__ import annotations

import sys

import pytest

from otel_llm.detection import read_rules
from otel_llm.errors import ConfigError
from otel_llm_processors.redaction import RedactionConfig, factory


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)b", "lookarounds"),
        ("(?<!a)b", "lookarounds"),
        ("(?P<n>a)", "lookarounds"),
        (r"(a)\\1", "back-references"),
        ("a++", "back-references"),
        ("a{1,5000}", "repeat"),
        ("(a", "not a regular expression"),
        ("a" * (1 << 19), "at most 4,096"),
    ],
)
def test_a_pattern_that_engines_do_not_share_is_refused_with_its_line(pattern: str, said: str) -> None:
    """Lookarounds, back-references and patterns of a megabyte are refused where they stand, without quoting them."""
    text = f'rules:\n  - id: mine\n    description: mine\n    pattern: "{pattern}"\n'

    with pytest.raises(ConfigError) as refused:
        read_rules(text, "mine.yaml")

    assert str(refused.value).startswith("mine.yaml:4: rules.0.pattern: ")
    assert said in str(refused.value)
    assert 200 > len(str(refused.value))


def test_an_unknown_validator_is_refused_with_its_line() -> None:
    """A check that does not exist would let everything through."""
    text = "rules:\n  - id: mine\n    description: mine\n    pattern: abc\n    validator: moon\n"

    with pytest.raises(ConfigError, match=r"mine\.yaml:5: rules\.0\.validator: no validator has this name"):
        read_rules(text, "mine.yaml")


def test_rules_of_ones_own_need_an_engine_that_promises_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's `re` may take exponential time: it runs bundled rules alone, and that is a warning."""
    monkeypatch.setitem(sys.modules, "re2", None)
    rule = {"id": "mine", "description": "mine", "pattern": "(a|a)+b"}

    with pytest.raises(ConfigError, match="linear time"):
        factory.build({"rules": {"add": [rule]}})
    assert ["re" in warning for warning in RedactionConfig().weaknesses()]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule whose check is missing would let everything through, or nothing."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)

    with pytest.raises(ConfigError, match=r"otel-llm\[redaction\]"):
        factory.build({})
