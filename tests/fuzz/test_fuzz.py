"""Anything at all, at every entrance: taken or refused as documented, never a bug."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_llm import otlp_json
from otel_llm.batch import Batch
from otel_llm.signals import Signal
from tests.admission.wire_format import random_request
from tests.fuzz.entrances import ENTRANCES, Entrances

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

CORPUS: Final = sorted(Path(__file__).with_name("corpus").rglob("*.bin"))
CHOICES: Final = st.integers(0, 8)
"""Of signal and trust."""
RANDOMS: Final = st.randoms(use_true_random=False)

untimed = settings(deadline=None, max_examples=100)


@pytest.fixture(scope="module")
def entrances() -> Iterator[Entrances]:
    """Return all of them, of one gateway."""
    with Entrances() as entrances:
        yield entrances


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_corpus(entrances: Entrances, path: Path) -> None:
    """What the fuzzer begins with, and what it once found."""
    ENTRANCES[path.parent.name](entrances, path.read_bytes())


@given(st.sampled_from(sorted(ENTRANCES)), st.binary(max_size=500))
@untimed
def test_bytes(entrances: Entrances, entrance: str, data: bytes) -> None:
    """I35: random ones."""
    ENTRANCES[entrance](entrances, data)


@given(CHOICES, RANDOMS, RANDOMS, st.sampled_from(["protobuf", "json"]))
@untimed
def test_damaged_requests(entrances: Entrances, choice: int, source: Random, damage: Random, encoding: str) -> None:
    """Requests with any field set, of which some bytes were changed, left out or doubled."""
    signal = list(Signal)[choice % 3]
    body = random_request(signal, source).SerializeToString()
    if encoding == "json":
        body = otlp_json.encode(signal, body)
    ENTRANCES[encoding](entrances, bytes([choice]) + damaged(body, damage))


@given(st.binary(max_size=2000), st.integers(0, 255), RANDOMS)
@example(bytes(100_000), 255, None)
@untimed
def test_damaged_gzip(entrances: Entrances, content: bytes, size: int, damage: Random | None) -> None:
    """A compressed body of which some bytes were changed, left out or doubled; and one that would be too large."""
    body = gzip.compress(content)
    entrances.gzip(bytes([size]) + (damaged(body, damage) if damage else body))


def test_a_bug_is_noticed(entrances: Entrances, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody expected is not among the documented answers."""

    def stumble(_: Batch) -> int:
        raise IndexError

    monkeypatch.setattr(Batch, "remove_invalid", stumble)

    with pytest.raises(AssertionError, match="internal error"):
        entrances.protobuf(b"\x00")


def damaged(data: bytes, damage: Random) -> bytes:
    """Return *data* with up to three places changed."""
    mutable = bytearray(data)
    for _ in range(damage.randrange(4)):
        at = damage.randrange(len(mutable) + 1)
        mutable[at : at + damage.randrange(3)] = damage.randbytes(damage.randrange(3))
    return bytes(mutable)
