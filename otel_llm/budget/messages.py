"""What clients ask of the budget service: the same over HTTP and gRPC. Money is in USD, as a decimal number or text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from uuid import uuid4

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from otel_llm.budget.ledger.calls import response_identity
from otel_llm.budget.money import pico_of
from otel_llm.component import Config, Count
from otel_llm.dimensions import Dimensions
from otel_llm.errors import Refused

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from otel_llm.digest import Digests

__all__ = ["AdjustRequest", "ReleaseRequest", "ReserveRequest", "SettleRequest", "read_message"]

M = TypeVar("M", bound=Config)

_BYTES_PER_TOKEN: Final = 3
"""Of a text whose tokens are not counted. In English a token has four: rather more tokens than too few."""


def _usd(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports ValueErrors with their place
    return pico_of(value)


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
Tokens = Annotated[Count, Field(le=10**12)]
Usd = Annotated[int, BeforeValidator(_usd)]
Cost = Annotated[Usd, Field(ge=0)]


class CallDimensions(Config):
    """Whom a call is for."""

    route: Text | None = None
    """The feature."""
    user: Text | None = None
    """As on spans, before it is digested."""
    tenant: Text | None = None
    """A customer or a team."""
    conversation: Text | None = None
    """As on spans, before it is digested."""
    environment: Text | None = None
    """Such as `prod`."""
    prompt: Text | None = None
    """Name or version of a prompt."""
    app_version: Text | None = None
    """Of the app."""

    def resolved(self, digests: Digests, tenant: str | None) -> Dimensions:
        """Return them as they stand on spans; *tenant*, whom the sender's token stands for, before all."""
        return Dimensions(
            route=self.route,
            tenant=tenant or self.tenant,
            environment=self.environment,
            prompt=self.prompt,
            app_version=self.app_version,
            user_key=digests.of("user", self.user) if self.user else None,
            conversation_key=digests.of("conversation", self.conversation) if self.conversation else None,
        )


class ReserveRequest(Config):
    """A call that is about to be made. The same message asks whether it would be let in."""

    reservation_id: Text = Field(default_factory=lambda: uuid4().hex)
    """Chosen by the client. Asked again with the same id, the answer is the same, and nothing more is held."""
    provider: Text | None = None
    """Such as `openai`. Inferred from the model without it."""
    model: Text
    """As it will be asked for."""
    input_tokens: Tokens | None = None
    """How many the request has. Without it they are estimated from `input_text`."""
    input_text: str | None = None
    """The request's text. It is measured, and not kept."""
    max_output_tokens: Tokens | None = None
    """How many the answer may have. Without it: `defaults.max_output_tokens` of the budgets file."""
    dimensions: CallDimensions = CallDimensions()
    """Whom it is for."""

    @property
    def tokens(self) -> int:
        """Input tokens, counted or estimated."""
        if self.input_tokens is not None:
            return self.input_tokens
        return math.ceil(len((self.input_text or "").encode("utf-8", "surrogatepass")) / _BYTES_PER_TOKEN)


class SettleRequest(Config):
    """How a call went. Either what it cost, or what it used; the priced span says it better when it comes."""

    reservation_id: Text
    """Whose."""
    cost_usd: Cost | None = None
    """What it cost."""
    input_tokens: Tokens = 0
    """All of them, cached or not."""
    output_tokens: Tokens = 0
    """All of them."""
    model: Text | None = None
    """The model that answered, if it was another one than was asked for."""
    response_id: Text | None = None
    """The provider's, by which the call's span will be known, with `response_model`."""
    response_model: Text | None = None
    """See `response_id`."""
    trace_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Of the call's span, with `span_id`."""
    span_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    """See `trace_id`."""

    @property
    def identities(self) -> list[bytes]:
        """By what the call's span will be known."""
        response = response_identity(self.response_id, self.response_model or self.model)
        span = bytes.fromhex(self.trace_id + self.span_id) if self.trace_id and self.span_id else None
        return [each for each in (response, span) if each is not None]


class ReleaseRequest(Config):
    """A call that was not made."""

    reservation_id: Text
    """Whose."""


class AdjustRequest(Config):
    """A correction by hand."""

    amount_usd: Usd
    """More may be spent by so much; less, if it is negative."""
    reason: Text
    """Written into the ledger."""


def read_message(kind: type[M], data: Any) -> M:
    """Return a request.

    Raises:
        Refused: it is none: it says which fields are wrong, and nothing of what they hold.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise Refused("; ".join(dict.fromkeys(map(_sentence, found)))) from None


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return "there is a field that is not known"  # its name is what was received
    place = ".".join(map(str, error["loc"])) or "the request"
    return f"{place} {'is required' if error['type'] == 'missing' else 'is not valid'}"
