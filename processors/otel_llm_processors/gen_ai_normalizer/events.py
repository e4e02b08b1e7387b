"""Content that travels in a span's events, or in log records of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm.log_record import LogRecord
from otel_llm.span import Span
from otel_llm_processors.gen_ai_normalizer.messages import to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from otel_llm.attributes import Attributes
    from otel_llm.item import Item
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import ReadEvent
    from otel_llm_processors.gen_ai_normalizer.draft import Draft

__all__ = ["content_of", "events_among"]

_NAME = "event.name"
"""Where a log record has the name of its event that was written before there was a field for it."""


def events_among(names: Collection[str], item: Item) -> Sequence[str]:
    """Return those of *names* that are names of events on *item*."""
    if isinstance(item, Span):
        events = item.events
        return [event.name for event in events if event.name in names] if events else ()
    name = _name(item)
    return (name,) if name in names else ()


def content_of(events: Mapping[str, ReadEvent], draft: Draft) -> str | None:
    """Return the content that an item's events hold, as a JSON list; None where there is none.

    A log record is one event, and its content is one message, whatever other records there are.
    """
    return to_json([piece for name, body in _told(draft.item) if name in events for piece in events[name](body)])


def _told(item: Item) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(item, Span):
        for event in item.events:
            yield event.name, _attributes(event)
    elif isinstance(item, LogRecord):
        body = item.body
        yield _name(item), {**_attributes(item), **(body if type(body) is dict else {})}


def _name(item: Item) -> str:
    named = item.event_name if isinstance(item, LogRecord) else ""
    return named or item.get_str(_NAME) or ""


def _attributes(item: Attributes) -> dict[str, Any]:
    return {key: item.get(key) for key in item.keys()}  # noqa: SIM118 - it is no dict
