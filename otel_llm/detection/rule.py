"""A rule: what to look for, and how to tell it from what only looks like it."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from otel_llm.component import Config
from otel_llm.detection.pattern import beside, check_pattern
from otel_llm.detection.validators import is_known

__all__ = ["Category", "Id", "Rule"]

Category = Literal["secret", "pii", "injection", "content"]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=64)]


class Rule(Config):
    """One rule."""

    id: Id
    """Its name, in lower case: what findings, markers and metrics call it."""
    description: str
    """What it finds, in a few words."""
    pattern: str
    """A regular expression over UTF-8 bytes, in what RE2, Hyperscan and Python have in common: no lookarounds, no
    back-references. Where it has a group, the first one is what was found, and the rest is context."""
    category: Category = "secret"
    """What kind of thing it finds."""
    type: Id | None = None
    """What a marker calls it, where several rules find one type; its id unless given."""
    keywords: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    """Texts of which one stands in all that the pattern matches, in any case: what an engine without a trigger looks
    for first."""
    trigger: str = ""
    """A pattern that matches in whatever `pattern` matches and `validator` takes, where that is faster to look for."""
    gate: str = ""
    """A pattern that does so too, and is so fast that it is looked for in all of a text. Only around where it matches
    the others are looked for; rules that can share one."""
    beside: tuple[Annotated[str, StringConstraints(min_length=2)], ...] = ()
    """Words, as small expressions: the pattern is only looked for as the value of a name with one of them."""
    on: Literal["text", "key"] = "text"
    """Whether the pattern is looked for in texts, or in keys, where it finds the whole value under the key."""
    validator: str | None = None
    """A check of what the pattern found, by name, such as `luhn`; `stdnum.<module>` with python-stdnum installed."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.9
    """How sure a finding is."""
    enabled: bool = True
    """Whether it is used unless a configuration says otherwise."""
    examples: tuple[str, ...] = ()
    """Texts in which it fires. `<w20>` stands for 20 made-up characters: see `otel_llm.detection.examples`."""
    counter_examples: tuple[str, ...] = ()
    """Texts in which it does not."""

    @field_validator("pattern", "trigger", "gate")
    @classmethod
    def _is_linear(cls, pattern: str) -> str:
        check_pattern(pattern)
        return pattern

    @field_validator("validator")
    @classmethod
    def _exists(cls, validator: str | None) -> str | None:
        if validator is not None and not is_known(validator):
            raise ValueError("no validator has this name")
        return validator

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.beside:
            if any("(" in part.replace("(?", "").replace("\\(", "") for part in (self.pattern, *self.beside)):
                raise ValueError("a pattern with `beside` has no groups, nor have its words: it is one itself")
            check_pattern(self.expression)
        return self

    @cached_property
    def expression(self) -> str:
        """The pattern that is compiled."""
        return beside(self.beside, self.pattern) if self.beside else self.pattern

    @property
    def label(self) -> str:
        """What a marker calls what it found."""
        return self.type or self.id
