"""Which emitters there are, and where the spans of each say something else than the provider answered.

What stands in `says` cannot be put right by anything that reads the spans, and the tests want it so: a row says what an
emitter of that version really loses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.emitters.asked import QUESTION, SCENARIOS, SYSTEM, WEATHER
from tests.emitters.call import TOOL_CALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["EMITTERS", "Emitter", "Provider"]


@dataclass(frozen=True, slots=True)
class Provider:
    """Whose API an emitter calls."""

    name: str
    """`gen_ai.provider.name`."""
    prices: str
    """The provider's id in genai-prices."""
    asked: str
    answered: str
    """The model that is asked for, and the one that the answer names."""
    operation: str = "chat"


OPENAI: Final = Provider("openai", "openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
ANTHROPIC: Final = Provider("anthropic", "anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929")
GEMINI: Final = Provider("gcp.gemini", "google", "gemini-2.5-flash", "gemini-2.5-flash", "generate_content")

CHAT: Final = tuple(scenario for scenario in SCENARIOS if scenario != "embedded")


@dataclass(frozen=True, slots=True)
class Emitter:
    """An app under one instrumentation."""

    name: str
    """Its module in `apps/`, and the folder of its recordings."""
    environment: str
    """What is installed for it: `environments/<name>`."""
    provider: Provider = OPENAI
    scenarios: tuple[str, ...] = SCENARIOS
    quick: bool = False
    """Whether it is installed and run in `.ci/run` too, and not only in `make emitters`."""
    above: tuple[str, ...] = ()
    """The fields of a call that do not stand on its own span, but on the one above it."""
    says: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What its spans say instead, or None for nothing, by scenario, where `*` stands for all, or scenario and call,
    and by field."""

    def says_in(self, scenario: str, call: int) -> Mapping[str, object]:
        """Return what the span of one call of a scenario says instead, by field."""
        return {
            key: held for name in ("*", scenario, f"{scenario}/{call}") for key, held in self.says.get(name, {}).items()
        }


def _each(scenarios: Iterable[str], says: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    return dict.fromkeys(scenarios, says)


_ANSWERED: Final = tuple(scenario for scenario in CHAT if scenario != "failing")
_WITHOUT_CALL: Final = [("system", SYSTEM), ("user", QUESTION), ("tool_call_response", WEATHER)]
_ADK_SYSTEM: Final = f'{SYSTEM}\n\nYou are an agent. Your internal name is "forecaster".'
_ADK_ASKED: Final = [("system", _ADK_SYSTEM), ("user", QUESTION)]
_ADK_SAYS: Final[Mapping[str, Mapping[str, object]]] = {
    "*": {"asked": _ADK_ASKED},
    "tools/0": {"finish_reasons": ["stop"]},  # Gemini knows no other reason
    "tools/1": {"asked": [*_ADK_ASKED, TOOL_CALL, ("tool_call_response", WEATHER)]},
}
_STREAMS: Final = ("streamed", "cached_streamed")

EMITTERS: Final = (
    Emitter("openinference_openai", "openinference", quick=True),
    Emitter("openinference_anthropic", "openinference", ANTHROPIC, CHAT),
    Emitter(
        "openinference_langchain", "openinference", OPENAI, CHAT,
        says=_each(_STREAMS, {"response_model": OPENAI.asked}),
    ),
    Emitter("openllmetry_openai", "openllmetry", quick=True, says={"cached_streamed": {"reasoning": None}}),
    Emitter(
        "openllmetry_anthropic", "openllmetry", ANTHROPIC, CHAT,
        says={"streamed": {"output_tokens": 314}, "cached_streamed": {"output_tokens": 98}},
    ),
    Emitter("anthropic_sdk", "openllmetry", ANTHROPIC, CHAT, says=_each(_STREAMS, {"answered": None})),
    Emitter("anthropic_twice", "openllmetry", ANTHROPIC, _ANSWERED, says=_each(_STREAMS, {"answered": None})),
    Emitter(
        "openlit_openai", "openlit",
        says={"tools/1": {"asked": _WITHOUT_CALL}}
        | _each(("cached", "cached_streamed"), {"reasoning": None}),
    ),
    Emitter(
        "openlit_anthropic", "openlit", ANTHROPIC, _ANSWERED,
        says={"cached_streamed": {"input_tokens": 363, "cache_read": None, "cache_write": None}},
    ),
    Emitter(
        "langfuse_openai", "langfuse",
        says={"*": {"response_model": None, "finish_reasons": None}}
        | _each(_ANSWERED, {"request_model": OPENAI.answered}),
    ),
    Emitter("opentelemetry_openai", "opentelemetry"),
    Emitter("opentelemetry_anthropic", "opentelemetry", ANTHROPIC, CHAT),
    Emitter(
        "opentelemetry_google_genai", "opentelemetry", GEMINI, CHAT,
        says={"tools/0": {"finish_reasons": ["stop"]}},  # Gemini knows no other reason
    ),
    Emitter("pydantic_ai_agent", "pydantic_ai", OPENAI, CHAT, quick=True),
    Emitter(
        "langsmith_langchain", "langsmith", OPENAI, CHAT,
        says=_each(_STREAMS, {"response_model": None}),
    ),
    Emitter("litellm_callback", "litellm", says=_each(_STREAMS, {"response_model": OPENAI.asked})),
    Emitter(
        "strands_agent", "strands", OPENAI, ("streamed", "tools", "cached_streamed", "failing"),
        says={"*": {"response_model": None, "reasoning": None}},
    ),
    Emitter("agent_framework_agent", "agent_framework", OPENAI, CHAT),
    Emitter(
        "openai_agents_openinference", "openai_agents", OPENAI, CHAT,
        says={
            "*": {"request_model": OPENAI.answered},
            "tools/0": {"finish_reasons": ["stop"]},
            "failing": {"request_model": None},
        },
    ),
    Emitter(
        "semantic_kernel_agent", "semantic_kernel", OPENAI, CHAT,
        says={"*": {"response_model": None, "cache_read": None, "reasoning": None, "asked": None, "answered": None}},
    ),
    Emitter(
        "openinference_haystack", "haystack", OPENAI, ("plain", "streamed", "cached", "failing"),
        says={
            "*": {"request_model": OPENAI.answered, "finish_reasons": None, "cache_read": None, "reasoning": None},
            "failing": {"request_model": None},
        },
    ),
    Emitter(
        "google_adk_agent", "google_adk", GEMINI, CHAT,
        says={**_ADK_SAYS, "*": {"asked": _ADK_ASKED, "response_model": None}},
    ),
    Emitter(
        "google_adk_agent_v1", "google_adk", GEMINI, CHAT,
        above=("response_model", "asked", "answered"), says=_ADK_SAYS,
    ),
    Emitter(
        "google_adk_1_20", "google_adk_1_20", GEMINI, _ANSWERED,
        says={**_ADK_SAYS, "*": {"asked": _ADK_ASKED, "provider": "gcp.gen_ai"}} | _each(_STREAMS, {"answered": None}),
    ),
    Emitter(
        "google_adk_1_39", "google_adk_1_39", GEMINI, CHAT,
        says={
            **_ADK_SAYS,
            "*": {"asked": _ADK_ASKED, "provider": "gcp.gen_ai", "response_model": None},
            "cached": {"response_model": GEMINI.answered},
        },
    ),
    Emitter("mlflow_openai", "mlflow"),
    # a stream is an object to it that it knows nothing of
    Emitter("mlflow_anthropic", "mlflow", ANTHROPIC, ("plain", "tools", "cached", "failing")),
    Emitter("vercel_ai", "vercel_ai", quick=True, says={"embedded": {"response_model": None}}),
)  # fmt: skip
