from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Proto

from otel_llm.batch import Batch
from otel_llm.testing import make_request, make_span
from otel_llm.values import to_python, write

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from otel_llm.span import Span
    from otel_llm.values import Value, Writable

KEYS = st.sampled_from(["a", "b", "c", "gen_ai.x", ""])
SCALARS = st.one_of(
    st.text(max_size=5),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))


def with_duplicates() -> Span:
    """Return a span on which `a` stands twice, with 1 and with 2."""
    request = ExportTraceServiceRequest.FromString(make_request({"a": 1, "b": "x"}))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="a").value.int_value = 2
    return Batch(request.SerializeToString()).spans[0]


def sent(span: Span) -> list[tuple[str, Value]]:
    """Return the attributes as the next hop would read them."""
    again = Proto.FromString(span._proto.SerializeToString())
    return [(pair.key, to_python(pair.value)) for pair in again.attributes]


def test_values_are_read_as_plain_python() -> None:
    """Every kind of value is read as the Python type that stands for it."""
    values: dict[str, Writable | bytes | None] = {
        "s": "x", "i": 3, "d": 1.5, "b": True, "y": b"\xff", "l": ["x", 1], "n": None,
    }  # fmt: skip
    span = make_span(values)

    assert values == {key: span.get(key) for key in span.keys()}  # noqa: SIM118 - a span is no dict


def test_a_kvlist_is_read_as_a_dict() -> None:
    """A map value becomes a dict, nested ones too."""
    request = ExportTraceServiceRequest.FromString(make_request({}))
    pair = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="m")
    inner = pair.value.kvlist_value.values.add(key="k")
    inner.value.kvlist_value.values.add(key="deep").value.int_value = 1

    assert {"k": {"deep": 1}} == Batch(request.SerializeToString()).spans[0].get("m")


@pytest.mark.parametrize(
    ("value", "as_str", "as_int", "as_float", "as_bool"),
    [
        ("5", "5", None, None, None),
        (5, None, 5, 5.0, None),
        (5.5, None, None, 5.5, None),
        (True, None, None, None, True),
        (None, None, None, None, None),
    ],
)
def test_typed_reads_give_their_type_or_nothing(  # noqa: D103 - parametrised, the name says it
    value: Writable | None, as_str: str | None, as_int: int | None, as_float: float | None, as_bool: bool | None
) -> None:
    span = make_span({"k": value})

    assert (as_str, as_int, as_float, as_bool) == (
        span.get_str("k"), span.get_int("k"), span.get_float("k"), span.get_bool("k"),
    )  # fmt: skip


def test_a_missing_attribute_is_none() -> None:
    """Reading what is not there gives None, and `in` says so."""
    span = make_span({})

    assert span.get("nope") is None
    assert "nope" not in span


def test_writing_what_is_there_is_no_write() -> None:
    """A write of an equal value of the same type leaves the batch clean; 1, 1.0 and True differ."""
    span = make_span({"i": 1, "l": [1, 2]})
    span.set("i", 1)
    span.set("l", [1, 2])

    assert not span._shared.dirty

    span.set("i", True)

    assert span._shared.dirty
    assert span.get("i") is True


def test_the_last_of_duplicates_is_read() -> None:
    """Of several attributes with one key the last counts."""
    assert 2 == with_duplicates().get("a")


def test_a_write_leaves_no_duplicate_behind() -> None:
    """After a write the key stands once."""
    for value in (2, 3):
        span = with_duplicates()
        span.set("a", value)

        assert [("b", "x"), ("a", value)] == sent(span)


def test_a_removal_takes_all_duplicates() -> None:
    """After a removal the key is gone."""
    span = with_duplicates()
    span.remove("a")

    assert [("b", "x")] == sent(span)


def test_removing_many_takes_all_duplicates_of_each() -> None:
    """What is left keeps its order and can be read and written."""
    span = make_span({"a": 1, "b": 2, "c": [3], "d": 4})
    span.remove_all(["a", "c", "missing"])
    span.set("d", 5)

    assert [("b", 2), ("d", 5)] == sent(span)


def test_removing_what_is_missing_is_no_write() -> None:
    """So that a batch without it leaves as it came."""
    span = make_span({"a": 1})
    span.remove_all(["b"])

    assert not span._shared.dirty


def test_a_rename_keeps_the_last_of_duplicates_and_replaces_the_target() -> None:
    """Renaming moves one value to the new key, whatever stood on either."""
    span = with_duplicates()
    span.rename("a", "b")

    assert [("b", 2)] == sent(span)


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    """A text that UTF-8 cannot hold is written with U+FFFD; a surrogate pair is joined."""
    span = make_span({})
    span.set("k", "a\ud800b")
    span.set("p", "\ud83d\ude00")

    assert [("k", "a\ufffdb"), ("p", "\U0001f600")] == sent(span)


@pytest.mark.parametrize("value", [2**63, {"a": 1}, b"x", None, [[1]], [None]])
def test_a_value_that_no_attribute_can_hold_is_refused_and_changes_nothing(value: object) -> None:
    """What is refused leaves the span as it was, without an empty attribute."""
    span = make_span({"old": 1})
    for key in ("old", "new"):
        with pytest.raises((TypeError, ValueError)):
            span.set(key, value)  # type: ignore[arg-type]  # the wrong type is the point

    assert [("old", 1)] == sent(span)


