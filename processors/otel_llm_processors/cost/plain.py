"""Plain calls, which nearly all are: an operation, names, and counts of tokens, all of the right type.

What has to be read of a span follows from its keys, and whether that is plain from the types of what is read: both are
worked out once for all spans that have the same. Any other span is read attribute by attribute (`attributes.read`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from otel_llm import semconv
from otel_llm.by_keys import ByKeys
from otel_llm_processors.cost.attributes import NAMES, READ, Names
from otel_llm_processors.cost.leaves import BILLABLE
from otel_llm_processors.cost.usage import PLAIN_USAGE, TOKENS_LIMIT, Usage

if TYPE_CHECKING:
    from otel_llm.span import Span

__all__ = ["PlainCall", "PlainCalls"]

_TYPES: Final = 16
"""How many lists of types are remembered for each list of keys: senders choose them."""

_PADDING: Final = (None, 0, 1)
"""Read where there is no name, no count, and for the one request that a call is."""
_USAGE_KEYS: Final = (*PLAIN_USAGE.values(), "requests")

Take: TypeAlias = Callable[[Sequence[Any]], tuple[Any, ...]]


class PlainCall(NamedTuple):
    """What a price depends on."""

    names: Names
    usage: Usage


class _Shape(NamedTuple):
    """Where among the values that are read stands what."""

    operation: int
    names: Take
    counts: Take


class _Wanted(NamedTuple):
    """What is read of spans with the same keys."""

    keys: Sequence[str]
    shapes: dict[tuple[type, ...], _Shape | None]
    """By the values' types; None where they are not those of a plain call."""


class PlainCalls:
    """Reads plain calls."""

    def __init__(self) -> None:
        self._wanted = ByKeys(_want)

    def read(self, span: Span) -> PlainCall | None:
        """Return the call; None if it is not plain, if its counts are wrong, or if it is charged elsewhere."""
        wanted = self._wanted[tuple(span.keys())]
        values = span.get_all(wanted.keys)
        types = tuple(map(type, values))
        shape = wanted.shapes[types] if types in wanted.shapes else _learn(wanted, types)
        if shape is None:
            return None
        values += _PADDING
        operation = values[shape.operation]
        counts = shape.counts(values)
        given, produced, read, written, reasoning, _ = counts
        is_right = (
            min(counts) >= 0
            and read + written <= given < TOKENS_LIMIT
            and reasoning <= produced < TOKENS_LIMIT
            and (operation is None or operation in BILLABLE)
        )
        return PlainCall(shape.names(values), dict(zip(_USAGE_KEYS, counts))) if is_right else None  # noqa: B905 - of one length


def _want(keys: tuple[str, ...]) -> _Wanted:
    return _Wanted([key for key in keys if key in READ], {})


def _learn(wanted: _Wanted, types: tuple[type, ...]) -> _Shape | None:
    if len(wanted.shapes) >= _TYPES:
        wanted.shapes.clear()
    shape = wanted.shapes[types] = _shape(wanted.keys, dict(zip(wanted.keys, types, strict=True)))
    return shape


def _shape(keys: Sequence[str], types: Mapping[str, type]) -> _Shape | None:
    """Return where what is read stands; None if that is not a plain call."""
    there = {key: place for place, key in enumerate(keys) if types[key] in READ[key]}
    others = there.keys() - PLAIN_USAGE.keys() - {*NAMES, semconv.GEN_AI_OPERATION_NAME}
    counted = there.keys() & PLAIN_USAGE.keys()
    if (
        others
        or any(types[key] is not int for key in counted)
        or counted.isdisjoint({semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS})
    ):
        return None
    nothing, zero, one = range(len(keys), len(keys) + len(_PADDING))
    return _Shape(
        there.get(semconv.GEN_AI_OPERATION_NAME, nothing),
        itemgetter(*(there.get(key, nothing) for key in NAMES)),
        itemgetter(*(there.get(key, zero) for key in PLAIN_USAGE), one),
    )
