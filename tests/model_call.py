"""The attributes of one call of a model, which costs $0.0035 wherever a test makes it."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["CALL", "CALL_OF_2024", "COST_PICO_USD", "COST_USD"]

CALL: Final[dict[str, Any]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
CALL_OF_2024: Final[dict[str, str | int]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 1000,
    "gen_ai.usage.completion_tokens": 100,
}
"""The same in names that are deprecated since."""

COST_USD: Final = 0.0035
"""1,000 tokens at $2.50 and 100 at $10 a million."""
COST_PICO_USD: Final = 3_500_000_000
