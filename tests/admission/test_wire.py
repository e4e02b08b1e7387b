"""Counting parts by their lengths, beside what upb makes of the same bytes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.admission.wire import ITEMS, PARTS, count
from otel_llm.signals import Signal
from tests.admission.wire_format import REQUESTS, field, in_span, items_in, parts_in, random_request, spans

if TYPE_CHECKING:
    from random import Random

    from google.protobuf.descriptor import Descriptor

    from otel_llm.admission.wire import Parts

MIB = 1024 * 1024
NO_LIMIT = 10**9
UNKNOWN_VARINT = b"\xf8\x01\x00"
UNKNOWN_GROUP = b"\xfb\x01\x0a\x03\xff\xff\xff\xfc\x01"
"""Holds what would be a broken ResourceSpans, were it no group."""

SIGNALS = st.sampled_from(list(Signal))
RANDOMS = st.randoms(use_true_random=False)


class TestCount:
    @given(SIGNALS, RANDOMS)
    @settings(deadline=None)
    def test_is_that_of_upb(self, signal: Signal, source: Random) -> None:
        """A request with anything in it has as many parts and items as upb finds in it."""
        request = random_request(signal, source)
        body = request.SerializeToString()

        assert parts_in(request) == count(PARTS[signal], body, NO_LIMIT)
        assert items_in(signal, request) == count(ITEMS[signal], body, NO_LIMIT)

    @given(SIGNALS, RANDOMS, RANDOMS)
    @settings(deadline=None)
    def test_is_never_less_than_that_of_upb(self, signal: Signal, source: Random, damage: Random) -> None:
        """Whatever bytes upb takes, it finds no more in them than was counted; and no bytes raise."""
        body = bytearray(random_request(signal, source).SerializeToString() or b"\x0a\x00")
        for _ in range(damage.randrange(4)):
            body[damage.randrange(len(body))] = damage.randrange(256)
        counted = count(PARTS[signal], bytes(body), NO_LIMIT)
        try:
            request = REQUESTS[signal].FromString(bytes(body))
        except DecodeError:
            return

        assert parts_in(request) <= counted
        assert items_in(signal, request) <= count(ITEMS[signal], bytes(body), NO_LIMIT)

    @given(SIGNALS, st.binary(max_size=300))
    def test_takes_any_bytes(self, signal: Signal, body: bytes) -> None:
        """Garbage is counted up to where it is no protobuf."""
        assert 0 <= count(PARTS[signal], body, NO_LIMIT) <= len(body)

    @given(SIGNALS, RANDOMS, st.integers(min_value=0, max_value=200))
    @settings(deadline=None)
    def test_ends_at_the_limit(self, signal: Signal, source: Random, limit: int) -> None:
        """There are more than the limit exactly if the whole count says so."""
        body = random_request(signal, source).SerializeToString()
        whole = count(PARTS[signal], body, NO_LIMIT)

        assert (whole > limit) == (count(PARTS[signal], body, limit) > limit)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"\x8a\x00\x00", id="tag of two bytes"),
            pytest.param(b"\x8a\x80\x80\x80\x00\x00", id="tag of five bytes"),
            pytest.param(b"\x0a\x80\x80\x80\x80\x00", id="length of five bytes"),
            pytest.param(UNKNOWN_GROUP + b"\x0a\x00", id="behind an unknown group"),
            pytest.param(b"\xfb\x01" * 100 + b"\xfc\x01" * 100 + b"\x0a\x00", id="behind groups in groups"),
            pytest.param(b"\xfa\xff\xff\xff\x0f\x00\x0a\x00", id="behind the largest field number"),
            pytest.param(b"\x08\x01\x0d1234\x0912345678\x0a\x00", id="behind its own number with other wire types"),
        ],
    )
    def test_one_that_is_written_oddly_counts(self, body: bytes) -> None:
        """What upb reads although nobody writes it so cannot be used to hide anything."""
        assert 1 == len(ExportTraceServiceRequest.FromString(body).resource_spans)
        assert 1 == count(PARTS[Signal.TRACES], body, NO_LIMIT)

    def test_follows_as_deep_as_upb(self) -> None:
        """I5: nothing that upb still reads is too deep to be counted."""
        deepest = max(level for level in range(100) if _is_read(nested(level)))

        assert 47 == deepest
        assert count(PARTS[Signal.TRACES], nested(deepest), NO_LIMIT) == parts_in(
            REQUESTS[Signal.TRACES].FromString(nested(deepest))
        )

    def test_does_not_follow_into_an_abyss(self) -> None:
        """Thousands of levels take neither a stack nor an error."""
        assert count(PARTS[Signal.TRACES], nested(4_000), NO_LIMIT) < 200

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(UNKNOWN_VARINT * 1000, id="unknown fields"),
            pytest.param(in_span(b"\x50\x01" * 1000), id="one number of a span again and again"),
            pytest.param(b"\xfb\x01" * 500 + b"\xfc\x01" * 500, id="groups"),
        ],
    )
    def test_fields_that_are_no_parts_cannot_keep_it_busy(self, body: bytes) -> None:
        """Where more fields stand than so many parts have, it gives up and calls it too many."""
        assert count(PARTS[Signal.TRACES], body, 100) > 100
        assert count(PARTS[Signal.TRACES], body, 1000) < 10

    @pytest.mark.parametrize("begin", [b"", b"\x0a", b"\x50", b"\xf8\x01"], ids=["tag", "length", "number", "unknown"])
    def test_a_number_without_an_end_is_no_number(self, begin: bytes) -> None:
        """Ten bytes are read, not all of them: shifting a number of a megabyte takes minutes."""
        assert count(PARTS[Signal.TRACES], begin + b"\xff" * MIB, NO_LIMIT) == 0

    def test_packed_integers_are_parts_by_their_bytes(self) -> None:
        """A bucket count is a byte on the wire and eight and more decoded."""
        exponential = field(10, field(1, field(8, field(2, b"\x01" * 3200))))

        assert 3 + 4 + 100 == count(PARTS[Signal.METRICS], spans(exponential), NO_LIMIT)


@pytest.mark.parametrize("signal", Signal)
def test_the_tables_are_those_of_the_wheel(signal: Signal) -> None:
    """A newer opentelemetry-proto with new messages must not pass by unseen."""
    assert shape(PARTS[signal]) == shape(described(REQUESTS[signal].DESCRIPTOR, {}))


def described(message: Descriptor, known: dict[str, Parts]) -> Parts:
    """Return the table that a message's descriptor asks for."""
    if message.full_name in known:
        return known[message.full_name]
    table: Parts = known.setdefault(message.full_name, {})
    for each in message.fields:
        if each.message_type is not None:
            table[each.number << 3 | 2] = described(each.message_type, known)
        elif each.is_repeated and each.type in {each.TYPE_STRING, each.TYPE_BYTES}:
            table[each.number << 3 | 2] = {}
        elif each.is_repeated and each.type in {each.TYPE_INT64, each.TYPE_UINT64}:
            table[each.number << 3 | 2] = {0: {}}
    return table


def shape(parts: Parts, level: int = 0) -> Any:
    """Return a table as far as it need be compared: values hold values without an end."""
    return "..." if level > 12 else {tag: shape(inside, level + 1) for tag, inside in sorted(parts.items())}


def nested(level: int) -> bytes:
    """Return a span whose attribute holds arrays in arrays."""
    value = b""
    for _ in range(level):
        value = field(5, field(1, value))
    return in_span(field(9, field(2, value)))


def _is_read(body: bytes) -> bool:
    try:
        REQUESTS[Signal.TRACES].FromString(body)
    except DecodeError:
        return False
    return True


def test_a_large_request_is_counted_as_upb_does() -> None:
    """Lengths of several bytes, many spans: nothing goes astray."""
    source = random.Random(1)
    request = REQUESTS[Signal.TRACES].FromString(
        b"".join(random_request(Signal.TRACES, source).SerializeToString() for _ in range(50))
    )

    assert parts_in(request) == count(PARTS[Signal.TRACES], request.SerializeToString(), NO_LIMIT)
