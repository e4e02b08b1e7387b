"""Settings of the guardrail processor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, SerializeAsAny

from otel_llm.component import Config, Count
from otel_llm.detection.rule import Id, Rule
from otel_llm.digest import DigestConfig
from otel_llm_processors.guardrail.installed import read_detectors

__all__ = [
    "EVERY",
    "GuardrailConfig",
    "LimitsConfig",
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


class OutputConfig(Config):
    """What answers must be like."""

    refusals: bool = True
    """Whether answers are told in which the model declines."""
    profanity: bool = False
    """Whether answers are told that swear: a short list of words, which says nothing of who is hurt by an answer."""
    citations: tuple[str, ...] = ()
    """Routes, `*` for all, whose answers must cite, as `[7]`, `[^7]` or by a link, and only what was retrieved: what
    retrievals of the same trace and batch return, what tools return, and what is marked so in the question."""
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
    detectors: Annotated[dict[str, SerializeAsAny[Config]], BeforeValidator(read_detectors)] = Field(
        default_factory=dict
    )
    """Detectors and their settings, by `type` or `type/name`: `linear_model`, `http`, and those that other
    distributions bring."""
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
    content_cache: Count = 4096
    """Of how many passages of 256 characters and more the findings of phrases and detectors are remembered, by keyed
    digests, for conversations that are sent again with every turn; about 300 bytes each and thread. 0: of none."""
    max_value_bytes: Count = 4 << 20
    """A longer text is not looked at, and `unscanned.oversize` is found."""
    metrics_max_series: Count = 1000
    """How many combinations of route, model and rule each metric keeps apart. All others are counted together, as
    `other`."""
