"""Anything at all, through the whole intake: taken or refused as documented, never a bug."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm import otlp_json
from otel_llm.admission import Admission, MemoryConfig
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.intake import Intake
from otel_llm.journal.memory import MemoryJournal
from otel_llm.pipeline import Pipeline
from otel_llm.request import Answer, Encoding, Request
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm_processors import cost, gen_ai_normalizer
from tests.admission.wire_format import random_request

if TYPE_CHECKING:
    from random import Random

TAKEN, INVALID_ARGUMENT = 0, 3
SIGNALS = st.sampled_from(list(Signal))
ENCODINGS = st.sampled_from(["protobuf", "json"])
RANDOMS = st.randoms(use_true_random=False)
MEMORY = MemoryConfig(max_items_per_request=500, max_parts_per_request=5000)


def receive(signal: Signal, body: bytes, encoding: Encoding) -> tuple[Answer, list[bytes]]:
    """Send one request to pipelines with the built-in processors; return the answer and what was kept."""
    meter = Meter()

    def make_chain() -> Chain:
        return Chain([(part.factory.name, part.factory.build()) for part in (gen_ai_normalizer, cost)], meter=meter)

    async def send() -> tuple[Answer, list[bytes]]:
        journal = MemoryJournal()
        cursor = journal.open_cursor("sink", frozenset(Signal))
        pipelines = [Pipeline(each, each, make_chain, meter) for each in Signal]
        with ThreadPoolExecutor(1) as executor:
            intake = Intake("otlp", pipelines, journal, executor, meter, admission=Admission(MEMORY, meter))
            answer = await intake.receive(Request(signal, body, encoding))
        kept = await cursor.read(1 << 30) if cursor.waiting_items else []
        return answer, [entry.record.payload for entry in kept]

    return asyncio.run(send())


def check(signal: Signal, body: bytes, encoding: Encoding) -> None:
    """Send a request; what is taken can be read again, and what is not was refused for good."""
    answer, kept = receive(signal, body, encoding)

    assert answer.grpc_status in {TAKEN, INVALID_ARGUMENT}, answer.message
    assert all(Batch(payload, signal).item_count for payload in kept)


@given(SIGNALS, st.binary(max_size=500), ENCODINGS)
@settings(deadline=None, max_examples=60)
def test_bytes(signal: Signal, body: bytes, encoding: Encoding) -> None:
    """I35: random ones."""
    check(signal, body, encoding)


@given(SIGNALS, RANDOMS, RANDOMS, ENCODINGS)
@settings(deadline=None, max_examples=150)
def test_damaged_requests(signal: Signal, source: Random, damage: Random, encoding: Encoding) -> None:
    """Requests with any field set, of which some bytes were changed, left out or doubled."""
    body = random_request(signal, source).SerializeToString()
    if encoding == "json":
        body = otlp_json.encode(signal, body)
    mutable = bytearray(body)
    for _ in range(damage.randrange(4)):
        at = damage.randrange(len(mutable) + 1)
        mutable[at : at + damage.randrange(3)] = damage.randbytes(damage.randrange(3))
    check(signal, bytes(mutable), encoding)
