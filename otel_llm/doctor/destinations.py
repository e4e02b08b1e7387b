"""Whether destinations can be reached, let us in, and have the same time."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from otel_llm.batch import Batch
from otel_llm.component import Settings
from otel_llm.doctor.finding import Finding
from otel_llm.errors import Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_llm.component import Exporter
    from otel_llm.config import Component
    from otel_llm.signals import Signal

__all__ = ["examine_destination"]

_ATTEMPT_S: Final = 10.0
_CREDENTIALS: Final = frozenset({"http_401", "http_403", "unauthenticated", "permission_denied"})
_ADDRESS: Final = frozenset({"http_404", "http_405", "unimplemented", "http_301", "http_302", "http_307", "http_308"})
_CLOCK_S: Final = 30.0


async def examine_destination(component: Component, signal: Signal) -> AsyncIterator[Finding]:
    """Send an empty request as the exporter itself would, credentials and all; it leaves nothing behind."""
    place = f"exporters.{component.id}"
    exporter: Exporter = component.factory.create(component.config, Settings(component.id))
    await exporter.start()
    try:
        async with asyncio.timeout(_ATTEMPT_S):
            await exporter.export(Batch(b"", signal))
        yield Finding("ok", f"{place}: {exporter.target} takes {signal}")
    except Permanent as refusal:
        yield _refused(f"{place}: {refusal}", refusal.reason)
    except (Retryable, TimeoutError) as failure:
        yield Finding(
            "problem",
            f"{place}: {failure or 'no answer in time'}",
            f"is {exporter.target} right, the backend up, and no firewall or proxy between?",
        )
    finally:
        await exporter.shutdown()
    url = getattr(component.config, "urls", {}).get(signal)
    if url is not None:
        async for finding in _examine_clock(place, url):
            yield finding


def _refused(what: str, reason: str) -> Finding:
    if reason in _CREDENTIALS:
        return Finding("problem", what, "the credentials in `headers` are missing or wrong for this backend")
    if reason in _ADDRESS:
        return Finding("problem", what, "the address is not that of OTLP: look at the path, and at gRPC against HTTP")
    return Finding("warning", what, "it may dislike that the request is empty; watch exporter_dropped_* of the gateway")


async def _examine_clock(place: str, url: str) -> AsyncIterator[Finding]:
    """Compare clocks by the date of whatever the backend answers (RFC 9110, section 6.6.1)."""
    options: dict[str, Any] = {"allow_redirects": False, "ssl": False}  # nothing is sent, and nothing believed but this
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            asked = time.time()
            async with session.head(url, **options) as response:
                date = response.headers.get("date")
        theirs = parsedate_to_datetime(date).timestamp() if date else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return
    if theirs is not None and abs(theirs - asked) > _CLOCK_S:
        yield Finding(
            "problem",
            f"{place}: the clocks of this machine and of the backend are {abs(theirs - asked):.0f} s apart",
            "spans would be shown at the wrong time and priced by it: set the clock by NTP",
        )
