"""Measures what it costs to price one normalised span; writes bench/results/cost.md.

usage: python -m bench.cost
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Final

from genai_prices import Usage, calc_price

from bench.report import PYTHON
from otel_llm.batch import Batch
from otel_llm.testing import make_request
from otel_llm_processors.cost import factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_llm.span import Span

__all__ = ["markdown"]

SPANS: Final = 1000
ROUNDS: Final = 15
CALL: Final[dict[str, Any]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 800,
    "gen_ai.conversation.id": "c-1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.cache_read.input_tokens": 50,
    "gen_ai.usage.output_tokens": 100,
    "server.address": "api.openai.com",
    "server.port": 443,
    "user.id": "u-1",
    "session.id": "s-1",
    "otel_llm.dialect": "openinference",
    "otel_llm.route": "support",
    "otel_llm.user_key": "k1:0123456789abcdef",
    "deployment.environment.name": "production",
}
"""As a span of 20 attributes comes out of the normaliser."""


def markdown() -> str:
    """Return the page. All figures are the best of the rounds, in microseconds of CPU for a span."""
    processor = factory.build()
    processor.start()
    span = _fresh(1)[0]
    call = processor._plain.read(span)  # noqa: SLF001 - the parts that are the processor's own
    kind = processor._kind(span, call.names)  # noqa: SLF001 - as above
    written = dict(processor._price_plain(span))  # noqa: SLF001 - as above
    usage = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=50)
    own = _best(
        lambda spans: [
            processor._known(processor._kind(each, call.names), kind.rates, call.usage, None)  # noqa: SLF001 - as above
            for each in spans
        ]
    )
    reads = _best(lambda spans: [processor._plain.read(each) for each in spans])  # noqa: SLF001 - as above
    writes = _best(lambda spans: [each.update(written) for each in spans])
    begins = _best(processor.begin_batch)
    whole = _best(lambda spans: (processor.begin_batch(spans), [processor.process_span(each) for each in spans]))
    naive = _best(
        lambda spans: [calc_price(usage, "gpt-4o-2024-08-06", provider_id="openai") for _ in spans[:100]], 100
    )
    rows = [
        ("pricing itself: which prices, amounts, counting; the bound is 5", own),
        ("reading names and counts through the span's facade, checking them", reads),
        (f"writing {len(written)} attributes through the facade", writes),
        ("`begin_batch`: looking for repeated calls, all spans in one trace", begins),
        ("the whole, in the order of the host", whole),
        ("`genai_prices.calc_price` alone: nothing read, nothing written", naive),
    ]
    machine = f"{os.cpu_count()} cores, {platform.system()}, {PYTHON}"
    return "\n".join(
        [
            f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d} on {machine}, genai-prices {version('genai-prices')}.",
            f"A normalised span of {len(CALL)} attributes, its values decoded by the step before; best of {ROUNDS}.",
            "The first row is the same attributes over and over; the whole meets every span once, with colder caches.",
            "",
            "| | CPU µs/span | to calc_price |",
            "|---|--:|--:|",
            *(f"| {name} | {cost:.1f} | {cost / naive:.3f} |" for name, cost in rows),
            "",
        ]
    )


def _best(work: Callable[[Sequence[Span]], object], count: int = SPANS) -> float:
    rounds = []
    for _ in range(ROUNDS):
        spans = _fresh(count)
        begun = process_time()
        work(spans)
        rounds.append((process_time() - begun) / count * 1e6)
    return min(rounds)


def _fresh(count: int) -> list[Span]:
    """Return spans as the normaliser leaves them: every value has been looked at."""
    spans = list(Batch(make_request(*({**CALL, "gen_ai.response.id": f"r-{n}"} for n in range(count)))).spans)
    for span in spans:
        for key in CALL:
            span.get(key)
    return spans


if __name__ == "__main__":
    path = Path(__file__).parent / "results" / "cost.md"
    path.write_text(markdown())
    print(path.relative_to(Path(__file__).parents[1]))
