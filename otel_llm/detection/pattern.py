r"""The dialect that patterns are written in: what Hyperscan, RE2 and Python's `re` read alike, in linear time.

Patterns see bytes, so classes are ASCII: `\w` next to a CJK character ends a word in every engine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_PATTERN", "MIN_RUN", "RUN", "SETTLED", "TOKEN", "alternatives", "beside", "check_pattern", "has_edges",
    "loosened", "separated", "settled", "shortened",
]  # fmt: skip

MAX_PATTERN: Final = 4096
"""Characters. Longer ones compile slowly and cannot be reviewed."""

MIN_RUN: Final = 20
"""Characters of base64 that are looked into: fewer hold no secret."""
RUN: Final = rf"[A-Za-z0-9+/_\-]{{{MIN_RUN}}}"
"""What most formats of secrets hold, base64 too, and ordinary texts rarely do."""

SETTLED: Final = 16
"""Bytes: so far behind a match its end is told at the latest."""
_DIGITS: Final = re.compile(r"\\d\(\?:\[[^\]]*\]\{0,\d+\}\\d\)\{\d+\}")
"""So many digits, however they are parted: what matches up to a digit also does, from a later one on, to the next."""

_GROUP: Final = re.compile(r"\(\?(?!:|i\)|i:)")
TOKEN: Final = re.compile(r"\\x[0-9A-Fa-f]{2}|\\.|\[(?:\\.|\[:\w+:\]|[^\]\\])(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.DOTALL)
"""What a pattern is made of: a sign, a class, an escape."""
_REPEAT: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ENOUGH: Final = 12
"""Repeats that a trigger asks for: automata that count to more are large, and fire hardly less often."""
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_EDGES: Final = {
    "^": r"(?:^|\x00)",
    "$": r"(?:$|\x00)",
    ".": r"[^\n\x00]",
    r"\s": r"[\t-\r ]",
    r"\S": r"[^\t-\r \x00]",
    r"\W": r"[^\w\x00]",
    r"\D": r"[^\d\x00]",
}
_IN_CLASS: Final = {
    r"\s": r"\t-\r ",
    r"\S": r"\x01-\x08\x0e-\x1f!-\xff",
    r"\W": r"\x01-/:-@\[-^`{-\xff",
    r"\D": r"\x01-/:-\xff",
}
"""The same in a class of characters."""
_QUOTED_EDGES: Final = {"^": r"(?:^|[\x00\"])", "$": r"(?:$|[\x00\"])"}
_NOT_PORTABLE: Final = re.compile(r"\\[0-9ABCEGKQRXZhkpPuvzN]|\(\?P|[*+?}]\+")
_MAX_REPEAT: Final = 1000

_BESIDE: Final = (
    r"(?i:{words})[A-Za-z0-9_.\-]{{0,40}}[\"'`\]\\]{{0,3}}\s{{0,4}}(?::=|=>|={{1,3}}|:|,|\()\s{{0,4}}"
    r"(?:(?i:bearer|token|basic)\s{{1,2}})?[\"'`\\]{{0,3}}({value})"
)


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that the engines do not all read alike, or not in linear time.

    Raises:
        ValueError: with a sentence that does not quote the pattern.
    """
    if not pattern:
        raise ValueError("a pattern must not be empty")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN:,} characters")
    if not pattern.isascii():
        raise ValueError("a pattern is written in ASCII: other characters as \\x escapes of their UTF-8")
    outside = "".join(map(_outline, TOKEN.findall(pattern)))
    if _GROUP.search(outside):
        raise ValueError("lookarounds and groups other than (...), (?:...) and (?i:...) are not read")
    if _NOT_PORTABLE.search(outside):
        raise ValueError("back-references, possessive repeats, anchors other than \\b ^ $ and \\p classes are not read")
    if any(int(high) > _MAX_REPEAT for high in re.findall(r"\{(?:\d+,)?(\d+)\}", outside)):
        raise ValueError(f"a repeat of more than {_MAX_REPEAT:,} is not read")
    try:
        re.compile(pattern.encode())
    except re.error:
        raise ValueError("not a regular expression") from None


def loosened(pattern: str) -> str:
    """Return a pattern that fires wherever *pattern* does, whatever stands around it.

    Without word boundaries and anchors: in a request as it came, a byte of protobuf may be a word character.
    """
    return _REPEAT.sub(_fewer, "".join(token for token in TOKEN.findall(pattern) if token not in {"\\b", "^", "$"}))


def alternatives(pattern: str) -> list[str]:
    """Return patterns of which one matches wherever *pattern* does: what stands between its outermost bars."""
    parts = [""]
    depth = 0
    for part in TOKEN.findall(pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += part
    return [pattern] if "" in parts or pattern.startswith("(?i)") else parts


def has_edges(pattern: str) -> bool:
    """Tell whether a pattern asks for the edge of a text."""
    return not _QUOTED_EDGES.keys().isdisjoint(TOKEN.findall(pattern))


def separated(pattern: str, *, quoted: bool = False) -> str:
    """Return a pattern that finds in texts that are joined by NUL what it finds in each by itself.

    Where these are strings of JSON, *quoted*, their quotes are the edges of what they say.
    """
    edges = _EDGES | _QUOTED_EDGES if quoted else _EDGES
    return "".join(_within(token, edges) for token in TOKEN.findall(pattern))


def shortened(pattern: str) -> str:
    """Return a pattern that fires, in texts joined by NUL and in the strings of JSON, where each match may end."""
    return _REPEAT.sub(_fewer, "".join(_QUOTED_EDGES.get(token, token) for token in TOKEN.findall(pattern)))


def settled(pattern: str) -> str:
    """Return a pattern that fires within `SETTLED` bytes behind wherever *pattern* does.

    Of a pattern for digits in groups that is one which fires once for a number, not at each digit of it.
    """
    return rf"{pattern}(?:[^\d]|\d{{{SETTLED}}}|$)" if _DIGITS.fullmatch(pattern) else pattern


def beside(words: tuple[str, ...], value: str) -> str:
    """Return a pattern for *value* given to a name that holds one of *words*, as in `acme_key = "..."`."""
    return _BESIDE.format(words="|".join(words), value=value)


def _within(token: str, edges: Mapping[str, str]) -> str:
    r"""Return a token that takes NUL for the edge of a text, and for nothing else.

    What `\s` is, RE2 and the others do not agree on.
    """
    if token.startswith("["):
        token = _ESCAPED.sub(lambda escape: _IN_CLASS.get(escape[0], escape[0]), token)
    if token.startswith("[^"):
        return rf"[^\x00{token[2:]}"
    return edges.get(token, token)


def _outline(token: str) -> str:
    """Return a token without what could be taken for syntax."""
    if token[0] == "[":
        return "[]"
    return "x" if token[0] == "\\" and not token[1:].isalnum() else token


def _fewer(repeat: re.Match[str]) -> str:
    low, high = int(repeat[1]), int(repeat[3] or repeat[1]) if repeat[3] or not repeat[2] else None
    if high is not None and high <= _ENOUGH:
        return repeat[0]
    return f"{{{min(low, _ENOUGH)},}}"
