"""How large a call is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.detectors import Target
    from otel_llm_processors.guardrail.config import LimitsConfig
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Sizes"]

_OUTPUT: Final = frozenset({"output", "reasoning"})
_SIDES: Final[tuple[Target, Target]] = ("input", "output")


class Sizes:
    """Compares a call with limits."""

    def __init__(self, config: LimitsConfig) -> None:
        self._characters = config.input_characters, config.output_characters
        self._tokens = config.input_tokens, config.output_tokens

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the limits that a call is past."""
        sizes = [0, 0]
        for part in call.parts:
            sizes[part.target in _OUTPUT] += len(part.text)
        for target, size, limit in zip(_SIDES, sizes, self._characters, strict=True):
            if limit is not None and size > limit:
                yield Finding(f"limit.{target}_characters", target)
        usage = semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS
        for target, key, limit in zip(_SIDES, usage, self._tokens, strict=True):
            if limit is not None and (call.item.get_int(key) or 0) > limit:
                yield Finding(f"limit.{target}_tokens", target)
