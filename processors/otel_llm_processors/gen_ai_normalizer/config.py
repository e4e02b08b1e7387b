"""Settings of the normaliser."""

from __future__ import annotations

from pydantic import Field, field_validator

from otel_llm.component import Config
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS

__all__ = ["GenAiNormalizerConfig", "Source"]


class Source(Config):
    """A dialect to look for, written as for the Collector's `gen_ai_normalizer`."""

    name: str
    """The dialect's name."""

    remove_originals: bool | None = None
    """`remove_originals` for this dialect; unset, the processor's."""

    overwrite: bool | None = None
    """`overwrite` for this dialect; unset, the processor's."""

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in DIALECTS:
            raise ValueError(f"no such dialect; known are: {', '.join(DIALECTS)}")
        return name


class GenAiNormalizerConfig(Config):
    """Settings of `processors.gen_ai_normalizer`."""

    sources: tuple[Source, ...] = Field(default=tuple(Source(name=name) for name in DIALECTS), min_length=1)
    """The dialects to look for, in order of precedence. Left out, all that are known."""

    remove_originals: bool = False
    """Whether to remove an attribute once its value stands under its current name."""

    overwrite: bool = False
    """Whether another spelling wins over the current name, where both are there and differ."""

    @field_validator("sources")
    @classmethod
    def _are_different(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if len({source.name for source in sources}) < len(sources):
            raise ValueError("a dialect is named twice")
        return sources
