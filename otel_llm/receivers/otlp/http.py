"""OTLP/HTTP (OTLP specification, "OTLP/HTTP"): protobuf and JSON on one port, told apart by their content type."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from aiohttp import HttpVersion11, web

from otel_llm.component import Consume, Endpoint, Receiver, Settings
from otel_llm.errors import NotServed, OtelLlmError, UnsupportedMedia
from otel_llm.http_server import HttpServer
from otel_llm.otlp_response import failure, success
from otel_llm.receivers.otlp.body import read_gzip, read_plain, too_large
from otel_llm.receivers.otlp.senders import UNKNOWN_SENDER, Senders
from otel_llm.request import Answer, Encoding, Request, Trust
from otel_llm.tls import ServerTls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.http_server import Handler
    from otel_llm.receivers.otlp.config import HttpConfig

__all__ = ["OtlpHttp"]

_ENCODINGS: Final[Mapping[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_MEDIA_TYPES: Final = {encoding: media_type for media_type, encoding in _ENCODINGS.items()}
_DEADLINE_EXCEEDED: Final = 4
_READERS: Final = {"": read_plain, "identity": read_plain, "gzip": read_gzip}


class _Refusal(NamedTuple):
    answer: Answer
    headers: Mapping[str, str]


_WRONG_METHOD: Final = _Refusal(
    replace(Answer.of(NotServed("OTLP/HTTP requests are POST")), http_status=HTTPStatus.METHOD_NOT_ALLOWED),
    {"Allow": "POST"},
)
_WRONG_TYPE: Final = _Refusal(
    Answer.of(UnsupportedMedia("the Content-Type must be application/x-protobuf or application/json")),
    {"Accept": ", ".join(_ENCODINGS)},
)
_WRONG_CODING: Final = _Refusal(
    Answer.of(UnsupportedMedia("the Content-Encoding must be gzip or none")), {"Accept-Encoding": "gzip"}
)
_TOO_SLOW: Final = _Refusal(
    Answer(_DEADLINE_EXCEEDED, HTTPStatus.REQUEST_TIMEOUT, "the request body took too long to come"), {}
)
_UNKNOWN_SENDER: Final = _Refusal(UNKNOWN_SENDER, {"WWW-Authenticate": "Bearer"})
_BODY_UNREAD: Final = frozenset(
    {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT}
)


class OtlpHttp(Receiver):
    """Serves one path per signal. Whatever it refuses, it says so in a `google.rpc.Status`."""

    def __init__(self, config: HttpConfig, settings: Settings, trust: Trust) -> None:
        place = f"receivers.{settings.name}.protocols.http"
        serve = self._serve if config.auth is None else self._known(Senders(config.auth, settings, "http"))
        tls = None if config.tls is None else ServerTls(config.tls, f"{place}.tls", settings.watch).context()
        self._server = HttpServer(
            f"{place}.endpoint",
            config.endpoint,
            serve,
            tls=tls,
            protected=config.protected,
            worker=settings.worker,
            limits=config.limits,
        )
        self._read_timeout_s = config.read_timeout
        self._signals = config.signals
        self._unknown_path = _Refusal(Answer.of(NotServed(f"paths served here: {', '.join(self._signals)}")), {})
        self._limit = config.max_request_body_size
        self._too_large = _Refusal(Answer.of(too_large(self._limit)), {})
        self._trust: Trust = trust
        self._receiver = settings.name
        self._requests = settings.meter.requests()

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens, with the real port once started."""
        return (self._server.endpoint,)

    async def start(self, consume: Consume, /) -> None:
        """Begin to listen.

        Raises:
            StartError: that cannot be done there.
        """
        self._consume = consume
        await self._server.start()

    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; end what is not answered after *grace_s* seconds."""
        await self._server.shutdown(grace_s)

    def _known(self, senders: Senders) -> Handler:
        """Return what serves only those who show a token."""

        async def serve(request: web.BaseRequest) -> web.Response:
            sender = senders.identify(request.headers.getall("Authorization", ()))
            if sender is None:
                return self._refuse(_UNKNOWN_SENDER, _ENCODINGS.get(_media_type(request), "protobuf"))
            return await self._serve(request, sender.tenant)

        return serve

    async def _serve(self, request: web.BaseRequest, tenant: str | None = None) -> web.Response:
        media_type = _media_type(request)
        # Applied in the order in which they are listed. Two lines of one header mean the same as one with a comma.
        coding = ", ".join(request.headers.getall("Content-Encoding", ())).strip().lower()
        refusal = self._refusal(request, media_type, coding)
        encoding = _ENCODINGS.get(media_type, "protobuf")
        if refusal is not None:
            return self._refuse(refusal, encoding)
        await _continue(request)
        try:
            async with asyncio.timeout(self._read_timeout_s):
                body = await _READERS[coding](request.content.iter_any(), self._limit)
        except TimeoutError:
            return self._refuse(_TOO_SLOW, encoding)
        except OtelLlmError as error:
            return self._refuse(_Refusal(Answer.of(error), {}), encoding)
        signal = self._signals[request.path]
        answer = await self._consume(Request(signal, body, encoding, "http", self._trust, tenant))
        if answer.grpc_status:
            return _failure(answer, encoding)
        content = success(signal, answer.rejected, answer.message, encoding)
        return web.Response(body=content, content_type=_MEDIA_TYPES[encoding])

    def _refusal(self, request: web.BaseRequest, media_type: str, coding: str) -> _Refusal | None:
        """Tell what is wrong with a request before its body is read."""
        if request.path not in self._signals:
            return self._unknown_path
        if request.method != "POST":
            return _WRONG_METHOD
        if media_type not in _ENCODINGS:
            return _WRONG_TYPE
        if coding not in _READERS:
            return _WRONG_CODING
        if (request.content_length or 0) > self._limit:
            return self._too_large
        return None

    def _refuse(self, refusal: _Refusal, encoding: Encoding) -> web.Response:
        """Say a refusal, and count it: what is refused here never comes to where requests are counted otherwise."""
        self._requests.labels(self._receiver, "http", str(refusal.answer.grpc_status)).inc()
        response = _failure(refusal.answer, encoding)
        response.headers.update(refusal.headers)
        return response


def _media_type(request: web.BaseRequest) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def _continue(request: web.BaseRequest) -> None:
    """Ask for the body if the client waits to be asked, as curl does with large ones (RFC 9110, section 10.1.1)."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _failure(answer: Answer, encoding: Encoding) -> web.Response:
    content = failure(answer.grpc_status, answer.message, answer.retry_after_s, encoding)
    response = web.Response(status=answer.http_status, body=content, content_type=_MEDIA_TYPES[encoding])
    if answer.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(answer.retry_after_s))
    if answer.http_status in _BODY_UNREAD:
        response.force_close()  # the rest of the body may still be on its way
    return response
