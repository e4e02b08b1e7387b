"""Who sends: by the token that comes with a request, counted by the token's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.auth import BearerTokens
from otel_llm.errors import Unauthenticated
from otel_llm.request import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.auth import AuthConfig, Identity
    from otel_llm.component import Settings

__all__ = ["UNKNOWN_SENDER", "Senders"]

UNKNOWN_SENDER: Final = Answer.of(Unauthenticated("a bearer token that is known here is needed"))
"""One answer for all: which of them a token is near to, or whether there was one, is not said."""


class Senders:
    """Those who may send to one protocol of a receiver."""

    def __init__(self, config: AuthConfig, settings: Settings, transport: str) -> None:
        """Read the tokens.

        Raises:
            ConfigError: with every token that cannot be used.
        """
        self._tokens = BearerTokens(config, f"receivers.{settings.name}.protocols.{transport}.auth", settings.watch)
        requests = settings.meter.counter(
            "receiver_token_requests", "Requests that showed a known token.", ("receiver", "transport", "token")
        )
        self._requests = {
            sender: requests.labels(settings.name, transport, sender.name) for sender in self._tokens.identities
        }

    @property
    def tenants(self) -> Sequence[str | None]:
        """Whom they may stand for."""
        return [sender.tenant for sender in self._tokens.identities]

    def identify(self, authorization: Sequence[str]) -> Identity | None:
        """Return whose token stands in the Authorization headers of a request; None if it is nobody's."""
        sender = self._tokens.identify(authorization)
        if sender is not None:
            self._requests[sender].inc()
        return sender
