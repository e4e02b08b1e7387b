from __future__ import annotations

import pytest

from otel_llm.detection import read_rules
from otel_llm.errors import ConfigError


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
