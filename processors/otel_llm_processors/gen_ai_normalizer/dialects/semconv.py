"""The GenAI semantic conventions' own deprecated names, from v1.26 until now.

Source: the `deprecated` entries of the registry and of the events in open-telemetry/semantic-conventions v1.26 to
v1.41, and the migration guide of open-telemetry/semantic-conventions-genai.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, output_type, prompt_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, EventContent, Spelling
from otel_llm_processors.gen_ai_normalizer.messages import event_instructions, event_list, event_message, event_messages

__all__ = ["DIALECT"]

_BODY: Final = "gen_ai.event.content"
"""Where emitters put an event's whole body as JSON, before there were events with a body."""
_instructions: Final = partial(event_instructions, body=_BODY)
_message: Final = partial(event_message, body=_BODY)

DIALECT: Final[Dialect] = Dialect(
    name="semconv",
    label="semconv_legacy",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    fields={
        semconv.GEN_AI_PROVIDER_NAME: ("gen_ai.system",),
        # request
        semconv.GEN_AI_REQUEST_SEED: ("gen_ai.openai.request.seed",),
        semconv.GEN_AI_OUTPUT_TYPE: (Spelling("gen_ai.openai.request.response_format", output_type),),
        semconv.OPENAI_REQUEST_SERVICE_TIER: ("gen_ai.openai.request.service_tier",),
        # response
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("gen_ai.response.finish_reason",),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: ("gen_ai.openai.response.service_tier",),
        semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: ("gen_ai.openai.response.system_fingerprint",),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("gen_ai.usage.prompt_tokens",),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("gen_ai.usage.completion_tokens",),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: ("gen_ai.usage.cache_creation.input_tokens",),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("gen_ai.prompt", prompt_json),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gen_ai.completion", completion_json),),
    },
    events={
        "gen_ai.system.message": (EventContent(semconv.GEN_AI_SYSTEM_INSTRUCTIONS, _instructions),),
        "gen_ai.user.message": (EventContent(semconv.GEN_AI_INPUT_MESSAGES, partial(_message, role="user")),),
        "gen_ai.assistant.message": (EventContent(semconv.GEN_AI_INPUT_MESSAGES, partial(_message, role="assistant")),),
        "gen_ai.tool.message": (EventContent(semconv.GEN_AI_INPUT_MESSAGES, partial(_message, role="tool")),),
        "gen_ai.choice": (EventContent(semconv.GEN_AI_OUTPUT_MESSAGES, partial(_message, role="assistant")),),
        "gen_ai.content.prompt": (
            EventContent(semconv.GEN_AI_INPUT_MESSAGES, partial(event_messages, key="gen_ai.prompt", role="user")),
        ),
        "gen_ai.content.completion": (
            EventContent(
                semconv.GEN_AI_OUTPUT_MESSAGES, partial(event_messages, key="gen_ai.completion", role="assistant")
            ),
        ),
        semconv.GEN_AI_OPERATION_DETAILS: tuple(
            EventContent(attribute, partial(event_list, key=attribute))
            for attribute in (
                semconv.GEN_AI_SYSTEM_INSTRUCTIONS,
                semconv.GEN_AI_INPUT_MESSAGES,
                semconv.GEN_AI_OUTPUT_MESSAGES,
            )
        ),
    },
)
