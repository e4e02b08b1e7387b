"""Keyed digests of users and conversations: the same one everywhere, and nobody's name.

Whoever resolves whom a call is for, a processor or a budget's reservation, uses the same key, so that both mean the
same user. Without the key a digest cannot be traced back by trying out names.
"""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from otel_llm.component import Config
from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DigestConfig", "Digests", "DigestsProvider", "PeopleConfig", "is_key_in_environment", "load_digests"]

_VARIABLE: Final = "OTEL_LLM_DIGEST_KEY"
_STATE: Final = "OTEL_LLM_STATE_DIR"
_FILE: Final = "digest.key"
_SHORTEST: Final = 16


class DigestConfig(Config):
    """The key of digests. Gateways that share budgets need the same one."""

    key: Annotated[SecretStr, Field(min_length=_SHORTEST)] | None = None
    """The key itself, such as `${env:NAME}`. Unless set: the environment variable `OTEL_LLM_DIGEST_KEY`, or else the
    file `digest.key` in `OTEL_LLM_STATE_DIR` (`./var`), which is made when it is first needed."""

    key_file: Path | None = None
    """A file that holds it."""

    @model_validator(mode="after")
    def _is_given_once(self) -> Self:
        if self.key is not None and self.key_file is not None:
            raise ValueError("needs key or key_file, and not both")
        return self


class PeopleConfig(DigestConfig):
    """The key of digests, and whose they are."""

    user: Literal["digest", "raw"] = "digest"
    """What stands for a user on spans, in budgets and in rows: a keyed digest, or `raw` the user as it came."""


class Digests:
    """Digests with one key."""

    def __init__(self, key: bytes, *, raw_users: bool = False) -> None:
        """Take the key, of any length."""
        self.raw_users = raw_users
        """Whether users are passed on as they came."""
        key = blake2b(key, digest_size=32).digest()
        self._keyed = {
            kind: blake2b(key=key, person=kind.encode(), digest_size=8) for kind in ("user", "conversation", "content")
        }
        self.key_id = "k" + blake2b(key, digest_size=2).hexdigest()
        """Tells digests with this key from others."""

    def of(self, kind: Literal["user", "conversation", "content"], value: str) -> str:
        """Return `<key id>:<16 hex digits>`; a user as it came where that is wanted."""
        if self.raw_users and kind == "user":
            return value
        digest = self._keyed[kind].copy()  # to hash the key anew takes as long as all the rest
        digest.update(value.encode("utf-8", "surrogatepass"))
        return f"{self.key_id}:{digest.hexdigest()}"


class DigestsProvider:
    """An extension that digests users and conversations."""

    digests: Digests


def is_key_in_environment(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the key is in the environment."""
    return _VARIABLE in environ


def load_digests(config: DigestConfig, place: str, environ: Mapping[str, str] = os.environ) -> Digests:
    """Return the digests that a config asks for.

    Args:
        config: Where the key is.
        place: Where that is configured.
        environ: The environment.

    Raises:
        ConfigError: the key cannot be read, or is too short.
    """
    raw_users = isinstance(config, PeopleConfig) and config.user == "raw"
    if config.key is not None:
        return Digests(config.key.get_secret_value().encode(), raw_users=raw_users)
    if config.key_file is None and is_key_in_environment(environ):
        key = environ[_VARIABLE].encode()
    else:
        path = config.key_file or Path(environ.get(_STATE, "./var")) / _FILE
        try:
            if config.key_file is None and not path.exists():
                _make(path)
            key = path.read_bytes().strip()
        except (OSError, ValueError):
            raise ConfigError(f"{place}: the key's file cannot be read") from None
    if len(key) < _SHORTEST:
        raise ConfigError(f"{place}: a key has {_SHORTEST} characters at least")
    return Digests(key, raw_users=raw_users)


def _make(path: Path) -> None:
    """Make a key. Of processes that start at once, one does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_hex(32).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()
