"""What is sure of whatever a pattern matches: how wide it is, and how many signs of a run stand in it side by side."""

from __future__ import annotations

import re
from functools import cache, reduce
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, TypeVar

from otel_llm.detection.pattern import MIN_RUN, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["holds_run", "max_width", "min_width"]

_OPENING: Final = re.compile(r"\((?:\?i?:|\?i\))?")
_QUANTIFIER: Final = re.compile(r"(?:\{(\d+)(,?)(\d*)\}|([*+?]))\??")
_UNLIMITED: Final = 1 << 20
_RUN_SIGN: Final = re.compile(rb"[A-Za-z0-9+/_\-]")


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
        token = (_OPENING.match(pattern, position) or TOKEN.match(pattern, position))[0]  # type: ignore[index]  # a token is any character
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
    """How many bytes a part of a pattern matches."""

    least: int = 0
    most: int = 0

    def then(self, other: _Width) -> _Width:
        return _Width(self.least + other.least, self.most + other.most)

    def repeated(self, least: int, most: int) -> _Width:
        return _Width(self.least * least, self.most * most)

    def or_else(self, other: _Width) -> _Width:
        return _Width(min(self.least, other.least), max(self.most, other.most))


def _width(pattern: str) -> _Width:
    return _read(pattern, lambda _token: _Width(1, 1), _Width())


def min_width(pattern: str) -> int:
    """Return the fewest bytes that a pattern matches, without the edges of texts that it may take in."""
    return _width(pattern).least


def max_width(pattern: str) -> int:
    """Return the most bytes that a pattern matches; a million and more where nothing limits them."""
    return _width(pattern).most


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
