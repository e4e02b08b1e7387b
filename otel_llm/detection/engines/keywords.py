"""A trigger for engines that have none of their own: the keywords of patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Keywords"]


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
