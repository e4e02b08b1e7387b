"""The fast engine finds what the plain one does, wherever a rule's pattern matches."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_llm.detection import Rule, RuleDetector, bundled_rules
from otel_llm.detection.examples import made_up
from otel_llm.detection.extent import holds_run
from otel_llm.detection.pattern import alternatives
from otel_llm.detection.validators.checksums import ISSUERS, luhn_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECKED = {"phone-beside-word", "phone-international", "card"}
"""They are looked for by what their validators ask for too; all others whatever a check says."""
RULES = [
    rule if rule.id in CHECKED else rule.model_copy(update={"validator": None})
    for rule in bundled_rules()
    if rule.on == "text" and rule.id != "high-entropy"
]
FAST, PLAIN = RuleDetector(RULES, engine="hyperscan"), RuleDetector(RULES, engine="re2")
EXAMPLES = st.sampled_from([made_up(shape) for rule in bundled_rules() for shape in rule.examples])
PARTS = st.sampled_from(
    ["said\n", "C:\\new ", '"quoted" ', "\t", "\\", "\\\\", "\\f", "é", "%", "{", "</", " ", "\x01", "\0"]
)
ESCAPES = [
    ("/", "\\/"),
    ("@", "\\u0040"),
    ("a", "\\x61"),
    ('"', '\\"'),
    (" ", "\\n"),
    ("<", "\\u003c"),
    ("e", "\\\\u0065"),
]
AROUND = st.one_of(st.sampled_from(["", " ", "\n", '"', "=", "a ", " 1", "call ", "é"]), st.text(max_size=4))
ASCII = st.characters(codec="ascii", exclude_characters="\0")


class Plain(RuleDetector):
    """Reads every text by itself."""

    def _suspects(self, said: Mapping[int, str], _texts: Sequence[tuple[str, str | bytes]]) -> list[int]:
        return [*said]


SIEVED, READ = (detector([rule for rule in bundled_rules() if rule.enabled]) for detector in (RuleDetector, Plain))


def matching(rule: Rule) -> st.SearchStrategy[str]:
    """Return texts that a rule's pattern matches."""
    return st.from_regex(re.compile(rule.expression, re.ASCII), fullmatch=True, alphabet=ASCII)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RULES).flatmap(matching), AROUND, AROUND)
def test_engines_find_the_same_wherever_a_pattern_matches(matched: str, before: str, behind: str) -> None:
    """No gate stays shut where a pattern behind it matches, in texts as in requests."""
    said = [("", before + matched + behind), ("", "and so on")]
    found = FAST.scan(said)

    assert list(map(list, PLAIN.scan(said))) == list(map(list, found))
    assert not (any(found) and FAST.is_clean(b"\x0a1" + said[0][1].encode() + b"9z"))


NESTED = st.recursive(
    st.lists(st.one_of(PARTS, EXAMPLES), max_size=4).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(json.dumps),
        st.dictionaries(st.sampled_from(["content", "password", 'say "it"']), inner, max_size=2).map(json.dumps),
        st.tuples(st.sampled_from(ESCAPES), inner).map(lambda said: said[1].replace(*said[0])),
        st.tuples(inner, inner).map("\\".join),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@example(["<password>hun\\fter2!x<\\/password>", "a"])
@example(["\\\\n--password hunter2!x\\", "\\u0073k-proj-" + "a1" * 20])
@given(st.lists(NESTED, max_size=3))
def test_no_text_with_escapes_passes_for_clean_that_is_not(texts: list[str]) -> None:
    """In JSON or not, what is found in a text by itself is found in all of them."""
    said = [("", text) for text in texts]

    assert list(map(list, READ.scan(said))) == list(map(list, SIEVED.scan(said)))


def test_cards_of_all_issuers_are_seen() -> None:
    """In groups or not, the trigger fires for whatever the validator takes."""
    filled = {
        issuer.ljust(length - 1, "7") + str(check)
        for low, high, lengths in ISSUERS
        for issuer in (low, high)
        for length in lengths
        for check in range(10)
    }
    numbers = [number for number in filled if luhn_digits(number)]
    said = [("", text) for each in numbers for text in (f"card {each}", f"card {each[:5]} {each[5:]}", f"x {each}.")]
    found = PLAIN.scan(said)

    assert list(map(list, found)) == list(map(list, FAST.scan(said)))
    assert 2 * len(numbers) <= sum(map(bool, found))


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("[a-z]{20}", True),
        ("[a-z]{19}", False),
        ("[a-z]{10}-?[0-9]{10,}", True),
        (r"[a-z]{10}\.?[0-9]{10}", False),
        ("(?:key|token)_[A-Z]{16}", True),
        ("(?:key|id)_[A-Z]{16}", False),
        ("(?:[a-f]{4}-){4}", True),
        ("(?:[a-f]{4}:){9}", False),
        ("(?:[a-f]{10}:[a-f]{10}){2}", True),
        (r"[^\s]{40}", False),
        (r"(?:\xe2\x80\x99){9}", False),
        (r"\x61[a-z]{19}", True),
        (r"(?i:bearer)\s[A-Za-z]{10}|[a-z]{30}", False),
    ],
)
def test_a_run_is_seen_in_what_a_pattern_always_matches(pattern: str, *, holds: bool) -> None:
    """Whatever the pattern leaves open does not count."""
    assert holds is holds_run(pattern)


def test_only_the_outermost_bars_part_a_pattern() -> None:
    """What stands in a group or a class stays together."""
    assert ["a(?:b|c)", r"[|]\|", "d"] == alternatives(r"a(?:b|c)|[|]\||d")
