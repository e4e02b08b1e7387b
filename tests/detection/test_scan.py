"""The fast ways of scanning find what the plain one does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.detection import RuleDetector, bundled_rules
from otel_llm.detection.examples import made_up
from otel_llm.detection.rule import Rule
from otel_llm.testing import make_request
from otel_llm_processors.redaction import factory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.detection.engines import EngineName

RULES = [rule for rule in bundled_rules() if rule.enabled]
CHAIN = Chain([("redaction", factory.build())])
EXAMPLES = st.sampled_from([made_up(shape) for rule in RULES for shape in rule.examples])
WORDS = st.sampled_from(["said\n", "C:\\new ", '"quoted" ', "\u00e9\u6f22 ", "50 % ", "{", "\t", "[]", " "])
STRINGS = st.lists(st.one_of(WORDS, EXAMPLES), max_size=3).map("".join)
VALUES = st.recursive(
    STRINGS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["content", "to", "arguments", 'say "it"', "x\\y"]), inner, max_size=3),
        inner.map(json.dumps),
        inner.map(lambda value: json.dumps(value, ensure_ascii=False)),
    ),
    max_leaves=6,
)


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a document, those of documents in its strings too."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            inner = None
        if isinstance(inner, str | list | dict):
            yield from strings(inner)
        else:
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, dict):
        yield from strings([*value, *value.values()])


@settings(max_examples=60, deadline=None)
@example("PINECONE_API_KEY=4349a5b7-88ab-e537-346e-d661d17f6fb1" + made_up("sk-proj-<s156>"))
@example(made_up("API_KEY=<w43>x-api-key: <w44>"))
@example(made_up("ASSEMBLYAI_API_KEY=<h32><password><w12></password>"))
@example("db_pass: " + made_up("<w5>!<w5>#7") + "\nport: 1")
@given(VALUES)
def test_no_string_of_a_document_holds_what_is_found_in_it_alone(value: Any) -> None:
    """A document is scanned as a whole; string by string nothing is found in what is left."""
    batch = Batch(make_request({"content": json.dumps(value)}))
    CHAIN.run(batch)
    left = dict(enumerate(strings(str(batch.spans[0].get("content")))))
    each = Batch(make_request(*({"": text} for text in left.values() if text)))
    CHAIN.run(each)

    assert [text for text in left.values() if text] == [span.get("") for span in each.spans]


def test_brackets_make_no_marker() -> None:
    """What a rule asks for behind a value is seen, though it stands far behind."""
    (found,) = RuleDetector(RULES).scan([("", made_up('if ("<w8>]<w8>7" == the_very_secret_password) {'))])

    assert ["password-compared"] == [each.rule for each in found]


@pytest.mark.parametrize("engine", ["hyperscan", "re2"])
def test_a_line_that_is_a_string_of_json_is_found_beside_a_marker(engine: EngineName) -> None:
    """A marker near by takes no edge from a string."""
    (found,) = RuleDetector(RULES, engine=engine).scan(
        [("", json.dumps(["[REDACTED:email]", "db_pass: " + made_up("<w5>!<w5>#7")]))]
    )

    assert ["password-line"] == [each.rule for each in found]


@pytest.mark.parametrize("engine", ["hyperscan", "re2"])
@pytest.mark.parametrize(
    "pattern", [r"[\W_]secret\d+", r"\Wsecret\d+", r"[^a]secret\d+", r"[\D]secret\d+", r"[\S]?secret\d+"]
)
def test_a_pattern_finds_nothing_across_two_texts(engine: EngineName, pattern: str) -> None:
    """What divides texts that are scanned together is no character of either."""
    rule = Rule(id="secret", description="A secret.", pattern=pattern)
    texts = ["plain words", "secret12", " secret13", "words", "secret14"]
    together = RuleDetector([rule], engine=engine).scan([("", text) for text in texts])

    assert [RuleDetector([rule], engine=engine).scan([("", text)])[0] for text in texts] == together
    assert [(), ()] == [together[0], together[3]]


@pytest.mark.parametrize("engine", ["hyperscan", "re2"])
@pytest.mark.parametrize("secret", ["saidword", 'said\n "word"'])
def test_what_stands_under_a_sensitive_key_is_found_in_documents_too(engine: EngineName, secret: str) -> None:
    """The key of a list is that of its strings, and the key of a document in a string that of its own."""
    nested = json.dumps([secret])
    texts = [("db.password", nested), *(("", json.dumps({"password": value})) for value in ([secret], nested))]
    found = RuleDetector(RULES, engine=engine).scan([*texts, ("", json.dumps({"arguments": texts[-1][1]}))])

    assert [1] * 4 == [len({(each.start, each.end) for each in findings}) for findings in found]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.one_of(WORDS, EXAMPLES), max_size=4).map("".join), max_size=5))
def test_texts_are_found_alike_together_and_alone(texts: list[str]) -> None:
    """Texts are joined for the engine; none is found in what two say between them."""
    detector = RuleDetector(RULES)
    together = detector.scan([("", text) for text in texts])

    assert [list(RuleDetector(RULES).scan([("", text)])[0]) for text in texts] == list(map(list, together))


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, max_size=3))
def test_what_is_remembered_is_what_is_found(values: list[Any]) -> None:
    """With the cache a text has the findings that it has without, whether it is known or not."""
    texts = [("x", json.dumps([value, "and so on " * 30, value])) for value in values]
    cached = RuleDetector(RULES, cache_entries=100)
    first = cached.scan(texts)

    assert list(map(list, first)) == list(map(list, cached.scan(texts)))


def test_what_is_remembered_of_a_batch_is_what_was_scanned_to_its_end() -> None:
    """A part that stands in a text that is too much work too is scanned where it stands in another one."""
    part = made_up("and so on " * 30 + "sk-proj-<s156>")
    hostile = " ".join(made_up(shape) for rule in RULES for shape in rule.examples)
    texts = [("", json.dumps([part, hostile])), ("", json.dumps([part]))]
    cached = RuleDetector(RULES, cache_entries=100)
    hard, easy = (cached.scan(texts) for _ in range(2))

    assert [list(map(list, RuleDetector(RULES).scan(texts)))] * 2 == [list(map(list, each)) for each in (hard, easy)]
    assert ["unscanned.work"] == [each.rule for each in hard[0]]
