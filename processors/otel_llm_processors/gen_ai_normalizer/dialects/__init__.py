"""The dialects that are known: one table each, in order of precedence.

To add one, write its table and put it into the list below, after those whose spellings it shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm_processors.gen_ai_normalizer.dialects import semconv

if TYPE_CHECKING:
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECTS"]

DIALECTS: Final[dict[str, Dialect]] = {dialect.name: dialect for dialect in (semconv.DIALECT,)}
"""Dialects by the name that `sources` uses."""
