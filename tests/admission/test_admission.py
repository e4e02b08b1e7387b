"""What a request has to pass before it is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_llm.admission import Admission, MemoryConfig, machine
from otel_llm.admission.admission import PART_BYTES
from otel_llm.errors import Refused, Retryable, TooLarge
from otel_llm.request import Encoding, Request
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.admission.wire_format import field, in_span, spans

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
TEXT = in_span(field(9, field(2, field(1, b"x" * MIB))))
"""A megabyte in five parts."""


@pytest.fixture
def meter() -> Meter:
    """Return what counts."""
    return Meter()


@pytest.fixture
def admit(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Admission]:
    """Make admissions for a process that has 100 MiB now."""
    monkeypatch.setattr(machine, "resident_bytes", lambda: 100 * MIB)
    return lambda **raw: Admission(MemoryConfig.model_validate(raw), meter)


def request(body: bytes, encoding: Encoding = "protobuf") -> Request:
    """Return a request for traces."""
    return Request(Signal.TRACES, body, encoding)


class TestInspect:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(spans(*[b""] * 98), id="spans"),
            pytest.param(field(1, *[b""] * 100), id="resources"),
            pytest.param(field(1, field(2, *[b""] * 99)), id="scopes"),
        ],
    )
    def test_items_and_what_is_around_them_are_limited(self, admit: Callable[..., Admission], body: bytes) -> None:
        """A hundred are taken where a hundred are allowed, and one more is not."""
        admission = admit(max_items_per_request=100)
        admission.inspect(Signal.TRACES, body)

        with pytest.raises(Refused, match="100 items"):
            admission.inspect(Signal.TRACES, body + field(1, b""))

    @pytest.mark.parametrize(
        "content", [field(9, b"") * 97, field(11, b"") * 97, field(13, b"") * 97, field(9, field(2, b"")) * 48]
    )
    def test_parts_of_any_kind_are_limited(self, admit: Callable[..., Admission], content: bytes) -> None:
        """Attributes, events, links and values make a request too large as spans do."""
        admission = admit(max_parts_per_request=100)
        admission.inspect(Signal.TRACES, in_span(content))

        with pytest.raises(Refused, match="100 parts"):
            admission.inspect(Signal.TRACES, in_span(content + field(9, b"") * 4))

    @pytest.mark.parametrize("signal", [Signal.LOGS, Signal.METRICS])
    def test_other_signals_have_items_too(self, admit: Callable[..., Admission], signal: Signal) -> None:
        """Log records and metrics stand where spans do."""
        with pytest.raises(Refused):
            admit(max_items_per_request=100).inspect(signal, spans(*[b""] * 99))

    def test_data_points_are_items(self, admit: Callable[..., Admission]) -> None:
        """A metric may hold any number of them."""
        with pytest.raises(Refused):
            admit(max_items_per_request=100).inspect(Signal.METRICS, spans(field(5, field(1, *[b""] * 97))))


class TestHold:
    def test_reserves_four_times_the_bytes_and_the_most_that_the_parts_can_come_to(
        self, admit: Callable[..., Admission], meter: Meter
    ) -> None:
        """With room for the worst that these bytes can mean, nobody looks at what they do mean."""
        with admit(limit_mib=1000).hold(request(TEXT)):
            assert (4 * len(TEXT) + PART_BYTES * (len(TEXT) // 2)) == meter.value("memory_limiter_reserved_bytes")

        assert 0 == meter.value("memory_limiter_reserved_bytes")

    def test_counts_parts_where_the_worst_has_no_room(self, admit: Callable[..., Admission], meter: Meter) -> None:
        """A megabyte of text is taken where a megabyte of spans would not be."""
        admission = admit(limit_mib=200)
        with admission.hold(request(TEXT)):
            assert 4 * len(TEXT) + PART_BYTES * 5 == meter.value("memory_limiter_reserved_bytes")
        with pytest.raises(TooLarge), admission.hold(request(spans(*[b""] * (MIB // 2)))):
            pass

    def test_what_has_no_room_now_may_come_again(self, admit: Callable[..., Admission]) -> None:
        """One request under way can be in the way of another."""
        admission = admit(limit_mib=108)
        with admission.hold(request(TEXT)), pytest.raises(Retryable), admission.hold(request(TEXT)):
            pass
        with admission.hold(request(TEXT)):
            pass

    def test_json_is_judged_by_its_brackets_and_commas(self, admit: Callable[..., Admission], meter: Meter) -> None:
        """They show how many values there can be, before any of them is made."""
        body = b'{"resourceSpans":[{},{}]}'
        with admit(limit_mib=1000).hold(request(body, "json")):
            assert 6 * len(body) + PART_BYTES * 4 + 100 == meter.value("memory_limiter_reserved_bytes")

    @pytest.mark.parametrize("bracket", [b"{", b"["])
    def test_json_of_too_many_parts_is_not_read(self, admit: Callable[..., Admission], bracket: bytes) -> None:
        """Objects and arrays alike; what closes them does not matter."""
        admission = admit(max_parts_per_request=100)
        with admission.hold(request(bracket * 100, "json")):
            pass

        with pytest.raises(Refused, match="100 parts"), admission.hold(request(bracket * 101, "json")):
            pass
