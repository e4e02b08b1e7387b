"""Microsoft.Extensions.AI. Semantic Kernel and Agent Framework write nothing that only they write.

Source: `OpenTelemetryConsts.cs` of dotnet/extensions.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECT"]

DIALECT: Final[Dialect] = Dialect(
    name="microsoft",
    label="microsoft",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("Experimental.Microsoft.Extensions.AI",),
    fields={
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: ("gen_ai.usage.input_audio_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: ("gen_ai.usage.output_audio_tokens",),
    },
)
