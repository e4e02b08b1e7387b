"""What others can send here, and what has to hold of anything at all that they send.

Hypothesis asks for seconds (`test_fuzz`), atheris for minutes and hours (`python -m tests.fuzz`).
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

from otel_llm import otlp_json
from otel_llm.admission import Admission, MemoryConfig
from otel_llm.chain import Chain
from otel_llm.errors import Refused, TooLarge
from otel_llm.intake import Intake
from otel_llm.journal.memory import MemoryJournal
from otel_llm.otlp_response import read_retry_after, read_success
from otel_llm.pipeline import Pipeline
from otel_llm.receivers.otlp.body import read_gzip
from otel_llm.request import Answer, Encoding, Request, Trust
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm_processors import cost, gen_ai_normalizer
from tests.admission.wire_format import REQUESTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["ENTRANCES", "Entrances"]

_OK, _INVALID_ARGUMENT = 0, 3
_SIGNALS: Final = tuple(Signal)
_TRUSTS: Final[tuple[Trust, ...]] = ("context", "all", "none")
_MEMORY: Final = MemoryConfig(max_items_per_request=500, max_parts_per_request=5000)
_BODY_LIMIT: Final = 64 * 1024


class Entrances:
    """A gateway without its transports: pipelines with the built-in processors, and a destination that takes all.

    Each method but `close` is an entrance: it takes any bytes, the first of which says how to take the rest, and raises
    `AssertionError` if what comes of them is not what is documented.
    """

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._executor = ThreadPoolExecutor(1)
        meter = Meter()

        def make_chain() -> Chain:
            return Chain([(part.factory.name, part.factory.build()) for part in (gen_ai_normalizer, cost)], meter=meter)

        self._journal = MemoryJournal()
        self._cursor = self._journal.open_cursor("sink", frozenset(Signal))
        self._admission = Admission(_MEMORY, meter)
        pipelines = [Pipeline(each, each, make_chain, meter) for each in Signal]
        self._intake = Intake("otlp", pipelines, self._journal, self._executor, meter, admission=self._admission)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()
        self._executor.shutdown()

    def protobuf(self, data: bytes) -> None:
        """Send a request in protobuf."""
        self._check_request(data, "protobuf")

    def json(self, data: bytes) -> None:
        """Send a request in JSON."""
        self._check_request(data, "json")

    def gzip(self, data: bytes) -> None:
        """Send a compressed body, in pieces: it is what zlib makes of it at once, or refused."""
        size, body = 1 + 16 * data[0] if data else 1, data[1:]
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            expected = inflater.decompress(body, _BODY_LIMIT + 1)
        except zlib.error:
            expected = b""
        whole = inflater.eof and not inflater.unused_data and len(expected) <= _BODY_LIMIT >= len(body)

        assert self._gunzip(body, size) == (expected if whole else None)
        assert self._gunzip(gzip.compress(body, 1), size) == (body if len(body) <= _BODY_LIMIT else None)

    def answer(self, data: bytes) -> None:
        """Answer as a destination: what cannot be read says nothing, and no answer asks to wait for less than no time."""
        rejected, _ = read_success(_SIGNALS[data[0] % 3] if data else Signal.TRACES, data[1:])
        after_s = [
            read_retry_after([(key, data[1:])]) for key in ("grpc-status-details-bin", "google.rpc.retryinfo-bin")
        ]

        assert rejected >= 0
        assert all(each is None or each >= 0 for each in after_s)

    def _check_request(self, data: bytes, encoding: Encoding) -> None:
        choice = data[0] if data else 0
        signal, trust = _SIGNALS[choice % 3], _TRUSTS[choice // 3 % 3]
        request = Request(signal, data[1:], encoding, trust=trust)
        try:
            with self._admission.hold(request):  # what an intake does with large ones only
                pass
        except Refused:
            pass
        answer, kept = self._runner.run(self._receive(request))

        assert answer.grpc_status in {_OK, _INVALID_ARGUMENT}, answer.message
        assert answer.message.isascii()
        assert answer.message.isprintable()
        for payload in kept:
            _check_round_trip(signal, payload)

    async def _receive(self, request: Request) -> tuple[Answer, list[bytes]]:
        answer = await self._intake.receive(request)
        kept = []
        while self._journal.used_bytes:
            for entry in await self._cursor.read(1 << 30):
                kept.append(entry.record.payload)
                self._cursor.ack(entry.position)
        return answer, kept

    def _gunzip(self, body: bytes, size: int) -> bytes | None:
        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(body), size):
                yield body[at : at + size]

        try:
            return self._runner.run(read_gzip(chunks(), _BODY_LIMIT))
        except (Refused, TooLarge):
            return None


ENTRANCES: Final[Mapping[str, Callable[[Entrances, bytes], None]]] = {
    "protobuf": Entrances.protobuf,
    "json": Entrances.json,
    "gzip": Entrances.gzip,
    "answer": Entrances.answer,
}


def _check_round_trip(signal: Signal, payload: bytes) -> None:
    """Read what was kept, and write it again: as protobuf and, without unknown fields, by way of JSON."""
    message = REQUESTS[signal].FromString(payload)
    again = REQUESTS[signal].FromString(message.SerializeToString())
    assert again.SerializeToString() == message.SerializeToString()

    message.DiscardUnknownFields()
    known = message.SerializeToString()
    assert otlp_json.decode(signal, otlp_json.encode(signal, known)) == known
