"""A text as its words alone, so that a phrase is one however it is written.

Case, punctuation and spacing go, so do accents; what looks like a Latin letter becomes it, be it of another script or a
digit; what is hidden in invisible characters, escapes or base64 is read. No digit is left, and no `l`: `1gn0re aII` and
`ignore all` are the same words, in which both `i` and `l` are `i`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from otel_llm.detection.disguise import HIDDEN, base64_runs, has_base64, undisguised
from otel_llm.detection.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pattern_of_words", "words_of"]

_LOOKALIKES: Final = dict(
    zip(
        "абвгезикмнопрстухіјѕԁԛԝһӏ"  # Cyrillic
        "αβγεηικνορτυχωϲ"  # Greek
        "ɑɡɩıʟꓲ∣",  # noqa: RUF001 - they are what this is about
        "abbresukmhonpctyxijsdqwhiabyeniknoptuxwcagiiiii",
        strict=True,
    )
)
_ACCENTS_AND_LOOKALIKES: Final = re.compile(f"[\u0300-\u036f{''.join(_LOOKALIKES)}]")
_TO_WORDS: Final = bytes(
    byte if byte >= 0x80 or 0x61 <= byte <= 0x7A else 0x20  # noqa: PLR2004 - past ASCII; a to z
    for byte in bytes(range(256)).lower().translate(bytes.maketrans(b"l0134578@$", b"ioieastbas"))
)
_TO_LETTERS: Final = bytes(0x61 if 0x61 <= byte <= 0x7A else byte for byte in range(256))  # noqa: PLR2004 - a to z
_ESCAPES: Final = ("\\n", "\\r", "\\t", '\\"', "\\'", "\\/", "\\\\")
"""As in JSON in JSON: between words a space is as good as what these stand for."""
_PERCENT: Final = re.compile("%[0-9A-Fa-f]{2}")
_SPACED: Final = b" a a a a "
_GAPS: Final = b" " * 5
"""What stands at every second place of what `_SPACED` stands in. It is rare, and so is soon looked for."""
_SPACED_RUN: Final = re.compile(rb"(?<![^ ])(?:[a-z] ){2,}")
_BANG: Final = re.compile(r"[!|](?<=\w.)(?=\w)")


def words_of(text: str) -> Iterator[bytes]:
    """Yield the words of a text in UTF-8, and those of what it holds in base64."""
    if "\\" in text:
        for escape in _ESCAPES:
            text = text.replace(escape, " ")
    view = View(text)
    if _may_be_disguised(text) and (plain := undisguised(view)) is not None:
        view = plain
        text = plain.text
    yield _words(text)
    data = text.encode("utf-8", "replace")
    if has_base64(data):
        for hidden in base64_runs(view, data):
            yield _words(hidden.text)


def pattern_of_words(phrase: str) -> str:
    """Return a pattern for what `words_of` makes of the texts that *phrase* is meant for."""
    # A word of which nothing is known ends at a space: else one long word is many, in many ways.
    return phrase.replace("l", "i").replace("+ ", "+\0").replace(" ", " *").replace("\0", " +")


def _may_be_disguised(text: str) -> bool:
    """Tell whether words may be hidden: to decode a text is slow, and most that are not ASCII hide nothing."""
    return (
        "\\u" in text
        or "\\x" in text
        or ("%" in text and _PERCENT.search(text) is not None)
        or not (text.isascii() or HIDDEN.search(text) is None)
    )


def _words(text: str) -> bytes:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.lower())
        text = _ACCENTS_AND_LOOKALIKES.sub(lambda sign: _LOOKALIKES.get(sign[0], ""), text)
    if "!" in text or "|" in text:
        text = _BANG.sub("i", text)
    data = b" %b " % text.encode("utf-8", "replace").translate(_TO_WORDS)
    if (_GAPS in data[::2] or _GAPS in data[1::2]) and _SPACED in data.translate(_TO_LETTERS):
        data = _SPACED_RUN.sub(lambda run: run[0].replace(b" ", b"") + b" ", data)
    return data
