"""Settings of the normaliser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from otel_llm import semconv
from otel_llm.component import Config
from otel_llm.digest import DigestConfig
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, NAMES, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, house_dialect

__all__ = ["USER", "DimensionSources", "GenAiNormalizerConfig", "Source"]

TARGETS: Final = NAMES.keys() | CONTENT.keys() | VALUES.keys()


class Source(Config):
    """A dialect to look for, written as for the Collector's `gen_ai_normalizer`."""

    name: str
    """The dialect's name: one that is known, or, with `mappings`, one of one's own."""

    mappings: Mapping[str, str] = {}
    """For a dialect of one's own, the current names by its names. Of several with one current name, the first that is
    there counts."""

    remove_originals: bool | None = None
    """`remove_originals` for this dialect; unset, the processor's."""

    overwrite: bool | None = None
    """`overwrite` for this dialect; unset, the processor's."""

    @field_validator("mappings")
    @classmethod
    def _are_current(cls, mappings: Mapping[str, str]) -> Mapping[str, str]:
        for own, current in mappings.items():
            if current not in TARGETS:
                raise ValueError(f"{current} is no attribute that is written; those are: {', '.join(sorted(TARGETS))}")
            if own in TARGETS or not own or own.endswith("."):
                raise ValueError("a name of one's own must be a whole name, and no current one")
        return mappings

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.mappings and self.name in DIALECTS:
            raise ValueError("a known dialect takes no mappings; give them a name of their own")
        if not self.mappings and self.name not in DIALECTS:
            raise ValueError(f"no such dialect; known are: {', '.join(DIALECTS)}; others need mappings")
        return self

    @property
    def dialect(self) -> Dialect:
        """The table."""
        return DIALECTS.get(self.name) or house_dialect(self.name, self.mappings)


Names = tuple[Annotated[str, Field(min_length=1)], ...]


USER: Final[Names] = (semconv.USER_ID, "enduser.id")


class DimensionSources(Config):
    """Attributes that say whom a call is for. Of each dimension the first that is there counts.

    Each is looked for on the span or log record, then on its scope, then on its resource. What stands under the
    dimension's own name, such as `otel_llm.route`, comes before all.
    """

    route: Names = (semconv.HTTP_ROUTE,)
    """The part of the app that called."""

    tenant: Names = ("tenant.id",)
    """The customer that it called for."""

    environment: Names = (semconv.DEPLOYMENT_ENVIRONMENT_NAME, "deployment.environment", "langfuse.environment")
    """Such as `prod` or `eval`."""

    prompt: Names = (semconv.GEN_AI_PROMPT_NAME,)
    """The managed prompt's name."""

    prompt_version: Names = (semconv.GEN_AI_PROMPT_VERSION,)
    """Its version, written after the name: `greeting@3`."""

    app_version: Names = (semconv.SERVICE_VERSION,)
    """The version of the app."""

    eval_id: Names = ()
    """The run of an evaluation."""

    user: Names | Literal["raw"] = USER
    """The end user, who is digested. `raw` in place of a list: the default's attributes, as they came. With the
    extension `budgets`, which reserves by the same, its `digest.user` has to say so too."""

    conversation: Names = (semconv.GEN_AI_CONVERSATION_ID, semconv.SESSION_ID)
    """The conversation, which is digested."""


class GenAiNormalizerConfig(Config):
    """Settings of `processors.gen_ai_normalizer`."""

    sources: tuple[Source, ...] = Field(default=tuple(Source(name=name) for name in DIALECTS), min_length=1)
    """The dialects to look for, in order of precedence. Left out, all that are known; they follow, too, where only
    dialects of one's own stand here."""

    remove_originals: bool = False
    """Whether to remove an attribute once its value stands under its current name."""

    overwrite: bool = False
    """Whether another spelling wins over the current name, where both are there and differ. Where some are removed, one
    that stays wins only if none that is removed comes before it: a second run finds it alone, and changes nothing."""

    dimensions: DimensionSources = DimensionSources()
    """Which attributes say whom a call is for, by dimension."""

    digest: DigestConfig | None = None
    """The key with which users and conversations are digested. Left out: that of the extension `budgets`; without it
    the environment variable `OTEL_LLM_DIGEST_KEY`; without that, where there is a store, the file `digest.key` in
    `OTEL_LLM_STATE_DIR` (`./var`), which is made when it is first needed. Elsewhere they are not digested."""

    @field_validator("sources")
    @classmethod
    def _are_different(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if len({source.name for source in sources}) < len(sources):
            raise ValueError("a dialect is named twice")
        known = () if any(source.name in DIALECTS for source in sources) else (Source(name=name) for name in DIALECTS)
        return (*sources, *known)
