"""What is searched for secrets and personal data: spans, log records, resources and scopes, with all that they say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from otel_llm.attributes import Attributes, Shared
from otel_llm.text import said_in, texts_of, texts_under

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from otel_llm.detection import Finding
    from otel_llm.text import Said, Text, Wanted

__all__ = ["Searched", "search"]


class Searched(Attributes):
    """A holder of texts."""

    __slots__ = ("_found",)

    def __init__(self, proto: Any, shared: Shared) -> None:
        super().__init__(proto, shared)
        self._found: Sequence[tuple[Text, Sequence[Finding]]] | None = None

    def texts(self, *, wanted: Wanted | None = None) -> list[Text]:
        """Return every text on it; only those that are *wanted* where that is given."""
        message, skip = self._searched
        return texts_of(message, self._touched, skip=skip, wanted=wanted)

    def texts_under(self, keys: Container[str]) -> list[Text]:
        """Return the texts in the attributes with these keys."""
        return texts_under(self._proto, keys, self._touched)

    def said(self, clean: Container[Said]) -> list[Said]:
        """Return what its texts say, but for some."""
        message, skip = self._searched
        return said_in(message, clean, skip=skip)

    def streams(self) -> list[list[Text]]:
        """Return texts that are parts of one, in order: each list of them is scanned as one text too."""
        return []

    def take(self, said: Iterable[Said], streams: Iterable[list[Text]], unfound: _Unfound) -> bool:
        """Keep for `found` what was found in what it says; tell whether that is anything."""
        found: dict[str, tuple[Text, list[Finding]]] = {}
        wanted: dict[str, list[str | bytes]] = {}
        for key, text in (each for each in said if each not in unfound):
            wanted.setdefault(key, []).append(text)
        for slot in self.texts(wanted=wanted) if wanted else ():
            found[slot.path] = slot, [*unfound.known.get(_said(slot), ())]
        for parts in streams:
            for slot, finding in _across(parts, unfound.known.get(_streamed(parts), ())):
                found.setdefault(slot.path, (slot, []))[1].append(finding)
        self._found = [*found.values()]
        return bool(found)

    @property
    def _searched(self) -> tuple[Any, frozenset[str]]:
        """The message that its texts are in, and the fields of that which are not its own."""
        return self._proto, frozenset()

    def findings(self, texts: Sequence[Text]) -> Sequence[Sequence[Finding]]:
        """Return what the chain's detector finds in each of some of `texts()`.

        A text is scanned once for each thing that it ever says, whoever asks. To ask for all at once costs less.
        """
        said = list(map(_said, texts))
        known = _scanned(said, self._shared)
        return self._shared.own([known[each] for each in said])

    def found(self, longest: int) -> Sequence[tuple[Text, Sequence[Finding]]]:
        """Return the texts in which something is found; those longer than *longest*, unscanned, without findings."""
        if self._found is None:
            search([self], self._shared, longest)
        found, self._found = self._found or (), None  # what is written from now on is not what was searched
        if self._shared.own_rules is None:
            return found
        own = zip(found, self._shared.own([findings for _, findings in found]), strict=True)
        return [(text, mine) for (text, findings), mine in own if mine or not findings]


def search(holders: Iterable[Searched], shared: Shared, longest: int) -> list[Searched]:
    """Return those of some holders whose `found` is not empty. All their texts are scanned at once."""
    clean = shared.detector.clean if shared.detector else ()
    said = [(holder, holder.said(clean), holder.streams()) for holder in holders]
    texts = [each for _, texts, streams in said for each in (*texts, *map(_streamed, streams))]
    known = _scanned((each for each in texts if len(each[1]) <= longest), shared)
    unfound = _Unfound(known, longest)
    return [holder for holder, texts, streams in said if holder.take(texts, streams, unfound)]


class _Unfound:
    """The texts in which nothing was found, which slots need not be made for."""

    def __init__(self, known: Mapping[Said, Sequence[Finding]], longest: int) -> None:
        self.known = known
        self._longest = longest

    def __contains__(self, said: object) -> bool:
        """Tell whether nothing was found in a text."""
        return len(said[1]) <= self._longest and not self.known.get(said)  # type: ignore[index, call-overload]  # a Said


def _said(text: Text) -> Said:
    return "" if text.kind == "key" else text.key, text.value


def _streamed(parts: Sequence[Text]) -> Said:
    return parts[0].key, "".join(str(part.value) for part in parts)


def _across(parts: Sequence[Text], findings: Iterable[Finding]) -> Iterator[tuple[Text, Finding]]:
    """Yield the parts of findings in a stream that no part of it holds alone, each with where it is in its part."""
    ends = [*accumulate(len(part.value) for part in parts)]
    for finding in findings:
        first, last = bisect_right(ends, finding.start), bisect_left(ends, finding.end)
        for number in range(first, last + 1) if first < last else ():
            begin = ends[number] - len(parts[number].value)
            start, end = max(finding.start - begin, 0), min(finding.end, ends[number]) - begin
            yield parts[number], replace(finding, start=start, end=end)


def _scanned(said: Iterable[Said], shared: Shared) -> dict[Said, Sequence[Finding]]:
    """Return all findings of a batch, with those for some texts."""
    known = shared.findings
    fresh = [each for each in dict.fromkeys(said) if each not in known]
    if fresh:
        detector = shared.detector
        known.update(zip(fresh, detector.scan(fresh) if detector else [()] * len(fresh), strict=True))
    return known
