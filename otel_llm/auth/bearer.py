"""Bearer tokens (RFC 6750): telling whose a request shows, without telling the sender how near a wrong one was."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.auth.token import RULE, is_token
from otel_llm.errors import ConfigError
from otel_llm.secret_file import watch_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.auth.config import AuthConfig
    from otel_llm.reload import Watch

__all__ = ["BearerTokens", "Identity"]

_SCHEME: Final = "bearer"
"""In any case (RFC 9110, section 11.1)."""


class Identity(NamedTuple):
    """Who sends."""

    name: str
    """The token's."""
    tenant: str | None


class BearerTokens:
    """The tokens of one place in a config."""

    def __init__(self, config: AuthConfig, place: str, watch: Watch) -> None:
        """Read the files. *place* is where they are configured.

        Raises:
            ConfigError: files cannot be read, or tokens not be used.
        """
        self.identities: Sequence[Identity] = [Identity(token.name, token.tenant) for token in config.tokens]
        """All that `identify` may return."""
        files = {
            f"{place}.tokens.{position}.token_file": token.token_file
            for position, token in enumerate(config.tokens)
            if token.token_file is not None
        }
        self._digests = watch_files(watch, partial(_digests, config, place), files)

    def identify(self, authorization: Sequence[str]) -> Identity | None:
        """Return whose token is the value of the Authorization header.

        Args:
            authorization: the values of all headers of that name.

        Returns:
            None, unless there is exactly one, with a token that is known.
        """
        shown = _digest(_token(authorization))
        found = None
        # Every token is compared, and of each its digest: the time depends neither on which one it is, nor on how long
        # they are, nor on where they begin to differ.
        for digest, identity in zip(self._digests.value, self.identities, strict=True):
            if compare_digest(digest, shown):
                found = identity
        return found


def _token(authorization: Sequence[str]) -> str:
    if len(authorization) != 1:
        return ""
    scheme, _, token = authorization[0].partition(" ")
    return token.strip(" ") if scheme.lower() == _SCHEME else ""


def _digest(token: str) -> bytes:
    # Servers decode headers with surrogates for what is no UTF-8: no token may make this raise.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _digests(config: AuthConfig, place: str, *contents: bytes) -> list[bytes]:
    """Return the digest of every token, in order. *contents* are those of the files, in order."""
    in_files = iter(contents)
    digests: list[bytes] = []
    problems: list[str] = []
    for position, token in enumerate(config.tokens):
        if token.token is None:
            text = next(in_files).decode("ascii", "replace").rstrip("\r\n")
        else:
            text = token.token.get_secret_value()
        digest = _digest(text)
        if not is_token(text):
            problems.append(f"{place}.tokens.{position}.token_file: {RULE}")
        elif digest in digests:
            problems.append(f"{place}.tokens.{position}: is the same token as another")
        digests.append(digest)
    if problems:
        raise ConfigError(*problems)
    return digests
