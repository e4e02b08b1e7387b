"""What takes the place of a value: a marker, a pseudonym, its last digits, nothing, or its ciphertext."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError
from otel_llm_processors.redaction.markers import marker

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm_processors.redaction.config import KeyConfig, Mode, RedactionConfig

    Replace = Callable[[str, str], str]
    """Returns what stands for a value of a type."""

__all__ = ["Replacements"]

_MIN_KEY: Final = 32
_DIGEST_BYTES: Final = 8
"""16 hexadecimal digits: enough to tell values apart, too few to be taken for a secret."""
_SHOWN: Final = 4
_SIV_KEYS: Final = frozenset({32, 48, 64})
_DIGITS_ONLY: Final = frozenset({"card", "ssn", "itin", "phone", "iban"})


class Replacements:
    """Replaces values as the config says, by type."""

    def __init__(self, config: RedactionConfig) -> None:
        """Read the keys.

        Raises:
            ConfigError: a key cannot be had, or is too short.
        """
        secret = _key(config.pseudonym_key, "pseudonym_key", _MIN_KEY) if config.pseudonym_key else b""
        self._pseudonym_key = blake2b(secret).digest()  # BLAKE2 takes no key of more than 64 bytes
        self._key_id = config.pseudonym_key.id if config.pseudonym_key else ""
        modes = {config.replace, *config.replace_by_type.values()}
        self._by_mode: dict[Mode, Replace] = {
            "mask": lambda _, label: marker(label),
            "pseudonym": lambda value, label: marker(label, f":{self._key_id}:{self.digest(value, label)}"),
            "partial": _partial,
            "drop": lambda *_: "",
        }
        if "encrypt" in modes and config.encryption_key:
            self._by_mode["encrypt"] = _encrypting(config.encryption_key)
        self._default = self._by_mode[config.replace]
        self._by_type = {label: self._by_mode[mode] for label, mode in config.replace_by_type.items()}

    def replace(self, value: str, label: str) -> str:
        """Return what stands for *value*."""
        return self._by_type.get(label, self._default)(value, label)

    def digest(self, value: str, label: str) -> str:
        """Return the keyed digest of a value, the same however it is written, another for each type."""
        data = _normalised(value, label).encode("utf-8", "replace")
        person = blake2b(label.encode(), digest_size=blake2b.PERSON_SIZE).digest()
        return blake2b(data, digest_size=_DIGEST_BYTES, key=self._pseudonym_key, person=person).hexdigest()


def _normalised(value: str, label: str) -> str:
    if label in _DIGITS_ONLY:
        return "".join(filter(str.isalnum, value)).upper()
    return value.strip().casefold() if label == "email" else value


def _partial(value: str, label: str) -> str:
    """Show the end of a card's number, which receipts show too; nothing of anything else."""
    digits = "".join(filter(str.isdigit, value))
    return marker(label, f"****{digits[-_SHOWN:]}") if label == "card" and len(digits) > 2 * _SHOWN else marker(label)


def _encrypting(config: KeyConfig) -> Replace:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # an extra

    try:
        key = bytes.fromhex(_key(config, "encryption_key", 1).decode())
    except ValueError:
        key = b""
    if len(key) not in _SIV_KEYS:
        raise ConfigError("encryption_key: must be 32, 48 or 64 bytes in hexadecimal")
    cipher = AESSIV(key)

    def encrypt(value: str, label: str) -> str:
        sealed = cipher.encrypt(value.encode("utf-8", "replace"), [label.encode()])
        return marker(label, f":{config.id}:siv.{urlsafe_b64encode(sealed).rstrip(b'=').decode()}")

    return encrypt


def _key(config: KeyConfig, place: str, shortest: int) -> bytes:
    if config.file is not None:
        try:
            key = config.file.read_bytes().strip()
        except OSError:
            raise ConfigError(f"{place}.file: cannot be read") from None
    else:
        key = os.environ.get(config.environment, "").encode()
    if len(key) < shortest:
        raise ConfigError(f"{place}: the key has fewer than {shortest} characters")
    return key
