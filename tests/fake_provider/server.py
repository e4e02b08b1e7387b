"""The server: on a thread of its own, so that a test's blocking client may call it as well as an asynchronous one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

from tests.fake_provider.anthropic_messages import MESSAGES
from tests.fake_provider.gemini import GENERATE_CONTENT, STREAM_GENERATE_CONTENT
from tests.fake_provider.openai_chat import CHAT_COMPLETIONS
from tests.fake_provider.openai_embeddings import EMBEDDINGS
from tests.fake_provider.openai_responses import RESPONSES
from tests.fake_provider.reply import Answer, Call, Dialect, Failure, Json, Malformed, Reply

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FakeProvider"]

_DIALECTS: Final = (
    CHAT_COMPLETIONS,
    EMBEDDINGS,
    RESPONSES,
    MESSAGES,
    GENERATE_CONTENT,
    STREAM_GENERATE_CONTENT,
)


class FakeProvider:
    """Answers model calls on a free loopback port, from `with` to its end, and keeps what was asked."""

    def __init__(self, default: Answer | None = None) -> None:
        self.default = default or Reply()
        """What a call is answered when nothing is scripted."""
        self.calls: list[Call] = []
        """Every request so far."""
        self.url = ""
        """`http://127.0.0.1:<port>`: Anthropic's and Google's base URL."""
        self._script: deque[Answer] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-provider", daemon=True)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)

    @property
    def openai_url(self) -> str:
        """OpenAI's base URL."""
        return f"{self.url}/v1"

    def script(self, *answers: Answer) -> None:
        """Answer the next calls with *answers*, one each; after them comes the default again."""
        self._script.extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        for dialect in _DIALECTS:
            application.router.add_post(dialect.path, partial(self._serve, dialect))
        return application

    async def _serve(self, dialect: Dialect, request: web.Request) -> web.StreamResponse:
        call = Call(len(self.calls) + 1, request.path, request.headers, await request.json())
        self.calls.append(call)
        answer = self._script.popleft() if self._script else self.default
        match answer:
            case Failure(status, retry_after_s):
                headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
                return web.json_response(dialect.error(answer), status=status, headers=headers)
            case Malformed():
                return web.Response(body=b'{"id": "broken off', content_type="application/json")
            case Reply():
                await asyncio.sleep(answer.time_to_first_token_s)
                speak = _stream if call.streamed else _plain
                return await speak(dialect, answer, call, request)


async def _plain(dialect: Dialect, reply: Reply, call: Call, request: web.Request) -> web.StreamResponse:
    body = json.dumps(dialect.plain(reply, call)).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: reply.cut_after])
    if reply.cut_after is not None:
        _cut(request)
    return response


async def _stream(dialect: Dialect, reply: Reply, call: Call, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number, event in enumerate(dialect.events(reply, call)):
        if number == reply.cut_after:
            _cut(request)
            return response
        await response.write(_frame(event))
    await response.write(dialect.end_of_stream)
    return response


def _frame(event: Json) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _cut(request: web.Request) -> None:
    """Close the connection after what has been written, as a proxy does that gives up."""
    if request.transport is not None:
        request.transport.close()
