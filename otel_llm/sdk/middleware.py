"""Fills the context from requests: middlewares for ASGI and WSGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypedDict, cast

from otel_llm.sdk.context import FIELDS, Scoped

__all__ = ["AsgiContext", "Sources", "WsgiContext"]

Scope: TypeAlias = Mapping[str, Any]
Environ: TypeAlias = Mapping[str, Any]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
WsgiApp: TypeAlias = Callable[[Any, Any], Iterable[bytes]]
Source: TypeAlias = str | Callable[[Mapping[str, Any]], str | None]
"""Where a value comes from: the name of a header that something trusted sets, or a function of the scope or environ."""


class Sources(TypedDict, total=False):
    """Where the fields of `otel_llm.context` come from."""

    route: Source
    tenant: Source
    environment: Source
    user: Source
    conversation: Source
    prompt: Source
    app_version: Source
    eval_id: Source


class AsgiContext:
    """Runs an ASGI app inside `otel_llm.context`: `AsgiContext(app, {"user": "x-user", "route": lambda scope: ...})`.

    It stands inside OpenTelemetry's own middleware, which begins a context of its own for every request: among the
    middlewares of a framework, not around the app.
    """

    def __init__(self, app: AsgiApp, sources: Sources, *, propagate: bool = True) -> None:
        """Take the app, and where each of the fields of `context` comes from."""
        self._app = app
        self._propagate = propagate
        self._read = {field: _reader(field, source, _asgi_header) for field, source in _items(sources)}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Run the app for one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        with Scoped(_said(self._read, scope), propagate=self._propagate):
            await self._app(scope, receive, send)


class WsgiContext:
    """Runs a WSGI app inside `otel_llm.context`, to the end of its answer."""

    def __init__(self, app: WsgiApp, sources: Sources, *, propagate: bool = True) -> None:
        """Take the app, and where each of the fields of `context` comes from."""
        self._app = app
        self._propagate = propagate
        self._read = {field: _reader(field, source, _wsgi_header) for field, source in _items(sources)}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Run the app for one request."""
        scoped = Scoped(_said(self._read, environ), propagate=self._propagate)
        with scoped:
            answer = self._app(environ, start_response)
        return answer if isinstance(answer, list | tuple) else _Answer(answer, scoped)


class _Answer:
    """An answer that is made while it is sent: each part inside the context, in which nothing else of the thread is."""

    def __init__(self, parts: Iterable[bytes], scoped: Scoped) -> None:
        self._parts = parts
        self._iterator = iter(parts)
        self._scoped = scoped

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._scoped:
            return next(self._iterator)

    def close(self) -> None:
        close = getattr(self._parts, "close", None)
        if close is not None:
            with self._scoped:
                close()


Read: TypeAlias = Callable[[Mapping[str, Any]], str | None]


def _said(read: Mapping[str, Read], request: Mapping[str, Any]) -> dict[str, str]:
    found = ((field, each(request)) for field, each in read.items())
    return {field: value for field, value in found if value}


def _items(sources: Sources) -> Iterable[tuple[str, Source]]:
    return cast("Mapping[str, Source]", sources).items()


def _reader(field: str, source: Source, header: Callable[[str], Read]) -> Read:
    if field not in FIELDS:
        raise TypeError(f"{field} is no field of the context; there are {', '.join(FIELDS)}")
    return header(source) if isinstance(source, str) else source


def _asgi_header(name: str) -> Read:
    wanted = name.lower().encode("latin-1")

    def read(scope: Scope) -> str | None:
        values = (value for key, value in scope.get("headers", ()) if key == wanted)
        found = cast("bytes | None", next(values, None))
        return None if found is None else found.decode("latin-1")

    return read


def _wsgi_header(name: str) -> Read:
    key = f"HTTP_{name.upper().replace('-', '_')}"
    return lambda environ: environ.get(key)
