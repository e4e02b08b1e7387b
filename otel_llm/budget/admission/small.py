"""Amounts as a server counts them that has doubles only: nano-USD, exact up to 9 million USD."""

from __future__ import annotations

from typing import Final

from otel_llm.budget.ledger.records import Unit

__all__ = ["large", "small"]

_PICO_IN_NANO: Final = 1000
_MOST: Final = 9 * 10**15
"""Below 2**53, up to which doubles are whole."""


def small(unit: Unit, amount: int, *, up: bool) -> int:
    """Return an amount in nano-USD, or as it is if it is no money. What is used is rounded *up*, what may be down."""
    if unit is Unit.USD:
        amount = -(-amount // _PICO_IN_NANO) if up else amount // _PICO_IN_NANO
    return max(-_MOST, min(amount, _MOST))


def large(unit: Unit, amount: int) -> int:
    """Return an amount as the ledger counts it."""
    return amount * _PICO_IN_NANO if unit is Unit.USD else amount
