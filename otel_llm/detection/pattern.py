r"""The dialect that patterns are written in: what Hyperscan, RE2 and Python's `re` read alike, in linear time.

Patterns see bytes, so classes are ASCII: `\w` next to a CJK character ends a word in every engine.
"""

from __future__ import annotations

import re
from functools import cache, reduce
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "MAX_PATTERN", "MIN_RUN", "RUN", "alternatives", "beside", "check_pattern", "has_edges", "holds_run", "loosened",
    "max_width", "separated", "shortened",
]  # fmt: skip

MAX_PATTERN: Final = 4096
"""Characters. Longer ones compile slowly and cannot be reviewed."""

MIN_RUN: Final = 20
"""Characters of base64 that are looked into: fewer hold no secret."""
RUN: Final = rf"[A-Za-z0-9+/_\-]{{{MIN_RUN}}}"
"""What most formats of secrets hold, base64 too, and ordinary texts rarely do."""
_RUN_SIGN: Final = re.compile(rb"[A-Za-z0-9+/_\-]")

_GROUP: Final = re.compile(r"\(\?(?!:|i\)|i:)")
_TOKEN: Final = re.compile(
    r"\\x[0-9A-Fa-f]{2}|\\.|\[(?:\\.|\[:\w+:\]|[^\]\\])(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.DOTALL
)
_REPEAT: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ENOUGH: Final = 12
"""Repeats that a trigger asks for: automata that count to more are large, and fire hardly less often."""
_OPENING: Final = re.compile(r"\((?:\?i?:|\?i\))?")
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_QUANTIFIER: Final = re.compile(r"(?:\{(\d+)(,?)(\d*)\}|([*+?]))\??")
_UNLIMITED: Final = 1 << 20
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
    outside = "".join(map(_outline, _TOKEN.findall(pattern)))
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
    return _REPEAT.sub(_fewer, "".join(token for token in _TOKEN.findall(pattern) if token not in {"\\b", "^", "$"}))


class _Part(Protocol):
    """What is known of a part of a pattern."""

    def then(self, other: Self) -> Self:
        """Return what is known of this part with the other one behind it."""
        ...

    def repeated(self, least: int, most: int) -> Self:
        """Return what is known of so many of this part side by side."""
        ...

    def or_else(self, other: Self) -> Self:
        """Return what is known of one of the two."""
        ...


P = TypeVar("P", bound=_Part)


def _read(pattern: str, one: Callable[[str], P], nothing: P) -> P:
    """Return what is known of a pattern, where *one* tells it of what matches a single byte."""
    groups: list[tuple[list[P], P]] = [([], nothing)]  # of each open group the alternatives before, and this one
    last = nothing
    position = 0
    while position < len(pattern):
        if quantifier := _QUANTIFIER.match(pattern, position):
            last = last.repeated(*_times(quantifier))
            position = quantifier.end()
            continue
        token = (_OPENING.match(pattern, position) or _TOKEN.match(pattern, position))[0]  # type: ignore[index]  # a token is any character
        position += len(token)
        alternatives, before = groups[-1]
        groups[-1] = alternatives, before.then(last)
        last = nothing
        match token:
            case "(" | "(?:" | "(?i:":
                groups.append(([], nothing))
            case ")":
                last = _either(groups.pop())
            case "|":
                groups[-1] = [*groups[-1][0], groups[-1][1]], nothing
            case "^" | "$" | "\\b" | "(?i)":
                pass
            case _:
                last = one(token)
    alternatives, before = groups[0]
    return _either((alternatives, before.then(last)))


def _times(quantifier: re.Match[str]) -> tuple[int, int]:
    """Return how often what stands before a quantifier may stand there."""
    low, comma, high, sign = quantifier.groups()
    if low:
        return int(low), int(high or (_UNLIMITED if comma else low))
    return int(sign == "+"), 1 if sign == "?" else _UNLIMITED


def _either(group: tuple[list[P], P]) -> P:
    alternatives, last = group
    return reduce(lambda one, other: one.or_else(other), alternatives, last)


class _Width(NamedTuple):
    """The most bytes that a part of a pattern matches."""

    most: int = 0

    def then(self, other: _Width) -> _Width:
        return _Width(self.most + other.most)

    def repeated(self, _least: int, most: int) -> _Width:
        return _Width(self.most * most)

    def or_else(self, other: _Width) -> _Width:
        return max(self, other)


def max_width(pattern: str) -> int:
    """Return the most bytes that a pattern matches; a million and more where nothing limits them."""
    return _read(pattern, lambda _token: _Width(1), _Width()).most


class _Run(NamedTuple):
    """What is sure of the signs of a `RUN` in whatever a part of a pattern matches."""

    before: int = 0
    """How many it begins with."""
    behind: int = 0
    """How many it ends with."""
    longest: int = 0
    """How many stand side by side in it."""
    is_whole: bool = True
    """Whether it is nothing else."""

    def then(self, other: _Run) -> _Run:
        """Return what is sure of this part with the other one behind it."""
        return _Run(
            self.before + other.before if self.is_whole else self.before,
            other.behind + self.behind if other.is_whole else other.behind,
            max(self.longest, other.longest, self.behind + other.before),
            self.is_whole and other.is_whole,
        )

    def repeated(self, least: int, _most: int) -> _Run:
        """Return what is sure of so many of this part side by side."""
        if self.is_whole:
            return _Run(self.longest * least, self.longest * least, self.longest * least)
        return self.then(self) if least > 1 else self if least else _Run(is_whole=False)

    def or_else(self, other: _Run) -> _Run:
        """Return what is sure of one of the two."""
        return _Run(
            min(self.before, other.before),
            min(self.behind, other.behind),
            min(self.longest, other.longest),
            self.is_whole and other.is_whole,
        )


_ONE: Final = _Run(1, 1, 1)


def holds_run(pattern: str) -> bool:
    """Tell whether a `RUN` stands in whatever *pattern* matches."""
    return _read(pattern, lambda token: _ONE if _is_sign(token) else _Run(is_whole=False), _Run()).longest >= MIN_RUN


@cache
def _is_sign(token: str) -> bool:
    """Tell whether all that a token matches are signs of a `RUN`."""
    one = re.compile(token.encode(), re.DOTALL)
    return all(_RUN_SIGN.match(byte) for byte in map(bytes, zip(range(256))) if one.match(byte))


def alternatives(pattern: str) -> list[str]:
    """Return patterns of which one matches wherever *pattern* does: what stands between its outermost bars."""
    parts = [""]
    depth = 0
    for part in _TOKEN.findall(pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += part
    return [pattern] if "" in parts or pattern.startswith("(?i)") else parts


def has_edges(pattern: str) -> bool:
    """Tell whether a pattern asks for the edge of a text."""
    return not _QUOTED_EDGES.keys().isdisjoint(_TOKEN.findall(pattern))


def separated(pattern: str, *, quoted: bool = False) -> str:
    """Return a pattern that finds in texts that are joined by NUL what it finds in each by itself.

    Where these are strings of JSON, *quoted*, their quotes are the edges of what they say.
    """
    edges = _EDGES | _QUOTED_EDGES if quoted else _EDGES
    return "".join(_within(token, edges) for token in _TOKEN.findall(pattern))


def shortened(pattern: str) -> str:
    """Return a pattern that fires, in texts joined by NUL and in the strings of JSON, where each match may end."""
    return _REPEAT.sub(_fewer, "".join(_QUOTED_EDGES.get(token, token) for token in _TOKEN.findall(pattern)))


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
