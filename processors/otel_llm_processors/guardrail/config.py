"""Settings of the guardrail processor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from otel_llm.component import Config, Count
from otel_llm.detection.rule import Id, Rule
from otel_llm.digest import DigestConfig

__all__ = [
    "EVERY",
    "GuardrailConfig",
    "LimitsConfig",
    "ModelConfig",
    "OutputConfig",
    "PhrasesConfig",
    "SensitiveConfig",
    "ToolsConfig",
]

EVERY: Final = "*"
"""Stands for every route that is not named."""


class PhrasesConfig(Config):
    """What prompt injections and jailbreaks say."""

    enabled: bool = True
    """Whether they are looked for."""
    add: tuple[Rule, ...] = ()
    """Phrases of your own, in lower case and without punctuation; a space stands for whatever is between two words.
    Needs an engine that promises linear time: `hyperscan` or `google-re2`."""
    remove: tuple[Id, ...] = ()
    """Bundled phrases not to look for."""


class SensitiveConfig(Config):
    """Secrets and personal data, by the rules that `redaction` has too."""

    categories: tuple[Literal["secret", "pii"], ...] = ("secret", "pii")
    """Which kinds are told of."""
    remove: tuple[Id, ...] = ()
    """Rules not to use, by id or type."""


class LimitsConfig(Config):
    """How large a call may be. None for no limit."""

    input_characters: Count | None = None
    """Characters of what was asked, all messages and instructions together."""
    output_characters: Count | None = None
    """Characters of the answer."""
    input_tokens: Count | None = None
    """Tokens in, as the span says."""
    output_tokens: Count | None = None
    """Tokens out, as the span says."""


class ModelConfig(Config):
    """A linear model that tells injections, in what others say. Needs numpy."""

    threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    """The score, 0 to 1, from which a text is told: 0.8 is a good one. None for no model."""


class OutputConfig(Config):
    """What answers must be like."""

    refusals: bool = True
    """Whether answers are told in which the model declines."""
    schemas: dict[str, Path] = Field(default_factory=dict)
    """By route, `*` for all others: the file of the JSON Schema that answers must follow."""
    allowed_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By route, `*` for all others: answers of which each must be one."""
    allowed_domains: tuple[str, ...] | None = None
    """Domains, their subdomains included, that addresses in answers may lead to. None for any."""


class ToolsConfig(Config):
    """Which tools may be called, and with what."""

    routes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By route, `*` for all others: the tools that may be called."""
    agents: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By agent (`gen_ai.agent.name`), `*` for all others: the tools that may be called."""
    arguments: dict[str, Path] = Field(default_factory=dict)
    """By tool: the file of the JSON Schema that arguments must follow."""


class GuardrailConfig(Config):
    """Settings of `processors.guardrail`."""

    phrases: PhrasesConfig = PhrasesConfig()
    """Prompt injections and jailbreaks, by what they say."""
    model: ModelConfig = ModelConfig()
    """Prompt injections and jailbreaks, by a model."""
    sensitive: SensitiveConfig = SensitiveConfig()
    """Secrets and personal data."""
    limits: LimitsConfig = LimitsConfig()
    """Sizes."""
    output: OutputConfig = OutputConfig()
    """Answers."""
    tools: ToolsConfig = ToolsConfig()
    """Tools."""
    allowed_sources: tuple[str, ...] | None = None
    """Data sources (`gen_ai.data_source.id`) that may be asked for context. None for any."""
    canaries: tuple[SecretStr, ...] = ()
    """Words that stand in your instructions and nowhere else, such as `${env:CANARY}`: where one comes out, so have the
    instructions."""
    deny: tuple[Id, ...] = ("canary", "jailbreak", "prompt_injection", "secret", "source", "tool")
    """Rules whose findings make the verdict `deny`, by id or by what stands before its first dot. All others make it
    `warn`."""
    ignore: tuple[Id, ...] = ()
    """Rules whose findings are not told, likewise."""
    content_hash: DigestConfig | None = None
    """A key: events then have a keyed digest of the part of a message in which something was found, so that one text
    can be followed without being known."""
    max_value_bytes: Count = 4 << 20
    """A longer text is not looked at, and `unscanned.oversize` is found."""
    metrics_max_series: Count = 1000
    """How many combinations of route, model and rule each metric keeps apart. All others are counted together, as
    `other`."""
