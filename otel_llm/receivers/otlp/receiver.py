"""The OTLP receiver: gRPC and HTTP side by side, one way in behind both."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from otel_llm.component import Consume, Endpoint, Receiver, Settings
from otel_llm.errors import Retryable
from otel_llm.receivers.otlp.grpc import OtlpGrpc
from otel_llm.receivers.otlp.http import OtlpHttp
from otel_llm.request import Answer, Request

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from otel_llm.receivers.otlp.config import OtlpReceiverConfig

__all__ = ["OtlpReceiver"]


class OtlpReceiver(Receiver):
    """Serves the configured protocols."""

    def __init__(self, config: OtlpReceiverConfig, settings: Settings) -> None:
        self._logger = settings.logger
        self._protocols: list[Receiver] = []
        if config.protocols.grpc is not None:
            self._protocols.append(OtlpGrpc(config.protocols.grpc, settings, config.trust))
        if config.protocols.http is not None:
            self._protocols.append(OtlpHttp(config.protocols.http, settings, config.trust))

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where its protocols listen, with the real ports once started."""
        return [endpoint for protocol in self._protocols for endpoint in protocol.endpoints]

    async def start(self, consume: Consume, /) -> None:
        """Begin to take requests.

        Raises:
            StartError: an endpoint cannot be listened on. Others may be open then, until `shutdown`.
        """
        discreet = _discreet(consume, self._logger)
        for protocol in self._protocols:
            await protocol.start(discreet)

    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; let what is under way finish within *grace_s* seconds."""
        await asyncio.gather(*(protocol.shutdown(grace_s) for protocol in self._protocols))


def _discreet(consume: Consume, logger: logging.Logger) -> Consume:
    """Return *consume*, made to answer where it raises: gRPC would tell the sender the exception's text."""

    async def answer(request: Request) -> Answer:
        try:
            return await consume(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender must learn that it may try again
            error_id = secrets.token_hex(4)
            kind = type(error).__name__
            logger.error("request failed with %s, error id %s", kind, error_id)  # noqa: TRY400 - the text may quote data
            return Answer.of(Retryable(f"internal error {error_id}"))

    return answer
