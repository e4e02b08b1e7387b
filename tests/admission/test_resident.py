"""What requests come to in a process' resident memory, as the kernel counts it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_llm import otlp_json
from otel_llm.admission.admission import PART_BYTES, TIMES
from otel_llm.admission.wire import PARTS, count
from otel_llm.signals import Signal
from tests.admission.wire_format import IDS, field, in_span, spans
from tests.e2e.program import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.request import Encoding

MIB: Final = 1024 * 1024
GEN_AI: Final = field(9, field(1, b"gen_ai.operation.name") + field(2, field(1, b"chat")))
"""The attribute that makes processors look at a span."""

OK, INVALID_ARGUMENT = 0, 3


def take(directory: Path, body: bytes, encoding: Encoding = "protobuf") -> dict[str, Any]:
    """Let a process take one request; return what it said."""
    path = directory / "body"
    path.write_bytes(body)
    command = [sys.executable, "-m", "tests.admission.intake_process", encoding, str(path)]
    said: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return said


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(in_span(GEN_AI + field(9, b"") * 500_000), id="attributes"),
        pytest.param(in_span(GEN_AI + field(9, field(2, b"")) * 250_000), id="attributes with values"),
        pytest.param(in_span(GEN_AI + field(11, b"") * 200_000), id="events"),
        pytest.param(in_span(GEN_AI + field(13, b"") * 500_000), id="links"),
        pytest.param(
            in_span(GEN_AI + field(9, field(2, field(5, field(1, b"") * 500_000)))), id="elements of an array"
        ),
        pytest.param(spans(*[b""] * 99_000), id="spans without ids"),
        pytest.param(spans(*[IDS + GEN_AI] * 20_000), id="gen_ai spans"),
        pytest.param(field(1, b"") * 99_000, id="resources"),
        pytest.param(in_span(b"\x50\x01" * MIB), id="a number that is set again and again"),
        pytest.param(b"\xfa\x01\x00" * MIB, id="unknown fields"),
    ],
)
def test_no_request_costs_more_than_its_multiple(tmp_path: Path, body: bytes) -> None:
    """Four times its bytes, and 800 for each of its parts: what admission reserves for it."""
    stated = TIMES * len(body) + PART_BYTES * count(PARTS[Signal.TRACES], body, 10**9)

    assert take(tmp_path, body)["took"] <= stated + 2 * MIB


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"{}", id="objects"),
        pytest.param(b'{"a":1}', id="objects with a member"),
        pytest.param(b'{"a":' * 500 + b"0" + b"}" * 500, id="objects in objects"),
        pytest.param(b"[]", id="arrays"),
        pytest.param(b"1000", id="numbers"),
        pytest.param('"é"'.encode(), id="words"),
        pytest.param(('"' + "a" * 1000 + '😀"').encode(), id="texts"),
    ],
)
def test_no_json_costs_more_than_its_multiple(tmp_path: Path, value: bytes) -> None:
    """Six times its bytes, 800 for each bracket, 100 for each comma; here with bytes that are read and then refused."""
    body = b"[" + b",".join([value] * (2 * MIB // len(value))) + b"]"
    said = take(tmp_path, body, "json")

    assert INVALID_ARGUMENT == said["status"]
    assert said["took"] <= 6 * len(body) + PART_BYTES * (body.count(b"{") + body.count(b"[")) + 100 * body.count(b",")


class TestHostile:
    """Bodies of many megabytes."""

    def test_a_million_spans_are_refused_by_their_number(self, tmp_path: Path) -> None:
        """I29: 33 MB of the smallest valid spans cost little more than their bytes."""
        body = spans(*[IDS + b"\x31" + b"t" * 8] * 1_000_000)
        said = take(tmp_path, body)

        assert INVALID_ARGUMENT == said["status"]
        assert said["took"] < 2 * len(body)

    def test_eight_million_empty_spans_are_refused_by_their_number(self, tmp_path: Path) -> None:
        """I30: decoded they would take 1.4 GB."""
        body = field(1, field(2, field(2, b"") * 8_000_000))
        said = take(tmp_path, body)

        assert INVALID_ARGUMENT == said["status"]
        assert said["peak"] < 300 * MIB

    @pytest.mark.parametrize(
        "content",
        [field(9, b"") * 8_000_000, field(9, field(2, field(6, field(1, b"") * 8_000_000))), b"\x50\x01" * 9_000_000],
    )
    def test_what_is_in_one_span_is_limited_too(self, tmp_path: Path, content: bytes) -> None:
        """Attributes, what is in a value, and fields that are only there to be skipped."""
        said = take(tmp_path, in_span(content))

        assert INVALID_ARGUMENT == said["status"]
        assert said["peak"] < 300 * MIB

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b'{"resourceSpans":[' + b"{}," * 5_000_000 + b"{}]}", id="objects"),
            pytest.param(b'{"resourceSpans":[' + b"[]," * 5_000_000 + b"[]]}", id="arrays"),
            pytest.param(b"[" * 16_000_000, id="an abyss"),
        ],
    )
    def test_json_is_refused_by_its_brackets(self, tmp_path: Path, body: bytes) -> None:
        """Read, it would take 30 times its bytes."""
        said = take(tmp_path, body, "json")

        assert INVALID_ARGUMENT == said["status"]
        assert said["took"] < 2 * len(body)

    def test_json_within_the_limit_is_refused_by_its_items(self, tmp_path: Path) -> None:
        """A hundred thousand spans are too many in any encoding."""
        body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 200_000 + b"{}]}]}]}"

        assert INVALID_ARGUMENT == take(tmp_path, body, "json")["status"]

    @pytest.mark.parametrize(("encoding", "times"), [("protobuf", 4), ("json", 6)])
    def test_one_huge_attribute_is_taken(self, tmp_path: Path, encoding: Encoding, times: int) -> None:
        """I10: 60 MiB of text, for no more than four times as much; out of JSON, six times."""
        body = in_span(field(9, field(1, b"k") + field(2, field(1, b"x" * (60 * MIB)))))
        if encoding == "json":
            body = otlp_json.encode(Signal.TRACES, body)
        said = take(tmp_path, body, encoding)

        assert OK == said["status"]
        assert said["took"] <= times * len(body)
