"""For engines without a trigger of their own: the keywords of patterns, and the search that begins with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm.detection.engines.matches import iterate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines.matches import Matcher

__all__ = ["KeywordEngine", "Keywords"]


class Keywords:
    """Tells which patterns may match by the keywords that stand in a text, in any case."""

    def __init__(self, keywords: Sequence[Sequence[str]]) -> None:
        """Take the keywords of each pattern; one without any may always match."""
        self._always = [place for place, words in enumerate(keywords) if not words]
        by_word: dict[bytes, list[int]] = {}
        for place, words in enumerate(keywords):
            for word in words:
                by_word.setdefault(word.lower().encode(), []).append(place)
        self._by_word = tuple((word, tuple(places)) for word, places in by_word.items())

    def candidates(self, data: bytes) -> Iterator[int]:
        """Yield each pattern that may match, once."""
        lowered = data.lower()
        found = set(self._always)
        for word, places in self._by_word:
            if word in lowered:
                found.update(places)
        yield from sorted(found)


class KeywordEngine:
    """Finds by keyword, then by pattern."""

    def __init__(self, patterns: Sequence[Sequence[Matcher]], loose: Sequence[Any], keywords: Keywords) -> None:
        """Take compiled patterns, for texts and for texts in quotes, their triggers, behind those what always fires,
        and their keywords.
        """
        self._patterns = patterns
        self._loose = loose
        self._candidates = keywords.candidates

    def found(self, data: bytes, _starts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
        """Yield the patterns that may match, somewhere."""
        for place in self._candidates(data):
            yield place, 0, len(data), 0

    def runs(self, _data: bytes) -> None:
        """Return None: nobody has looked."""

    def marks(self, _data: bytes) -> None:
        """Return None: something may be anywhere."""

    def suspicious(self, _data: bytes) -> None:
        """Return None: something may be anywhere."""

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return where the tolerated ones may match; None where another one may."""
        if any(disguise.search(data) for disguise in self._loose[len(self._patterns[0]) :]):
            return None
        fired: list[int] = []
        for place in self._candidates(data):
            if place in tolerated:
                fired += [match.end() for match in self._loose[place].finditer(data)]
            elif self._loose[place].search(data):
                return None
        return fired

    def spans(
        self, pattern: int, data: bytes, begin: int = 0, end: int | None = None, *, quoted: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        return iterate(self._patterns[quoted][pattern], data, begin, end)
