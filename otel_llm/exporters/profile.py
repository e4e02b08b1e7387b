"""What single backends want otherwise than the conventions have it, written on gen_ai spans on their way out."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from otel_llm import semconv
from otel_llm.component import Processor

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.span import Span

__all__ = ["HTTP_ONLY", "Profile", "Rewrite", "rewritten"]

Profile = Literal[
    "none", "arize", "datadog", "honeycomb", "langfuse", "laminar", "logfire", "mlflow", "phoenix", "sentry", "signoz"
]

HTTP_ONLY: Final = frozenset({"datadog", "langfuse", "logfire", "mlflow"})
"""Those that take OTLP over HTTP and not over gRPC."""

_THREAD_FROM_BYTES: Final = 256 * 1024
"""A larger batch is rewritten in a thread, so that the event loop is not held."""

_TOTAL: Final = (semconv.COST_TOTAL_USD,)
_INPUT: Final = (semconv.COST_INPUT_USD, semconv.COST_CACHE_READ_USD, semconv.COST_CACHE_WRITE_USD)
_OUTPUT: Final = (semconv.COST_OUTPUT_USD,)
Parts = tuple[str, ...]


class _Wishes(NamedTuple):
    """What a backend reads."""

    costs: Mapping[str, Parts] = {}
    """Attributes that hold a cost, and of which of ours each is the sum."""
    details: tuple[str, Mapping[str, Parts]] | None = None
    """An attribute that holds costs as a JSON object."""
    renamed: Mapping[str, str] = {}
    """Attributes that it knows by another name only."""


_WISHES: Final[Mapping[str, _Wishes]] = {
    "arize": _Wishes({semconv.LLM_COST_TOTAL: _TOTAL, "llm.cost.prompt": _INPUT, "llm.cost.completion": _OUTPUT}),
    "datadog": _Wishes(),
    "honeycomb": _Wishes(),
    "langfuse": _Wishes(
        details=(
            "langfuse.observation.cost_details",
            {
                "input": (semconv.COST_INPUT_USD,),
                "input_cache_read": (semconv.COST_CACHE_READ_USD,),
                "input_cache_creation": (semconv.COST_CACHE_WRITE_USD,),
                "output": _OUTPUT,
                "total": _TOTAL,
            },
        ),
        renamed={semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS},
    ),
    "laminar": _Wishes({semconv.GEN_AI_USAGE_INPUT_COST: _INPUT, semconv.GEN_AI_USAGE_OUTPUT_COST: _OUTPUT}),
    "logfire": _Wishes({semconv.OPERATION_COST: _TOTAL}),
    "mlflow": _Wishes(
        details=("mlflow.llm.cost", {"input_cost": _INPUT, "output_cost": _OUTPUT, "total_cost": _TOTAL})
    ),
    "phoenix": _Wishes(
        renamed={semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS}
    ),
    "sentry": _Wishes(
        {
            semconv.GEN_AI_COST_TOTAL_TOKENS: _TOTAL,
            semconv.GEN_AI_COST_INPUT_TOKENS: _INPUT,
            semconv.GEN_AI_COST_OUTPUT_TOKENS: _OUTPUT,
        }
    ),
    "signoz": _Wishes(
        {
            "_signoz.gen_ai.total_cost": _TOTAL,
            "_signoz.gen_ai.cost_input": (semconv.COST_INPUT_USD,),
            "_signoz.gen_ai.cost_output": _OUTPUT,
            "_signoz.gen_ai.cost_cache_read": (semconv.COST_CACHE_READ_USD,),
            "_signoz.gen_ai.cost_cache_write": (semconv.COST_CACHE_WRITE_USD,),
        }
    ),
}


class Rewrite(Processor):
    """Writes on gen_ai spans what a backend reads. Run twice it changes nothing more: exports are retried."""

    def __init__(self, profile: Profile) -> None:
        """Take the wishes of any backend but `none`, which has no wishes."""
        self._wishes = _WISHES[profile]

    def process_span(self, span: Span, /) -> None:
        """Add costs, give other names, and make texts of structured content."""
        wishes = self._wishes
        for old, new in wishes.renamed.items():
            span.rename(old, new)
        for key in span.keys(semconv.GEN_AI_PREFIX):
            value = span.get(key)
            if _is_structured(value):
                with suppress(orjson.JSONEncodeError):  # nested deeper than that goes: it stays as it is
                    span.set(key, orjson.dumps(value, default=_as_text).decode())
        if semconv.COST_TOTAL_USD in span:
            span.update(_sums(span, wishes.costs))
            if wishes.details is not None:
                key, parts = wishes.details
                span.set(key, orjson.dumps(_sums(span, parts)).decode())


async def rewritten(rewrite: Rewrite | None, batch: Batch) -> bytes:
    """Return the bytes of *batch* as a backend wants them."""
    if rewrite is not None and semconv.GEN_AI_PREFIX.encode() in batch.raw:
        if len(batch.raw) < _THREAD_FROM_BYTES:
            _apply(rewrite, batch)
        else:
            await asyncio.to_thread(_apply, rewrite, batch)
    return batch.to_bytes()


def _apply(rewrite: Rewrite, batch: Batch) -> None:
    for span in batch.spans:
        if span.is_gen_ai:
            rewrite.process_span(span)


def _sums(span: Span, wanted: Mapping[str, Parts]) -> dict[str, float]:
    """Return each sum of which any part is on the span."""
    found = {key: [usd for part in parts if (usd := span.get_float(part)) is not None] for key, parts in wanted.items()}
    return {key: round(sum(parts), 12) for key, parts in found.items() if parts}


def _is_structured(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value))


def _as_text(value: Any) -> str:
    """Return bytes, the only value that JSON does not know, as OTLP/JSON has them."""
    return base64.b64encode(value).decode()
