"""The strings of a JSON document, where they stand in it.

Strings are found and replaced in place, by offset: a document that is parsed and written again loses duplicate keys,
`1.10` and whatever else its author meant.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from otel_llm.values import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ESCAPE",
    "Literal",
    "decode_escape",
    "decode_string",
    "flattened",
    "is_json",
    "literals",
    "may_nest",
    "nests",
]

ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
"""One escape of a JSON string (RFC 8259, section 7), a surrogate pair as one."""
_CONTROL: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NESTED: Final = re.compile(r'"(?=(?:[ \t\r\n]|\\[nrt])*(?:[\[{]|\\"))')
"""Begins a string that begins as a document does: behind a quote that ends one stands neither."""
_BACKSLASH: Final = "\x01"
"""Stands for an escaped one while others are decoded; a text that holds it is decoded another way."""


class Literal(NamedTuple):
    """A string of a document."""

    start: int
    """Offset of its first character, past the quote."""
    end: int
    key: str
    """The key that it stands under; the same for all strings of a list."""
    is_key: bool
    """Whether it is a key itself."""


def is_json(text: str) -> bool:
    """Tell whether *text* is a JSON document that can hold strings."""
    if not text.lstrip(" \t\r\n").startswith(("{", "[", '"')):
        return False
    try:
        orjson.loads(text)
    except ValueError:  # orjson refuses 1e400, lone surrogates and deep nesting, which others write
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
    return True


def may_nest(document: str) -> bool:
    """Tell whether a string of a document may be one itself."""
    # A lookbehind for the backslash of an escaped quote would make the search ten times slower.
    return any(document[quote.start() - 1] != "\\" for quote in _NESTED.finditer(document))


def nests(document: str, start: int) -> bool:
    """Tell whether the string that begins at *start* may be a document."""
    return _NESTED.match(document, start - 1) is not None


def literals(document: str, least: int = 0) -> Iterator[Literal]:
    """Yield every string of a document that `is_json`, or those that have so many characters."""
    # Without escaped quotes and backslashes every second quote ends a string.
    masked = document.replace("\\\\", "__").replace('\\"', "__") if "\\" in document else document
    parts = masked.split('"')
    key = ""
    end = -1
    for before, string, behind in zip(parts[::2], parts[1::2], parts[2::2], strict=False):
        start = end + len(before) + 2
        end = start + len(string)
        if "}" in before:
            key = ""
        is_key = behind.lstrip()[:1] == ":"
        if is_key:
            key = document[start:end]
        if len(string) >= least:
            yield Literal(start, end, key, is_key)


def decode_string(literal: str) -> str:
    """Return what a string of a document says; what UTF-8 cannot hold of it is one character, whatever that is."""
    try:
        decoded: str = orjson.loads(f'"{literal}"')
    except ValueError:  # as in `is_json`
        decoded = json.loads(f'"{literal}"', strict=False)
    return decoded


def flattened(document: str) -> str:
    """Return a document with every escape decoded, wherever it stands.

    That is no document any more, but each of its strings stands in it as it reads.
    """
    if "\\u" in document or _BACKSLASH in document or document.endswith("\\"):
        return ESCAPE.sub(decode_escape, document)
    # A few searches for two characters are many times faster than one function call for each escape.
    flat = document.replace("\\\\", _BACKSLASH).replace('\\"', '"')
    for sign, control in (*_CONTROL.items(), ("", "")):
        if "\\" not in flat:
            break
        flat = flat.replace("\\" + sign, control)
    return flat.replace(_BACKSLASH, "\\")


def decode_escape(match: re.Match[str]) -> str:
    """Return what an `ESCAPE` stands for; a lone surrogate as U+FFFD."""
    escape = match[0]
    if escape[1] == "u" and len(escape) > 2:  # noqa: PLR2004 - \u alone is no escape
        units = bytes.fromhex(escape[2:6]) + bytes.fromhex(escape[8:12])
        return without_surrogates(units.decode("utf-16-be", "surrogatepass"))
    return _CONTROL.get(escape[1], escape[1])
