"""Addresses of machines and mailboxes."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.detection.validators.candidate import Candidate

__all__ = ["domain", "ipv4", "ipv6", "mac", "may_hold_public"]

_ADDRESS_WORD: Final = re.compile(r"(?i)(?:\bip|ip\b|addr|host|server|peer|client|node|subnet|gateway|dns|nat|@)")
_VERSION_WORD: Final = re.compile(r"(?i)(?:(?:version|release|ver|build|==|>=|<=|~=|\^|revision)[\"' :=.]*|\bv\.?)$")
_DOTTED: Final = re.compile(rb"\.[0-9]{1,3}\.[0-9]{1,3}")
"""The middle of an address: a search for a dot is many times faster than one for a digit."""
_QUADS: Final = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_BEFORE: Final = 19
"""Bytes: four numbers of three digits, and as many as an encoding may add."""
_BEHIND: Final = 12
_VERSION_PARTS: Final = 64
"""Four numbers that are all smaller are rather a version than an address, unless something says otherwise."""
_FILES: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "py", "md", "json", "html"})
_NOT_PEOPLE: Final = frozenset({"git", "noreply", "no-reply", "donotreply"})
_SENSELESS_MACS: Final = frozenset({"000000000000", "ffffffffffff"})


def ipv4(candidate: Candidate) -> bool:
    """Tell whether it is an address that may belong to somebody: not private, not this machine, not a version."""
    parts = _octets(candidate.value.split("."))
    if parts is None or _is_private(*parts[:2]) or _VERSION_WORD.search(candidate.before):
        return False
    return max(parts) >= _VERSION_PARTS or bool(_ADDRESS_WORD.search(candidate.before))


def may_hold_public(raw: bytes, places: Iterable[int]) -> bool:
    """Tell whether a text in *raw* may hold an address that `ipv4` finds.

    The first or last digits of what looks like one may be a byte of the encoding around the text.

    Args:
        raw: texts and what is around them.
        places: offsets, one in or right behind the last number of each address.
    """
    return any(map(_may_be_public, {raw[max(place - _BEFORE, 0) : place + _BEHIND] for place in places}))


@lru_cache(4096)
def _may_be_public(around: bytes) -> bool:
    return any(_is_public_part(around[max(each.start() - 3, 0) : each.end() + 9]) for each in _DOTTED.finditer(around))


def _is_public_part(around: bytes) -> bool:
    run = _QUADS.search(around)
    if run is None:
        return False
    if around[run.end() : run.end() + 1] == b".":
        return True  # no address by itself, but part of it may be the encoding's
    parts = run[0].decode().split(".")
    for cut in range(len(parts[0])):
        octets = _octets([parts[0][cut:], *parts[1:3], parts[3][:1]])
        if octets is not None and not _is_private(*octets[:2]):
            return True
    return False


def _octets(parts: list[str]) -> list[int] | None:
    octets = [int(part) for part in parts]
    if max(octets) > 255 or any(part != "0" and part[0] == "0" for part in parts):  # noqa: PLR2004 - a byte
        return None
    return octets


def _is_private(a: int, b: int) -> bool:
    """RFC 1122, 1918, 3927 and 5771."""
    return a in {0, 10, 127} or (a == 172 and 16 <= b < 32) or (a, b) in {(192, 168), (169, 254)} or a >= 224  # noqa: PLR2004


def ipv6(candidate: Candidate) -> bool:
    """Tell whether it is an address that may belong to somebody, and no slice such as `items[1::2]`."""
    if candidate.after[:1] == "]" and candidate.before[-2:-1].isalnum():
        return False
    try:
        address = ipaddress.IPv6Address(candidate.value.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast)


def mac(candidate: Candidate) -> bool:
    """Tell whether it is the address of one network card."""
    digits = "".join(filter(str.isalnum, candidate.value)).lower()
    return digits not in _SENSELESS_MACS and len(set(digits)) > 2  # noqa: PLR2004 - aa:bb:aa:bb is a sample


def domain(candidate: Candidate) -> bool:
    """Tell whether an email address could be one: not a file name such as `logo@2x.png`, not a remote of git."""
    name, _, host = candidate.value.rpartition("@")
    return (
        host.rpartition(".")[2].lower() not in _FILES
        and ".." not in host
        and not (name.lower() in _NOT_PEOPLE and candidate.after[:1] == ":")
    )
