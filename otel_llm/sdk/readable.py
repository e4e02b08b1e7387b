"""Between what the SDK hands to exporters and OTLP: encoded once, processed, and rebuilt where something changed.

What no processor touched leaves as the very object that came. One of which OTLP does not say all, such as one with an
attribute that cannot be encoded, is rebuilt from what it says: what no processor has seen does not leave.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_llm.batch import Batch
from otel_llm.values import to_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.message import Message

    from otel_llm.chain import Chain
    from otel_llm.signals import Signal

__all__ = ["Codec", "Envelope", "Processed", "attributes_of", "resource_of", "scope_of"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Envelope(NamedTuple):
    """Items of one resource and scope in OTLP: ResourceSpans, ScopeSpans, Spans, or the like for log records."""

    resource: Any
    scope: Any
    items: Sequence[Any]


class Processed(NamedTuple, Generic[T]):
    """What is left of a batch."""

    items: Sequence[T]
    dropped: Sequence[str]
    """Why, for each that is not: a processor's own word, or `not_encodable`."""


class Codec(ABC, Generic[T]):
    """Encodes one kind of the SDK's objects, and makes new ones of what has become of them."""

    signal: ClassVar[Signal]

    @abstractmethod
    def encode(self, items: Sequence[T]) -> Message:
        """Return items of one resource and scope as an export request."""

    @abstractmethod
    def envelope(self, request: Message) -> Envelope:
        """Return the only envelope of a request that `encode` made."""

    @abstractmethod
    def is_whole(self, item: T, message: Any) -> bool:
        """Tell whether *message* says all that *item* does."""

    @abstractmethod
    def rebuilt(self, item: T, message: Any, resource: Resource, scope: InstrumentationScope | None) -> T:
        """Return *item* as *message* has it now."""

    def process(self, items: Sequence[T], chain: Chain) -> Processed[T]:
        """Run *chain* over *items*; return what goes on."""
        pairs, lost = self._encoded(items)
        batch = Batch(b"".join(request.SerializeToString() for _, request in pairs), self.signal)
        chain.run(batch)
        if not batch.dirty and all(self._all_whole(group, self.envelope(request)) for group, request in pairs):
            return Processed([item for group, _ in pairs for item in group], lost)
        facades = iter(batch.spans or batch.records)
        kept: list[T] = []
        for group, request in pairs:
            after = [next(facades) for _ in group]
            kept += self._group(group, self.envelope(request), after)
            lost += [item.dropped for item in after if item.dropped]
        return Processed(kept, lost)

    def _encoded(self, items: Sequence[T]) -> tuple[list[tuple[Sequence[T], Message]], list[str]]:
        """Return the items by resource and scope with their requests, and a reason for each that cannot be encoded."""
        groups: dict[tuple[Any, Any], list[T]] = {}
        for item in items:
            groups.setdefault((item.resource, item.instrumentation_scope), []).append(item)  # type: ignore[attr-defined]  # both kinds have them
        pairs: list[tuple[Sequence[T], Message]] = []
        lost: list[str] = []
        for group in groups.values():
            try:
                pairs.append((group, self.encode(group)))
            except Exception:  # noqa: BLE001 - whatever the encoder raises for one item must not cost the others
                one_by_one = list(self._one_by_one(group))
                pairs += one_by_one
                lost += ["not_encodable"] * (len(group) - len(one_by_one))
        return pairs, lost

    def _one_by_one(self, items: Iterable[T]) -> Iterator[tuple[Sequence[T], Message]]:
        for item in items:
            try:
                yield (item,), self.encode((item,))
            except Exception:  # noqa: BLE001, S112 - as above; it is counted
                continue

    def _all_whole(self, group: Sequence[T], envelope: Envelope) -> bool:
        return _is_whole_resource(group[0], envelope) and all(map(self.is_whole, group, envelope.items))

    def _group(self, group: Sequence[T], before: Envelope, after: Sequence[Any]) -> Iterator[T]:
        """Yield the items of one resource and scope, those that are as they were as they are."""
        resource, scope = after[0].resource._envelope, after[0].scope._envelope  # noqa: SLF001 - one room with the facades
        same_resource = (
            _is_whole_resource(group[0], before)
            and resource.resource == before.resource.resource
            and resource.schema_url == before.resource.schema_url
        )
        same_scope = scope.scope == before.scope.scope and scope.schema_url == before.scope.schema_url
        old: Any = group[0]
        new_resource = old.resource if same_resource else resource_of(resource)
        new_scope = old.instrumentation_scope if same_scope else scope_of(scope)
        for item, came, facade in zip(group, before.items, after, strict=True):
            message = facade._proto  # noqa: SLF001 - as above
            if facade.dropped:
                continue
            if same_resource and same_scope and message == came and self.is_whole(item, came):
                yield item
            else:
                yield self.rebuilt(item, message, new_resource, new_scope)


def attributes_of(message: Any) -> Mapping[str, Any]:
    """Return the attributes of a message as exporters expect them; they know how many the SDK has dropped."""
    attributes = {pair.key: to_python(pair.value) for pair in message.attributes}
    if not message.dropped_attributes_count:
        return attributes
    bounded = BoundedAttributes(attributes=attributes)
    bounded.dropped = message.dropped_attributes_count
    return bounded


def _is_whole_resource(item: Any, envelope: Envelope) -> bool:
    scope = item.instrumentation_scope
    return len(item.resource.attributes) == len(envelope.resource.resource.attributes) and (
        not scope or len(scope.attributes or ()) == len(envelope.scope.scope.attributes)
    )


def resource_of(envelope: Any) -> Resource:
    """Return the resource of a ResourceSpans or ResourceLogs."""
    return Resource(attributes_of(envelope.resource), envelope.schema_url)


def scope_of(envelope: Any) -> InstrumentationScope:
    """Return the scope of a ScopeSpans or ScopeLogs."""
    scope = envelope.scope
    return InstrumentationScope(scope.name, scope.version, envelope.schema_url, attributes_of(scope))