def test_nan_can_be_written() -> None:
    """NaN is a double like any other."""
    span = make_span({})
    span.set("k", math.nan)

    assert math.isnan(span.get("k"))


class AttributesBehaveLikeADict(RuleBasedStateMachine):
    """Any sequence of writes, renames and removals leaves what the same on a dict leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.span = make_span({"a": 1, "gen_ai.x": "y"})
        self.model: dict[str, Value] = {"a": 1, "gen_ai.x": "y"}

    @rule(key=KEYS, value=VALUES)
    def set(self, key: str, value: Writable) -> None:
        self.span.set(key, value)
        self.model[key] = value

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        self.span.remove(key)
        self.model.pop(key, None)

    @rule(keys=st.lists(KEYS, max_size=3))
    def remove_all(self, keys: list[str]) -> None:
        self.span.remove_all(keys)
        for key in keys:
            self.model.pop(key, None)

    @rule(old=KEYS, new=KEYS)
    def rename(self, old: str, new: str) -> None:
        self.span.rename(old, new)
        if old in self.model:
            self.model[new] = self.model.pop(old)

    @invariant()
    def same(self) -> None:
        assert self.model == {key: self.span.get(key) for key in self.span.keys()}  # noqa: SIM118 - a span is no dict
        assert sorted(self.model) == sorted(key for key, _ in sent(self.span))
        assert sorted(key for key in self.model if key.startswith("gen_ai.")) == sorted(self.span.keys("gen_ai."))


TestAttributesBehaveLikeADict = AttributesBehaveLikeADict.TestCase


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_what_is_read_is_what_was_sent(attributes: dict[str, Writable]) -> None:
    """Reading never changes the bytes."""
    request = make_request(attributes)
    batch = Batch(request)

    assert attributes == {key: batch.spans[0].get(key) for key in attributes}
    assert batch.to_bytes() is request


TEXTS = st.one_of(st.text(), st.sampled_from([63, 64, 2047, 2048, 70_000]).map("x".__mul__), st.just("\u00fc" * 2048))
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 63).map(lambda bits: 2**bits - 1))
WRITABLE = st.one_of(
    TEXTS, INTEGERS, st.booleans(), st.floats(allow_nan=False), st.lists(TEXTS | st.booleans() | INTEGERS, max_size=3)
)
MANY_KEYS = st.one_of(
    st.lists(st.text(max_size=5), max_size=5, unique=True), st.just(["k" * 5000, "a"]), st.just([*map(str, range(65))])
)


def one_by_one(attributes: dict[str, Writable]) -> list[KeyValue]:
    """Return attributes as messages, each made by itself."""
    span = Proto()
    for key, value in attributes.items():
        write(span.attributes.add(key=key).value, value)
    return list(span.attributes)


@given(MANY_KEYS, st.data())
def test_attributes_are_written_together_as_one_by_one(keys: list[str], data: st.DataObject) -> None:
    """Whatever was written under the same keys before, of other types and on other spans."""
    for values in data.draw(st.lists(st.lists(WRITABLE, min_size=len(keys), max_size=len(keys)), max_size=3)):
        attributes = dict(zip(keys, values, strict=True))
        span = make_span({})
        span.update(attributes)

        assert one_by_one(attributes) == list(span._proto.attributes)
        assert attributes == {key: span.get(key) for key in span.keys()}  # noqa: SIM118 - a span is no dict


def test_attributes_that_are_refused_leave_nothing_behind() -> None:
    """Neither on their span nor on the next one with the same keys."""
    refused, written = make_span({}), make_span({})
    with pytest.raises(TypeError, match="cannot hold"):
        refused.update({"a": "x", "b": b"y", "c": "z"})
    written.update({"a": 1, "b": 2, "c": 3})

    assert [] == sent(refused)
    assert [("a", 1), ("b", 2), ("c", 3)] == sent(written)


def test_threads_write_the_same_keys_at_once() -> None:
    """Each span gets what its own thread writes."""

    def write_in(thread: int) -> set[int]:
        spans = [make_span({}) for _ in range(200)]
        for number, span in enumerate(spans):
            span.update({f"k{n}": thread * 1000 + number for n in range(20)})
        return {value - number for number, span in enumerate(spans) for _, value in sent(span)}

    with ThreadPoolExecutor(4) as threads:
        assert [{0}, {1000}, {2000}, {3000}] == list(threads.map(write_in, range(4)))


@given(st.dictionaries(KEYS, VALUES), st.lists(KEYS))
def test_reading_many_is_reading_each(attributes: dict[str, Writable], keys: list[str]) -> None:
    """Missing ones and those that were just written included."""
    span = make_span(attributes)
    span.update({"a": "new"})

    assert span.get_all(keys) == [span.get(key) for key in keys]
    assert make_span({**attributes, "a": "new"}).get_all(keys) == [span.get(key) for key in keys]
