"""One export request: the bytes that came, and what is in them when somebody asks."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count, repeat
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from otel_llm.attributes import Shared
from otel_llm.envelopes import LAYOUT, scopes_of
from otel_llm.errors import Refused
from otel_llm.ids import INVALID, remove_invalid_exemplars
from otel_llm.resource import Resource, Scope
from otel_llm.searched import search, suspicious_attributes
from otel_llm.signals import Signal
from otel_llm.wire import IS_COMPILED, may_have_events, spans_in, without_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from otel_llm.detection import Detector
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span
    from otel_llm.wire import Encoded

__all__ = ["Batch"]


_FIRST: Final = 2 * 1024
"""Bytes: the spans that begin in them mostly tell that a much larger request is not clean."""


class Batch:
    """One export request, bytes until proven otherwise.

    It is decoded when first looked into, and encoded again only if somebody wrote: `to_bytes` of a batch that no
    processor touched returns the very bytes that came, unknown fields and all.
    """

    __slots__ = ("_clean", "_item_count", "_items", "_message", "_raw", "_resources", "_shared", "signal")

    def __init__(
        self,
        raw: bytes,
        signal: Signal = Signal.TRACES,
        *,
        item_count: int | None = None,
    ) -> None:
        """Take one request.

        Args:
            raw: an OTLP export request message, protobuf.
            signal: which of the three.
            item_count: how many items it holds, where that is known already.
        """
        self.signal = signal
        self._shared = Shared()
        self._raw = raw
        self._item_count = item_count
        self._message: Any = None
        self._items: list[Any] | None = None
        self._resources: list[Resource] = []
        self._clean: tuple[Detector, bool] | None = None

    @property
    def raw(self) -> bytes:
        """The bytes that came, for a quick look whether something can be in them at all."""
        return self._raw

    @property
    def dirty(self) -> bool:
        """Whether somebody has written since the bytes came. The write itself says so."""
        return self._shared.dirty

    def detect_with(self, detector: Detector | None, own_rules: Mapping[str, str] | None = None) -> None:
        """Set what `Item.findings` asks, and what the processor that asks calls rules that others have too."""
        self._shared.detector = detector
        self._shared.own_rules = own_rules

    def is_clean(self) -> bool:
        """Tell by the bytes that came whether the chain's detector can find nothing in them: sure of it, or False."""
        detector = self._shared.detector
        if detector is None or self.dirty:
            return False
        if self._clean is None or self._clean[0] is not detector:
            self._clean = detector, self._found_clean(detector)
        return self._clean[1]

    def search(self, items: Sequence[Item], longest: int) -> tuple[list[Resource], list[Item]]:
        """Return the resources and those of some items in which something is found, or a text is longer than that."""
        found = {*map(id, search([*self._resources, *items], self._suspicious(longest), self._shared, longest))}
        return [each for each in self._resources if id(each) in found], [each for each in items if id(each) in found]

    def to_bytes(self) -> bytes:
        """Return the request: as it came, or encoded anew if somebody wrote."""
        return self._message.SerializeToString() if self.dirty else self._raw

    @property
    def item_count(self) -> int:
        """Spans, log records or metric data points in it.

        Raises:
            Refused: the bytes are no such request.
        """
        if self._item_count is None:
            layout = LAYOUT[self.signal]
            self._item_count = sum(map(layout.count, scopes_of(self._decoded(), layout)))
        return self._item_count

    @property
    def spans(self) -> Sequence[Span]:
        """Its spans, in order. The same facades at every call, until `sweep`."""
        return self._facades() if self.signal is Signal.TRACES else ()

    @property
    def records(self) -> Sequence[LogRecord]:
        """Its log records, in order."""
        return self._facades() if self.signal is Signal.LOGS else ()

    @property
    def resources(self) -> Sequence[Resource]:
        """Its resources, each followed by its scopes."""
        self._facades()
        return self._resources

    def remove_invalid(self) -> int:
        """Remove the spans and log records whose ids are invalid; return how many.

        A trace id is 16 bytes, a span id 8, neither all zero (trace.proto); where an id is optional it may be absent.
        One that is not would make the next hop refuse the whole request. Of metrics it is exemplars that name spans: an
        invalid one is taken out of its data point, which is not counted.
        """
        invalid = INVALID.get(self.signal)
        if invalid is not None:
            return self._remove(invalid)
        for scope in scopes_of(self._decoded(), LAYOUT[self.signal]):
            if remove_invalid_exemplars(scope.metrics):
                self._shared.dirty = True
        return 0

    def remove_attributes(self, prefix: str, keep: frozenset[str]) -> None:
        """Remove attributes that start with *prefix* from everything that has some, and events named so.

        Bytes in which the prefix does not stand are not looked into.
        """
        if prefix.encode() not in self._raw or self.signal is Signal.METRICS:
            return
        self._items = None  # facades that read the bytes would not see it
        layout = LAYOUT[self.signal]
        for envelope in getattr(self._decoded(), layout.resources):
            self._strip(envelope.resource, prefix, keep)
            for scope in getattr(envelope, layout.scopes):
                self._strip(scope.scope, prefix, keep)
                for item in getattr(scope, layout.items):
                    self._strip(item, prefix, keep)
                    if self.signal is Signal.TRACES:
                        self._strip_span(item, prefix, keep)

    def set_resource_attribute(self, key: str, value: str) -> None:
        """Set an attribute of every resource, in place of any of that name that came, wherever it stood.

        Metrics are left as they are: nothing asks of them whom they are for.
        """
        if self.signal is Signal.METRICS:
            return
        self.remove_attributes(key, frozenset())
        for envelope in getattr(self._decoded(), LAYOUT[self.signal].resources):
            envelope.resource.attributes.add(key=key).value.string_value = value
            self._shared.dirty = True

    def halves(self) -> Sequence[Batch]:
        """Return two batches with half of the items each, in order; nothing where there are not two items to part.

        Items of a metric are parted by metric: one metric's data points stay together.
        """
        layout = LAYOUT[self.signal]
        items = sum(len(getattr(scope, layout.items)) for scope in scopes_of(self._decoded(), layout))
        if items < 2:  # noqa: PLR2004 - two halves
            return ()
        return self._part(0, items // 2), self._part(items // 2, items)

    def _part(self, start: int, stop: int) -> Batch:
        """Return a batch with the items from *start* to before *stop*."""
        part = Batch(self.to_bytes(), self.signal)
        position = count()
        part._remove(lambda items: [item for item in items if not start <= next(position) < stop])
        return Batch(part.to_bytes(), self.signal)

    def sweep(self) -> Counter[str]:
        """Remove the items that a processor dropped; return how many for each reason."""
        items = self._items or ()
        dropped = {id(item._proto): item.dropped for item in items if item.dropped}  # noqa: SLF001 - one room
        if dropped:
            self._remove(lambda items: [item for item in items if id(item) in dropped])
        return Counter(dropped.values())

    def _found_clean(self, detector: Detector) -> bool:
        if self.signal is not Signal.TRACES:
            return detector.is_clean(self._raw)
        if len(self._raw) > 32 * _FIRST and not detector.is_clean(without_ids(self._raw, _FIRST)):
            return False
        texts = without_ids(self._raw)
        if not detector.is_clean(texts):
            return False
        if not may_have_events(texts):
            return True
        # Events may be the chunks of a stream, and what they say together is not in the bytes.
        scopes = scopes_of(self._decoded(), LAYOUT[self.signal])
        return not any(len(span.events) > 1 for scope in scopes for span in scope.spans)

    def _decoded(self) -> Any:
        if self._message is None:
            try:
                self._message = LAYOUT[self.signal].request.FromString(self._raw)
            except DecodeError:
                raise Refused(f"the body is not a valid OTLP {self.signal} request in protobuf") from None
        return self._message

    def _facades(self) -> list[Any]:
        if self._items is None:
            layout = LAYOUT[self.signal]
            places = self._places()
            self._items = items = []
            self._resources = []
            for envelope in getattr(self._decoded(), layout.resources):
                resource = Resource(envelope, self._shared)
                self._resources.append(resource)
                for scope_envelope in getattr(envelope, layout.scopes):
                    scope = Scope(scope_envelope, self._shared, resource)
                    self._resources.append(scope)
                    if layout.facade is not None:
                        held = getattr(scope_envelope, layout.items)
                        each = zip(held, places)  # noqa: B905 - there are as many places as items, or no end of them
                        items.extend([layout.facade(item, scope, self._shared, place) for item, place in each])
        return self._items

    def _places(self) -> Iterator[Encoded | None]:
        """Return for every item where it stands in the bytes, if it is faster to read them, and they still say it."""
        if IS_COMPILED and self.signal is Signal.TRACES and not self.dirty:
            with suppress(IndexError):
                spans = spans_in(self._raw)
                if len(spans) == self.item_count:
                    return iter([(self._raw, start, end) for start, end in spans])
        return repeat(None)

    def _suspicious(self, longest: int) -> dict[int, list[int]]:
        """Return for spans, by their facades' ids, in which attributes something may be found, where only there."""
        detector, items = self._shared.detector, self._items
        if self.signal is not Signal.TRACES or detector is None or not items:
            return {}
        places = suspicious_attributes(self.to_bytes(), len(items), detector, longest)
        return {id(item): each for item, each in zip(items, places, strict=True) if each is not None}

    def _strip(self, holder: Any, prefix: str, keep: frozenset[str]) -> None:
        attributes = holder.attributes
        forged = [pair.key.startswith(prefix) and pair.key not in keep for pair in attributes]
        if any(forged):
            _keep(attributes, [pair for pair, bad in zip(attributes, forged, strict=True) if not bad])
            self._shared.dirty = True

    def _strip_span(self, span: Any, prefix: str, keep: frozenset[str]) -> None:
        for part in (*span.events, *span.links):
            self._strip(part, prefix, keep)
        if any(event.name.startswith(prefix) for event in span.events):
            _keep(span.events, [event for event in span.events if not event.name.startswith(prefix)])
            self._shared.dirty = True

    def _remove(self, find: Callable[[Iterable[Any]], list[Any]]) -> int:
        """Remove the items that *find* returns, and the envelopes this empties, which senders should not create."""
        layout = LAYOUT[self.signal]
        message = self._decoded()
        removed = 0
        for scope in scopes_of(message, layout):
            items = getattr(scope, layout.items)
            unwanted = find(items)
            if unwanted:
                removed += len(unwanted)
                held = {id(item): item for item in unwanted}  # one message has one wrapper while somebody holds it
                _keep(items, [item for item in items if id(item) not in held])
        if removed:
            for envelope in getattr(message, layout.resources):
                scopes = getattr(envelope, layout.scopes)
                _keep(scopes, [scope for scope in scopes if getattr(scope, layout.items)])
            envelopes = getattr(message, layout.resources)
            _keep(envelopes, [envelope for envelope in envelopes if getattr(envelope, layout.scopes)])
            self._items = self._item_count = None
            self._shared.dirty = True
        return removed


def _keep(held: Any, wanted: Iterable[Any]) -> None:
    """Leave only *wanted* in a repeated field. Linear, where deleting one by one is quadratic for a hostile request."""
    copies = list(wanted)
    del held[:]
    held.extend(copies)
