"""The exporter `otlphttp`."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from otel_llm import __version__
from otel_llm.component import Exporter, Settings
from otel_llm.errors import Oversize, Permanent, Retryable
from otel_llm.exporters.headers import plain
from otel_llm.exporters.otlphttp.proxy import proxy_for
from otel_llm.exporters.otlphttp.retry_after import parse_retry_after
from otel_llm.exporters.profile import Rewrite, rewritten
from otel_llm.otlp_response import read_success
from otel_llm.tls import ClientTls, certificate_problem

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.exporters.otlphttp.config import OtlpHttpConfig
    from otel_llm.signals import Signal

__all__ = ["OtlpHttpExporter"]

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
"""OTLP specification, "Retryable Response Codes" of OTLP/HTTP."""

_TOO_LARGE: Final = 413
_PROTOBUF: Final = "application/x-protobuf"
_LONGEST_ANSWER: Final = 4 * 1024 * 1024
_ANSWER_BODY_S: Final = 1.0
"""A status of 2xx is the whole answer: its body is waited for no longer than this, and no failure in it counts."""

_THREAD_FROM_BYTES: Final = 64 * 1024
"""Bodies from this size are compressed in a thread, because the event loop would stand still meanwhile."""

_FAST: Final = 1
"""Less than half the time of zlib's default, for a body that is a tenth larger."""

_GZIP: Final = 31
"""zlib's `wbits` for the largest window in gzip's format."""


class OtlpHttpExporter(Exporter):
    """Posts batches."""

    _session: aiohttp.ClientSession

    def __init__(self, config: OtlpHttpConfig, settings: Settings) -> None:
        self._targets = {signal: (url, proxy_for(url)) for signal, url in config.urls.items()}
        self._tls = ClientTls.load(config.tls, f"exporters.{settings.name}.tls").context if config.encrypted else True
        self._server_name = config.tls.server_name_override
        self._clock = settings.clock
        self._headers = plain(config.headers) | {
            "content-type": _PROTOBUF,
            "accept-encoding": "identity",  # answers are small, and a compressed one could be a bomb
            "user-agent": f"otel-llm/{__version__}",
        }
        self._rewrite = None if config.profile == "none" else Rewrite(config.profile)
        self._pack = _as_is
        if config.compression == "gzip":
            self._headers["content-encoding"] = "gzip"
            self._pack = _gzip
        self._stack = AsyncExitStack()

    @property
    def target(self) -> str:
        """The destination's URLs, without user names, passwords or queries."""
        urls = [URL(url) for url, _ in self._targets.values()]
        return ", ".join(str(url.with_user(None).with_query(None)) for url in urls)

    async def start(self) -> None:
        """Make the session, which connects when it is needed."""
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),  # the host limits every attempt
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )

    async def export(self, batch: Batch, /) -> int:
        """Send *batch*; return how many of its items the destination rejected.

        Raises:
            Retryable: no answer, or one of the statuses that OTLP calls so.
            Permanent: another status. The reason is `http_` and its number.
        """
        if batch.signal not in self._targets:
            raise Permanent(f"no endpoint is configured for {batch.signal}", reason="no_endpoint")
        url, proxy = self._targets[batch.signal]
        body = await self._pack(await rewritten(self._rewrite, batch))
        try:
            # Redirects are not followed: the headers hold credentials, and they are for this destination only.
            async with self._session.post(
                url,
                data=body,
                headers=self._headers,
                proxy=proxy,
                allow_redirects=False,
                ssl=self._tls,
                server_hostname=self._server_name,
            ) as response:
                self._check(response)
                return await _rejected(batch.signal, response)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Retryable(_refused(error)) from None
        except aiohttp.ClientSSLError:
            raise Retryable("TLS with the destination is not possible") from None
        except (aiohttp.ClientError, OSError):
            raise Retryable("the destination is out of reach, or broke the connection") from None

    async def shutdown(self) -> None:
        """Close all connections."""
        await self._stack.aclose()

    def _check(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status in _RETRYABLE:
            after_s = parse_retry_after(response.headers.get("retry-after"), self._clock())
            raise Retryable(f"the destination answers HTTP {status}", after_s=after_s)
        if status == _TOO_LARGE:
            raise Oversize(f"the destination answers HTTP {status}", reason=f"http_{status}")
        if status // 100 != 2:  # noqa: PLR2004 - 2xx
            raise Permanent(f"the destination answers HTTP {status}", reason=f"http_{status}")


def _refused(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Return a sentence for a certificate that we refuse."""
    code = getattr(error.certificate_error, "verify_code", 0)
    return f"the destination's certificate {certificate_problem(code)}"


async def _rejected(signal: Signal, response: aiohttp.ClientResponse) -> int:
    if response.content_type != _PROTOBUF:
        return 0
    body = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_ANSWER_BODY_S):
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    return 0
        return read_success(signal, bytes(body))[0]
    return 0


async def _gzip(body: bytes) -> bytes:
    if len(body) < _THREAD_FROM_BYTES:
        return zlib.compress(body, _FAST, _GZIP)
    return await asyncio.to_thread(zlib.compress, body, _FAST, _GZIP)


async def _as_is(body: bytes) -> bytes:
    return body
