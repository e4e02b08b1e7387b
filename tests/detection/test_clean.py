"""What is called clean by its bytes is clean text by text."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.batch import Batch
from otel_llm.detection import RuleDetector, bundled_rules
from otel_llm.detection.examples import made_up
from otel_llm.testing import make_request

RULES = [rule for rule in bundled_rules() if rule.enabled]
DETECTOR = RuleDetector(RULES)
EXAMPLES = [made_up(shape) for rule in RULES for shape in rule.examples]
WORDS = st.sampled_from(
    ["id", "7", "x9", " ", "\n", "\\n", "\\", "%", "é", "10.0.0.7", "order 4711", "password", "=", ":"]
)
PARTS = st.one_of(WORDS, st.sampled_from(EXAMPLES), st.text(max_size=6))
DISGUISES = st.sampled_from(
    [
        lambda text: text,
        lambda text: json.dumps({"a": [text]}),
        lambda text: json.dumps({"a": json.dumps({text: text})}),
        lambda text: "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace")),
        lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode(),
        "\u200b".join,
        lambda text: text.replace("/", "\\/").replace("@", "\\u0040"),
    ]
)
TEXTS = st.tuples(DISGUISES, st.lists(PARTS, max_size=4)).map(lambda said: said[0]("".join(said[1])))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), TEXTS), max_size=4))
def test_what_is_clean_by_its_bytes_holds_nothing_that_is_found(attributes: list[tuple[str, str]]) -> None:
    """Whatever stands around a text in a request, and however it is disguised."""
    batch = Batch(make_request(dict(attributes)))
    batch.detect_with(DETECTOR)
    (span,) = batch.spans
    by_bytes = DETECTOR.is_clean(batch.raw) or batch.is_clean()

    if by_bytes:
        assert [] == [found for findings in span.findings(span.texts()) for found in findings]
