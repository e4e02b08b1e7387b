"""Settings of authentication."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from otel_llm.auth.token import RULE, is_token
from otel_llm.component import Config
from otel_llm.secret_file import readable_by_others

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AuthConfig", "TokenConfig"]


def _checked(token: SecretStr) -> SecretStr:
    if not is_token(token.get_secret_value()):
        raise ValueError(RULE)
    return token


class TokenConfig(Config):
    """One token. It is given by `token` or by `token_file`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    """What to call it in the log and in metrics: letters, digits, `_`, `.` and `-`."""

    token: Annotated[SecretStr, AfterValidator(_checked)] | None = None
    """The token itself, such as `${env:TOKEN_A}`. Visible ASCII."""

    token_file: Path | None = None
    """A file that holds it, with or without a line break behind. It is read again when it changes."""

    tenant: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Whom it stands for. Written as `otel_llm.tenant` on everything that is sent with it, whatever the sender says,
    unless a receiver's `trust` is `all`."""

    @model_validator(mode="after")
    def _is_given_once(self) -> Self:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("needs token or token_file, and not both")
        return self

    def weaknesses(self) -> Iterator[str]:
        """Return whether others may read the file."""
        if self.token_file is not None and readable_by_others(self.token_file):
            yield "token_file: others than its owner may read it"


class AuthConfig(Config):
    """Who may send: whoever shows one of these as `Authorization: Bearer <token>`."""

    tokens: Annotated[tuple[TokenConfig, ...], Field(min_length=1)]
    """All that are good. Several, so that one can take another's place while senders still use both."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({token.name for token in self.tokens}) < len(self.tokens):
            raise ValueError("tokens: two of them have the same name")
        return self
