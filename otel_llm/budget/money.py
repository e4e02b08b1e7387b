"""USD in whole pico-USD (1e-12 USD): how prices, limits and amounts in JSON become one, and back."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from otel_llm.budget.ledger.records import CEILING

__all__ = ["PICO", "pico_of", "usd_text"]

PICO: Final = 10**12


def pico_of(usd: float | str | Decimal) -> int:
    """Return USD, rounded once to 1e-12, half to even. A float is what it is written as: 0.3 is three tenths.

    Raises:
        ValueError: it is no number, or more than a counter holds.
    """
    try:
        pico = Decimal(repr(usd) if isinstance(usd, float) else usd).scaleb(12)
        amount = int(pico.to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError("must be a number") from None
    if abs(amount) > CEILING:
        raise ValueError(f"must be at most {CEILING // PICO:,}")
    return amount


def usd_text(pico: int) -> str:
    """Return USD as a decimal number, exactly, without an exponent and without zeros at its end."""
    return f"{Decimal(pico).scaleb(-12).normalize():f}"
