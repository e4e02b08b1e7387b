"""Laminar, whose spans have current names but for their kind and whom they are for.

Source: `src/lmnr/opentelemetry_lib/tracing/attributes.py` of lmnr-ai/lmnr-python.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

__all__ = ["DIALECT"]

_TYPES: Final = {"llm": "chat", "tool": "execute_tool"}
_ASSOCIATION: Final = "lmnr.association.properties."

DIALECT: Final[Dialect] = Dialect(
    name="laminar",
    label="laminar",
    markers=(b"lmnr.",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("lmnr.span.type", one_of(_TYPES)),),
        semconv.GEN_AI_CONVERSATION_ID: (_ASSOCIATION + "session_id",),
        semconv.USER_ID: (_ASSOCIATION + "user_id",),
    },
)
