"""The limits that a request meets before it is decoded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_llm.admission.memory import MemoryLimiter
from otel_llm.admission.wire import ITEMS, MIN_PART_BYTES, PARTS, count
from otel_llm.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.admission.config import MemoryConfig
    from otel_llm.request import Request
    from otel_llm.signals import Signal
    from otel_llm.telemetry import Meter

__all__ = ["PART_BYTES", "TIMES", "Admission"]

TIMES: Final = 4
"""What the bytes of a request take: as they came, decoded, encoded anew, and in the journal."""

PART_BYTES: Final = 800
"""What a part takes at most beside its bytes. Measured: 176 for a span in upb, 440 with a facade around it, and 730 for
each of the three parts of a gen_ai span that has nothing on it but what processors write."""

_JSON_TIMES: Final = 6
"""The same while JSON is being read, whose texts may take four bytes a character."""

_JSON_VALUE_BYTES: Final = 100
"""What a JSON value other than an object or an array takes, beside its bytes."""


class Admission:
    """What requests have to pass, one for all receivers."""

    def __init__(self, config: MemoryConfig, meter: Meter) -> None:
        self._memory = MemoryLimiter(config, meter)
        self._max_items = config.max_items_per_request
        self._max_parts = config.max_parts_per_request
        # What is shorter cannot hold more, and is not looked into.
        self._items_from_bytes = config.max_items_per_request * MIN_PART_BYTES
        self._parts_from_bytes = config.max_parts_per_request * MIN_PART_BYTES

    def check_memory(self) -> None:
        """Ask for every request, on the event loop.

        Raises:
            Retryable: memory is short.
        """
        self._memory.check()

    @contextmanager
    def hold(self, request: Request) -> Iterator[None]:
        """Reserve the memory that a large request may take, for as long as it is worked on. From any thread.

        Raises:
            Retryable: there is no room for it now.
            Refused: there never will be, or it has too many parts.
        """
        with self._memory.reserve(self._cost(request)):
            yield

    def inspect(self, signal: Signal, body: bytes) -> None:
        """Look what *body*, in protobuf, consists of, if it is long enough to consist of too much.

        Raises:
            Refused: it does.
        """
        if len(body) > self._items_from_bytes and count(ITEMS[signal], body, self._max_items) > self._max_items:
            raise Refused(f"a request may have {self._max_items} items at most, with resources and scopes")
        if len(body) > self._parts_from_bytes and count(PARTS[signal], body, self._max_parts) > self._max_parts:
            raise self._too_many_parts()

    def _cost(self, request: Request) -> int:
        """Return what a request may take at most. Its parts are counted only if it matters how many they are."""
        body = request.body
        if request.encoding == "json":
            return self._cost_of_json(body)
        most = TIMES * len(body) + PART_BYTES * min(len(body) // MIN_PART_BYTES, self._max_parts)
        if most <= self._memory.room_bytes:
            return most
        affordable = max(0, self._memory.hard_bytes - TIMES * len(body)) // PART_BYTES
        return TIMES * len(body) + PART_BYTES * count(PARTS[request.signal], body, affordable)

    def _cost_of_json(self, body: bytes) -> int:
        """Return the same for JSON, where brackets and commas show how many values there can be."""
        parts = body.count(b"{") + body.count(b"[")
        if parts > self._max_parts:
            raise self._too_many_parts()
        return _JSON_TIMES * len(body) + PART_BYTES * parts + _JSON_VALUE_BYTES * body.count(b",")

    def _too_many_parts(self) -> Refused:
        return Refused(f"a request may have {self._max_parts} parts at most: attributes, values, events, links")
