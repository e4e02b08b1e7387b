"""What is searched for secrets and personal data: spans, log records, resources and scopes, with all that they say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm.attributes import Attributes, Shared
from otel_llm.text import Text, texts_at, texts_of, texts_under
from otel_llm.wire import EVENT, OTHER, fields_of, spans_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from otel_llm.detection import Detector, Finding
    from otel_llm.text import Said
    from otel_llm.wire import Encoded

__all__ = ["Searched", "search", "suspicious_attributes"]

_SHORT: Final = 256
"""Bytes: of what is longer a slot is made, which costs less than to search it twice."""
_AT_ONCE: Final = 4096
"""Texts: their slots, and what a scan makes of them, take more memory than they do."""


class Searched(Attributes):
    """A holder of texts."""

    __slots__ = ("_found",)

    def __init__(self, proto: Any, shared: Shared, encoded: Encoded | None = None) -> None:
        super().__init__(proto, shared, encoded)
        self._found: Sequence[tuple[Text, Sequence[Finding]]] | None = None

    def texts(self, clean: Container[Said] = ()) -> list[Text]:
        """Return every text on it, but for some."""
        message, skip = self._searched
        return texts_of(message, self._touched, skip=skip, clean=clean)

    def texts_at(self, positions: Sequence[int], clean: Container[Said] = ()) -> list[Text]:
        """Return the texts in the attributes at some positions, and with `EVENT` those in its events, but for some."""
        texts = texts_at(self._proto, [each for each in positions if each != EVENT], self._touched, clean)
        if EVENT in positions:
            texts += texts_of(self._proto, self._touched, only="events", clean=clean)
        return texts

    def texts_under(self, keys: Container[str]) -> list[Text]:
        """Return the texts in the attributes with these keys."""
        return texts_under(self._proto, keys, self._touched)

    def streams(self) -> list[list[Text]]:
        """Return texts that are parts of one, in order: each list of them is scanned as one text too."""
        return []

    def take(self, texts: Iterable[Text], streams: Iterable[list[Text]], longest: int) -> bool:
        """Keep for `found` what was found in its texts; tell whether that is anything."""
        known = self._shared.findings
        found: dict[str, tuple[Text, list[Finding]]] = {}
        for slot in texts:
            findings = known.get(slot.said, ())
            if findings or len(slot.value) > longest:
                found[slot.path] = slot, [*findings]
        for parts in streams:
            for slot, finding in _across(parts, known.get(_streamed(parts), ())):
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
        said = [text.said for text in texts]
        known = _scanned(said, self._shared)
        return self._shared.own([known[each] for each in said])

    def found(self, longest: int) -> Sequence[tuple[Text, Sequence[Finding]]]:
        """Return the texts in which something is found; those longer than *longest*, unscanned, without findings."""
        if self._found is None:
            search([self], {}, self._shared, longest)
        found, self._found = self._found or (), None  # what is written from now on is not what was searched
        if self._shared.own_rules is None:
            return found
        own = zip(found, self._shared.own([findings for _, findings in found]), strict=True)
        return [(text, mine) for (text, findings), mine in own if mine or not findings]


def search(
    holders: Iterable[Searched], places: Mapping[int, Sequence[int]], shared: Shared, longest: int
) -> list[Searched]:
    """Return those of some holders whose `found` is not empty. Many of their texts are scanned at once.

    *places* say for some, by their `id`, the only places in which anything can be found: see `suspicious_attributes`.
    """
    found: list[Searched] = []
    for group in _groups(holders, places, shared.detector.clean if shared.detector else ()):
        said = [text.said for each in group for text in each.texts]
        said += [_streamed(parts) for each in group for parts in each.streams]
        _scanned((each for each in said if len(each[1]) <= longest), shared)
        found += [each.holder for each in group if each.holder.take(each.texts, each.streams, longest)]
    return found


def suspicious_attributes(raw: bytes, spans: int, detector: Detector, longest: int) -> list[list[int] | None]:
    """Return for each span of a traces request the positions of the attributes in which something may be found.

    Or which are longer than *longest*; and `EVENT` where its events are to be searched; None for a span where there may
    be something elsewhere too, and for all *spans* if the request is not encoded as usual. To make slots of all texts
    would take longer than this.
    """
    try:
        found = _suspicious(spans_in(raw), raw, detector, min(_SHORT, longest))
    except IndexError:
        found = []
    return found if len(found) == spans else [None] * spans


def _suspicious(
    spans: Iterable[tuple[int, int]], raw: bytes, detector: Detector, longest: int
) -> list[list[int] | None]:
    found: list[list[int]] = []
    owners: list[tuple[int, int]] = []
    short: list[bytes] = []
    for start, end in spans:
        own: list[int] = []
        events = 0
        for position, first, last in fields_of(raw, start, end):
            events += position == EVENT
            if last - first > longest or events > 1:  # several of them are a stream, which is one text too
                own.append(position)
            else:
                owners.append((len(found), position))
                short.append(raw[first:last])
        found.append(own)
    for place in detector.suspects(short):
        number, position = owners[place]
        found[number].append(position)
    return [None if OTHER in each else sorted({*each}) for each in found]


class _Read(NamedTuple):
    """What there is to search in a holder."""

    holder: Searched
    texts: list[Text]
    streams: list[list[Text]]


def _groups(
    holders: Iterable[Searched], places: Mapping[int, Sequence[int]], clean: Container[Said]
) -> Iterator[list[_Read]]:
    """Yield holders that are searched together, none with texts that are all *clean*."""
    group: list[_Read] = []
    many = 0
    for holder in holders:
        positions = places.get(id(holder))
        if positions is None:
            read = _Read(holder, holder.texts(clean), holder.streams())
        else:
            read = _Read(holder, holder.texts_at(positions, clean), holder.streams() if EVENT in positions else [])
        if read.texts or read.streams:
            group.append(read)
            many += len(read.texts)
        if many > _AT_ONCE:
            yield group
            group, many = [], 0
    yield group


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
    detector = shared.detector
    for first in range(0, len(fresh), _AT_ONCE):
        part = fresh[first : first + _AT_ONCE]
        known.update(zip(part, detector.scan(part) if detector else [()] * len(part), strict=True))
    return known
