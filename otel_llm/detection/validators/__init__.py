"""Checks of what a pattern found, by the names that rules use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from otel_llm.detection.validators import checksums, network, people, phones, secrets
from otel_llm.detection.validators.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COSTLY", "Candidate", "is_known", "validator"]

if TYPE_CHECKING:
    Validator = Callable[[Candidate], bool]

_BY_NAME: Final[dict[str, Validator]] = {
    "base58check": checksums.base58check,
    "bech32": checksums.bech32,
    "card": checksums.card,
    "iban": checksums.iban,
    "luhn": checksums.luhn,
    "credential": secrets.credential,
    "entropy": secrets.entropy,
    "high_entropy": secrets.high_entropy,
    "jwt": secrets.jwt,
    "mixed": secrets.mixed,
    "not_sample": secrets.not_sample,
    "password": secrets.password,
    "ethereum": secrets.ethereum,
    "date": people.date,
    "domain": network.domain,
    "ipv4": network.ipv4,
    "ipv6": network.ipv6,
    "mac": network.mac,
    "phone": phones.phone,
    "phone_beside_word": phones.phone_beside_word,
    "phone_national": phones.phone_national,
    **{name: getattr(people, name) for name in people.__all__ if name != "date"},
}
COSTLY: Final = frozenset({"phone", "phone_beside_word", "phone_national"})
"""Those that cost tens of microseconds: a scan runs so many of them and takes the rest for found."""
_STDNUM: Final = "stdnum."


def is_known(name: str) -> bool:
    """Tell whether there is a validator of that name."""
    return name in _BY_NAME or (name.startswith(_STDNUM) and _stdnum(name) is not None)


def validator(name: str) -> Validator:
    """Return the validator of a name that `is_known`."""
    known = _BY_NAME.get(name) or _stdnum(name)
    if known is None:
        raise KeyError(name)
    return known


@cache
def _stdnum(name: str) -> Validator | None:
    """Return a module's `is_valid` of python-stdnum, an optional extra for its licence (LGPL)."""
    module = name.removeprefix(_STDNUM)
    if not module.replace(".", "").replace("_", "").isalnum() or find_spec("stdnum") is None:
        return None
    try:
        is_valid = import_module(f"stdnum.{module}").is_valid
    except (ImportError, AttributeError):
        return None
    return lambda candidate: bool(is_valid(candidate.value))
