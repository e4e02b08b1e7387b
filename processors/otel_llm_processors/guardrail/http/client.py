"""Asks a service over HTTP what it makes of passages, and waits for it no longer than agreed.

A call is made on a thread of its own, and whoever wants the answer waits for that: whatever a service does with a
connection, such as sending a byte a second, costs no more than the timeout. A connection for each call: nothing has to
be known of whether an old one is still good, and a model takes far longer than a handshake on the same network.
"""

from __future__ import annotations

import os
import socket
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from otel_llm.breaker import Breaker
from otel_llm.errors import Permanent, Retryable
from otel_llm.tls import ClientTls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.detectors import Passage
    from otel_llm_processors.guardrail.http.config import HttpDetectorConfig

__all__ = ["Client", "Skipped", "client_for"]

_VERSION: Final = 1
_MAX_ANSWER_BYTES: Final = 4 << 20
_OK: Final = 200
_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_making: Final = threading.Lock()


class Skipped(Retryable):
    """The service was not asked."""


def client_for(config: HttpDetectorConfig, place: str) -> Client:
    """Return the one client that all threads of this process have for a config; *place* is where that stands.

    Raises:
        ConfigError: the files of its `tls` cannot be used.
    """
    with _making:
        for client in _clients:
            if client.config == config and client.process == os.getpid():
                return client
        made = Client(config, ClientTls.load(config.tls, f"{place}.tls"))
        _clients.add(made)
        return made


class Client:
    """Asks, with so many calls at once, unless the service has failed too often."""

    def __init__(self, config: HttpDetectorConfig, tls: ClientTls) -> None:
        self.config = config
        self.process = os.getpid()
        """Threads do not live on in a process that is forked off."""
        parts = urlsplit(config.endpoint)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host, port, timeout = parts.hostname or "", parts.port, config.timeout
        self._connect: Callable[[], HTTPConnection] = (
            (lambda: HTTPSConnection(host, port, timeout=timeout, context=tls.context))
            if parts.scheme == "https"
            else (lambda: HTTPConnection(host, port, timeout=timeout))
        )
        self._headers = {name: value.get_secret_value() for name, value in config.headers.items()}
        self._headers |= {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        self._breaker = Breaker(config.breaker.failures, config.breaker.open_for)
        self._room = threading.BoundedSemaphore(config.max_concurrency)
        self._threads = ThreadPoolExecutor(config.max_concurrency, thread_name_prefix="otel-llm-detector")

    def scores(self, passages: Sequence[Passage]) -> list[Mapping[str, float]]:
        """Return the scores of each passage by label.

        Raises:
            Skipped: it is not asked now.
            Retryable: there is no answer in time.
            Permanent: the service does not take the request, or does not answer as it should.
        """
        body = orjson.dumps({"version": _VERSION, "texts": [passage._asdict() for passage in passages]})
        if len(body) > self.config.max_request_bytes:
            raise Permanent("the batch is larger than max_request_bytes", reason="oversize")
        if not self._room.acquire(blocking=False):
            raise Skipped("max_concurrency requests are under way")
        if not self._breaker.allows():
            self._room.release()
            raise Skipped("the service has failed too often, and is left alone for a while")
        try:
            found = _read(self._answer(body), len(passages))
        except (Retryable, Permanent):
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return found

    def _answer(self, body: bytes) -> bytes:
        """Return what the service answers, as soon as it has, and within the timeout."""
        connection = self._connect()
        call: Future[bytes] = self._threads.submit(self._call, connection, body)
        call.add_done_callback(lambda _: self._room.release())  # a call that hangs is still under way
        try:
            return call.result(self.config.timeout)
        except TimeoutError:
            _cut(connection)
            raise Retryable("the service has not answered in time") from None
        except (OSError, HTTPException):
            raise Retryable("the service cannot be reached, or does not speak HTTP") from None

    def _call(self, connection: HTTPConnection, body: bytes) -> bytes:
        with closing(connection):
            connection.request("POST", self._path, body, self._headers)
            with connection.getresponse() as response:
                status, answer = response.status, response.read(_MAX_ANSWER_BYTES + 1)
        if status != _OK:
            raise Permanent(f"the service answers with HTTP status {status}", reason=str(status))
        if len(answer) > _MAX_ANSWER_BYTES:
            raise Permanent("the answer of the service is too long", reason="answer")
        return answer


def _cut(connection: HTTPConnection) -> None:
    """Let the thread go that still reads from a connection."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _read(answer: bytes, count: int) -> list[Mapping[str, float]]:
    try:
        found: Any = orjson.loads(answer)
        scores = [result["scores"] for result in found["results"]]
    except (ValueError, TypeError, KeyError):
        raise Permanent("the service does not answer as it should", reason="answer") from None
    if len(scores) != count or not all(map(_are_scores, scores)):
        raise Permanent("the service does not answer as it should", reason="answer")
    return scores


def _are_scores(scores: Any) -> bool:
    return isinstance(scores, dict) and all(
        isinstance(score, int | float) and 0 <= score <= 1 for score in scores.values()
    )
