"""A Valkey or Redis server, asked by one script. It is never waited for long, and never given up."""

from __future__ import annotations

import logging
import time
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import orjson
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Gone
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from otel_llm.errors import ConfigError, Retryable

__all__ = ["Server"]

_SCRIPT: Final = files("otel_llm.budget.admission").joinpath("admission.lua").read_text("utf-8")
_SHA: Final = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_SCHEMES: Final = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss"}
_CONNECTIONS: Final = 32
_QUEUE_S: Final = 1.0
"""For a connection that is free: that none is says nothing about the server."""
_FAILURES: Final = 3
"""After so many in a row nobody waits for another one for a while."""
_PAUSE_S: Final = 0.5

_log = logging.getLogger(__name__)


class Server:
    """Runs the steps of `admission.lua`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Take where it is, not connected yet.

        Args:
            url: `valkey://[user:password@]host[:port][/database][?name=NAME]`; `valkeys:` with TLS; `redis:` and
                `rediss:` are the same. What gateways of one *name* admit, they admit together.
            timeout_s: How long one step may take. One that took longer is tried once more.

        Raises:
            ConfigError: it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ConfigError("must be valkey://HOST, valkeys://HOST, redis://HOST or rediss://HOST")
        self._tag = f"{{{parse_qs(parts.query).get('name', ['otel_llm'])[0]}}}"
        plain = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path, "", ""))
        try:
            pool = BlockingConnectionPool.from_url(
                plain,
                max_connections=_CONNECTIONS,
                timeout=_QUEUE_S,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 1, (Gone, TooSlow)),
            )
        except ValueError:
            raise ConfigError("is no URL of a Valkey or Redis server") from None
        self._redis = Redis(connection_pool=pool)
        self._failures = 0
        self._until = 0.0

    async def do(self, step: str, **ask: Any) -> Any:
        """Return what a step answers.

        Raises:
            Retryable: the server is away or too slow, or had something there that is not ours, and has not any more.
        """
        if self._failures >= _FAILURES and time.monotonic() < self._until:
            raise Retryable("admission is away")
        content = orjson.dumps(ask)
        try:
            answer = await self._run(step, content)
        except ResponseError as error:
            self._note(failed=True)
            _log.error("admission has something in its place that is not its own, and is put together anew")
            await self._forget()
            raise Retryable("admission has to be put together anew") from error
        except (RedisError, OSError) as error:
            self._note(failed=True)
            raise Retryable("admission is away") from error
        self._note(failed=False)
        return answer

    async def evicts(self) -> bool:
        """Return whether the server throws keys away when its memory is full: it must not.

        Raises:
            Retryable: it is away.
        """
        try:
            memory: dict[str, Any] = await self._redis.info("memory")
        except (RedisError, OSError) as error:
            raise Retryable("admission is away") from error
        return bool(memory.get("maxmemory_policy", "noeviction") != "noeviction")

    async def shutdown(self) -> None:
        """Close the connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def _run(self, step: str, content: bytes) -> Any:
        try:
            return await self._redis.evalsha(_SHA, 1, self._tag, step, content)
        except NoScriptError:  # the script itself, which the server then knows: proxies refuse SCRIPT LOAD
            return await self._redis.eval(_SCRIPT, 1, self._tag, step, content)

    async def _forget(self) -> None:
        """Let nothing count that is there: a key has been changed by somebody else."""
        try:
            await self._redis.delete(f"{self._tag}:epoch")
        except (RedisError, OSError):
            self._note(failed=True)

    def _note(self, *, failed: bool) -> None:
        was_away = self._failures >= _FAILURES
        self._failures = self._failures + 1 if failed else 0
        self._until = time.monotonic() + _PAUSE_S
        if was_away and not failed:
            _log.warning("admission is back")
        elif failed and self._failures == _FAILURES:
            _log.error("admission is away: calls are decided on as on_store_error of their budgets says")
