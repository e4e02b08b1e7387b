"""Attributes on their way into a message, by way of another that has the same keys.

Giving an attribute that is there another value costs a fraction of adding one. So messages that have been filled are
kept, by their keys, to be filled again: instrumentations write the same attributes on item after item.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from otel_llm.by_keys import are_few
from otel_llm.values import without_surrogates, write

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from otel_llm.values import Writable

__all__ = ["add"]

_KEPT: Final = 64
"""How many are kept: senders choose some of their keys."""
_HEAVIEST: Final = 65_536
"""How much is put into one: protobuf frees nothing that was ever in a message before the message itself."""
_LONG: Final = 2048
"""A text from this length on is not worth two copies more."""


class _Template:
    """A message that has attributes with certain keys, and nothing else."""

    __slots__ = ("_values", "message", "weight")

    def __init__(self, kind: Any, keys: Collection[str]) -> None:
        self.message = kind()
        self._values = [self.message.attributes.add(key=without_surrogates(key)).value for key in keys]
        self.weight = 0 if are_few(keys) else inf
        """How much has been put into it, in bytes."""

    def fill(self, attributes: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Give the attributes their values, none to long texts; return the keys of what is not plain, and of those."""
        rarer: list[str] = []
        long: list[str] = []
        weight = self.weight
        for held, key, value in zip(self._values, attributes, attributes.values()):  # noqa: B905 - of one length
            kind = type(value)
            if kind is str and len(value) < _LONG and value.isascii():
                held.string_value = value
                weight += len(value)
            elif kind is int:
                held.int_value = value
            elif kind is float:
                held.double_value = value
            elif kind is bool:
                held.bool_value = value
            elif kind is str and len(value) >= _LONG:
                long.append(key)
                held.Clear()
            else:
                rarer.append(key)
                write(held, value)
                weight += held.ByteSize()
        self.weight = weight
        return rarer, long


_spare: Final[dict[tuple[Any, ...], _Template]] = {}
"""By the type of the message and the keys. What is in use is taken out: no two threads fill the same."""


def add(message: Any, attributes: Mapping[str, Writable]) -> list[str]:
    """Add attributes to a message.

    Returns:
        The keys of those that may be read otherwise than they were written, as a list is copied and a surrogate
        replaced, or that are too long to be kept.

    Raises:
        TypeError, ValueError: as `write`; then nothing is added.
    """
    place = (type(message), *attributes)
    template = _spare.pop(place, None) or _Template(type(message), attributes)
    rarer, long = template.fill(attributes)
    message.MergeFrom(template.message)
    if long:
        added = dict(zip(attributes, message.attributes[-len(attributes) :], strict=True))
        for key in long:
            write(added[key].value, attributes[key])
    if template.weight <= _HEAVIEST:
        if len(_spare) >= _KEPT:
            _spare.clear()
        _spare[place] = template
    return rarer + long
