"""Sends alerts, each until it is taken or given up. Of several gateways, whichever claims an alert sends it."""

from __future__ import annotations

import hmac
import logging
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson

if TYPE_CHECKING:
    from pydantic import SecretStr

    from otel_llm.budget.file import AlertsConfig
    from otel_llm.store.store import Store
    from otel_llm.telemetry import Meter

__all__ = ["ATTEMPTS", "Delivery"]

ATTEMPTS: Final = 10
"""After so many, over about a day, an alert is given up. It stays in the table `alerts`, without `delivered_ms`."""

_LEASE_MS: Final = 60_000
"""For so long nobody else sends what one gateway has claimed."""
_BATCH: Final = 20
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_LONGEST_WAIT_MS: Final = 6 * 3_600_000

_DUE: Final = (
    "SELECT id, receiver, body, attempts, next_attempt_ms FROM alerts WHERE next_attempt_ms <= ? ORDER BY id LIMIT ?"
)
_CLAIM: Final = "UPDATE alerts SET next_attempt_ms = ? WHERE id = ? AND next_attempt_ms = ? RETURNING 1"
_DELIVERED: Final = "UPDATE alerts SET attempts = ?, next_attempt_ms = NULL, delivered_ms = ? WHERE id = ?"
_FAILED: Final = "UPDATE alerts SET attempts = ?, next_attempt_ms = ? WHERE id = ?"

_log = logging.getLogger(__name__)


class Delivery:
    """Sends what is due."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._alerts = meter.counter("budget_alerts", "Alerts, by receiver and outcome.", ["receiver", "outcome"])

    async def run(self, config: AlertsConfig, now_ms: int) -> None:
        """Send what is due.

        Raises:
            Retryable: the store cannot be reached. What was sent meanwhile may be sent again.
        """
        for id_, receiver, body, attempts, due_ms in await self._store.ask(_DUE, (now_ms, _BATCH)):
            if not await self._store.change(_CLAIM, (now_ms + _LEASE_MS, id_, due_ms)):
                continue
            tried = attempts + 1
            if await self._send(config, receiver, body):
                self._alerts.labels(receiver, "delivered").inc()
                await self._store.change(_DELIVERED, (tried, now_ms, id_))
            elif tried < ATTEMPTS:
                self._alerts.labels(receiver, "failed").inc()
                wait_ms = min(5_000 * 4**attempts, _LONGEST_WAIT_MS)
                await self._store.change(_FAILED, (tried, now_ms + wait_ms, id_))
            else:
                self._alerts.labels(receiver, "given_up").inc()
                _log.error("an alert could not be delivered to %s, and is given up", receiver)
                await self._store.change(_FAILED, (tried, None, id_))

    async def _send(self, config: AlertsConfig, receiver: str, body: str) -> bool:
        match receiver:
            case "slack":
                return await _post(config.slack_webhook_url, body)
            case "webhook":
                return await _post(config.webhook_url, body, config.webhook_secret)
            case _:
                _log.warning("%s", orjson.loads(body)["text"])
                return True


async def _post(url: SecretStr | None, body: str, secret: SecretStr | None = None) -> bool:
    """Post JSON; tell whether it was taken."""
    if url is None:  # the receiver is not configured any more
        return False
    content = body.encode()
    headers = {"Content-Type": "application/json"}
    if secret is not None and secret.get_secret_value():
        digest = hmac.new(secret.get_secret_value().encode(), content, "sha256").hexdigest()
        headers["X-Otel-Llm-Signature-256"] = f"sha256={digest}"
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(url.get_secret_value(), data=content, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.ok and answer.status < 300  # noqa: PLR2004 - a redirect has not taken it
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
