from __future__ import annotations

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.testing import make_span
from otel_llm_processors.cost import CostConfig, CostProcessor
from otel_llm_processors.cost.attributes import read
from tests.processors.cost.test_processor import ANY_VALUE

processor = CostProcessor(CostConfig(), Settings("cost"))
processor.start()

COUNTS = st.integers(0, 20)
MODELS = st.sampled_from(["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "whisper-1", "nobody"])
CALLS = st.fixed_dictionaries(
    {
        "gen_ai.usage.input_tokens": st.sampled_from([40, 300_000, 7, 10**15 - 1, 10**15]),
        "gen_ai.request.model": MODELS,
    },
    optional={
        "gen_ai.usage.output_tokens": st.sampled_from([20, 7, 10**15]),
        "gen_ai.usage.cache_read.input_tokens": COUNTS,
        "gen_ai.usage.cache_write.input_tokens": COUNTS,
        "gen_ai.usage.reasoning.output_tokens": COUNTS,
        "gen_ai.operation.name": st.sampled_from(["chat", "embeddings", "invoke_agent"]),
        "gen_ai.provider.name": st.sampled_from(["openai", "anthropic", "nobody"]),
        "gen_ai.response.model": MODELS,
        "openai.response.service_tier": st.sampled_from(["flex", "priority", "default"]),
        "otel_llm.route": st.text(max_size=3),
        "other": st.text(max_size=3),
    },
)
RARER = st.dictionaries(
    st.sampled_from(
        [
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.operation.name",
            "gen_ai.provider.name",
            "gen_ai.usage.cost",
            semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS,
            semconv.LITELLM_CACHE_HIT,
        ]
    ),
    ANY_VALUE,
    max_size=1,
)
STARTS = st.sampled_from([1_700_000_000, 1_790_000_000]).map(lambda seconds: seconds * 10**9)


@given(CALLS, st.just({}) | RARER, STARTS)
@settings(deadline=None)
def test_a_plain_call_is_priced_as_any_other(call: dict[str, Any], rarer: dict[str, Any], start: int) -> None:
    """Where the short way is taken, what the long one says is written."""
    span = make_span({**call, **rarer}, start_time_unix_nano=start)
    short = processor._price_plain(span)
    event(f"taken: {short is not None}")

    assert short in (None, processor._price(span, read(span)))


def test_most_calls_are_plain() -> None:
    """So the short way is the one that counts."""
    span = make_span({"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "server.port": 443})

    assert processor._price_plain(span)
