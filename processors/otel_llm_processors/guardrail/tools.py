"""Which tools are called, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from otel_llm import semconv
from otel_llm_processors.guardrail.config import EVERY
from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.schemas import watch_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from otel_llm.component import Settings
    from otel_llm_processors.guardrail.content import Call
    from otel_llm_processors.guardrail.schemas import Validator

__all__ = ["AllowedTools", "Arguments"]


class AllowedTools:
    """Compares the tools that are called with those that the route, and the agent, may call."""

    def __init__(self, routes: Mapping[str, Iterable[str]], agents: Mapping[str, Iterable[str]]) -> None:
        self._routes = {route: frozenset(tools) for route, tools in routes.items()}
        self._agents = {agent: frozenset(tools) for agent, tools in agents.items()}

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the calls of others."""
        item = call.item
        names = item.dimensions.route, item.get_str(semconv.GEN_AI_AGENT_NAME)
        for name, allowed in zip(names, (self._routes, self._agents), strict=True):
            tools = allowed.get(name or EVERY, allowed.get(EVERY))
            if tools is not None:
                for part in call.parts:
                    if part.tool and part.tool not in tools:
                        yield Finding("tool.not_allowed", "tool_call", part)


class Arguments:
    """Validates what tools are called with."""

    def __init__(self, files: Mapping[str, Path], settings: Settings) -> None:
        self._validators = watch_schemas(files, "tools.arguments", settings)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the calls with arguments that are not as their tool's schema wants them."""
        validators = self._validators.value
        for part in call.parts:
            if part.text and part.tool in validators and not _follows(part.text, validators[part.tool]):
                yield Finding("tool.invalid_arguments", "tool_call", part)


def _follows(arguments: str, validator: Validator) -> bool:
    try:
        return validator.is_valid(orjson.loads(arguments))
    except ValueError:
        return False
