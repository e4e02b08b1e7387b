"""Seeing through what hides a text from patterns: escapes, percent-encoding, invisible characters, base64."""

from __future__ import annotations

import re
import string
import unicodedata
from base64 import b64decode
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from otel_llm.detection.json_text import decode_escape
from otel_llm.detection.pattern import MIN_RUN
from otel_llm.detection.view import Opaque, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "DISGUISES", "ESCAPES", "HIDDEN", "MAX_BASE64", "base64_runs", "base64_stretches", "base64_text",
    "has_base64", "undisguised",
]  # fmt: skip

MAX_BASE64: Final = 4096
"""Bytes. What decodes to more is a file, not a secret."""
_INVISIBLE: Final = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff"
_BEGINS: Final = re.compile(
    rf"[\\%{_INVISIBLE}\U000e0100-\U000e01ef\U000e0000-\U000e007f\uff01-\uff5e\ufe50-\ufe6b\u2010-\u2015\u2212\u2024\u00a0\u2002-\u200a\u202f\u3000]"
)
"""What a token begins with: a search for one of many characters is ten times faster than one for tokens."""
HIDDEN: Final = re.compile(rf"[{_INVISIBLE}\U000e0000-\U000e01ef]")
"""Characters that nobody sees."""
_TOKEN: Final = re.compile(
    rf"(?P<percent>(?:%[0-9A-Fa-f]{{2}})+)|(?P<invisible>[{_INVISIBLE}\U000e0100-\U000e01ef]+)|(?P<tags>[\U000e0000-\U000e007f]+)"
    r"|(?P<wide>[\uff01-\uff5e\ufe50-\ufe6b\u2024]+"
    r"|(?<=[\d)])[\u2010-\u2015\u2212\u00a0\u2002-\u200a\u202f\u3000](?=[\d(]))"
    r"|(?P<escape>\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\"'\\/nrt]))"
)
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"))

ESCAPES: Final = r"\\[ux\"'\\/nrtbf]"
"""A pattern over UTF-8 that fires wherever `undisguised` may read an escape."""
DISGUISES: Final = (
    r"%[0-9A-Fa-f][0-9A-Fa-f]",
    r"[0-9)](?:\xc2?\xa0|\xe2\x80[\x80-\x8a\x90-\x95\xaf]|\xe2\x88\x92|\xe3\x80\x80)[0-9(]",
    (
        r"[ -~\xc2]\xad|\xcd\x8f|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xa4\xaa-\xae]|\xe2\x81[\xa0-\xaf]"
        r"|\xef\xb8[\x80-\x8f]|\xef\xb9[\x90-\xab]|\xef\xbb\xbf|\xef\xbc[\x81-\xbf]|\xef\xbd[\x80-\x9e]"
        r"|\xf3\xa0[\x80\x81\x84-\x87]"
    ),
)
"""Patterns that fire wherever it may see another text than stands there without escapes.

Over UTF-8, and what is none: there each byte is read as a character of Latin-1.
"""

_BASE64: Final = frozenset((string.ascii_letters + string.digits + "+/-_").encode())
_TO_RUN: Final = bytes(0x61 if byte in _BASE64 else 0x20 for byte in range(256))
_RUN: Final = b"a" * MIN_RUN
_LONGEST_RUN: Final = (MAX_BASE64 + 2) // 3 * 4


def undisguised(view: View) -> View | None:
    """Return *view* with everything in plain ASCII that can be; None where nothing changes."""
    text = view.text
    if "\\" not in text and "%" not in text and text.isascii():
        return None
    decoded = View.rewritten(text, _tokens(text), _decode, parent=view)
    return decoded if decoded.changed else None


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while begin := _BEGINS.search(text, position):
        token = _TOKEN.match(text, begin.start())
        position = begin.end() if token is None else token.end()
        if token is not None:
            yield token


def has_base64(data: bytes) -> bool:
    """Tell whether *data* may hold a run of base64."""
    return _RUN in data.translate(_TO_RUN)


def base64_stretches(data: bytes, runs: Iterable[tuple[int, int]] | None = None) -> Iterator[tuple[int, int]]:
    """Yield where runs of base64 begin and end that may hold a secret; all *runs* there are may be known already."""
    for start, end in _runs(data) if runs is None else runs:
        if end - start <= _LONGEST_RUN:
            yield start, end


def _runs(data: bytes) -> Iterator[tuple[int, int]]:
    marks = data.translate(_TO_RUN)
    start = marks.find(_RUN)
    while start >= 0:
        end = marks.find(b" ", start)
        end = len(marks) if end < 0 else end
        yield start, end
        start = marks.find(_RUN, end)


def base64_runs(view: View, data: bytes) -> Iterator[View]:
    """Yield what the runs of base64 in *view* decode to, as far as that is text.

    Args:
        view: what to look into.
        data: its text in UTF-8.
    """
    for start, end in base64_stretches(data):
        if decoded := base64_text(data[start:end]):
            padded = end + len(data[end : end + 2]) - len(data[end : end + 2].lstrip(b"="))
            yield Opaque(decoded, len(data[:start].decode()), len(data[:padded].decode()), view)


def base64_text(run: bytes) -> str | None:
    """Return what base64 decodes to if people could read it: others decode to noise."""
    plain = run.replace(b"-", b"+").replace(b"_", b"/")
    try:
        decoded = b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + b"=" * (-len(plain) % 4)).decode()
    except ValueError:
        return None
    return decoded if all(sign.isprintable() or sign.isspace() for sign in decoded) else None


def _decode(match: re.Match[str]) -> str | None:
    token = match[0]
    match match.lastgroup:
        case "percent":
            decoded = unquote(token, errors="replace")
            return decoded if "\0" not in decoded else decoded.replace("\0", " ")
        case "invisible":
            return ""
        case "tags":
            return "".join(chr(ord(sign) - 0xE0000) for sign in token if 0x20 <= ord(sign) - 0xE0000 < 0x7F)  # noqa: PLR2004 - tag characters mirror ASCII
        case "wide":
            return unicodedata.normalize("NFKC", token).translate(_DASHES)
        case _:
            if token[1] == "x":
                return chr(int(token.removeprefix(r"\x"), 16))
            return decode_escape(match)
