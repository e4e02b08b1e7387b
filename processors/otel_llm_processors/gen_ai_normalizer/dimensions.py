"""Whom a call is for: read once, from wherever it is said, before anything is redacted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from otel_llm import semconv
from otel_llm.digest import DigestConfig, DigestsProvider, is_key_in_environment, load_digests
from otel_llm.dimensions import KEYS, Dimensions
from otel_llm.errors import ConfigError
from otel_llm.store.provider import StoreProvider
from otel_llm_processors.gen_ai_normalizer.config import USER

if TYPE_CHECKING:
    from collections.abc import Container

    from otel_llm.attributes import Attributes, Value, Writable
    from otel_llm.component import Settings
    from otel_llm.digest import Digests
    from otel_llm_processors.gen_ai_normalizer.config import DimensionSources, GenAiNormalizerConfig

__all__ = ["DimensionResolver", "digests_for", "said"]

Said: TypeAlias = Mapping[str, str]
"""Values by the attributes' names."""
Resolve: TypeAlias = Callable[[str, Said], str]
"""Returns a dimension by what its source says, and all others."""

_NOTHING: Final[Said] = {}
_LONGEST: Final = 256
"""Characters of a dimension: budgets and rows keep no more."""
_CHOICES: Final = 256
"""How many sets of attributes are remembered, of the dozen that are asked."""


class _Field(NamedTuple):
    """A dimension."""

    own: str
    """The attribute that it is written as, and that comes before all where it is there already."""
    sources: Sequence[str]
    resolve: Resolve


_Chosen: TypeAlias = tuple[int, str, str, Resolve]
"""What says a dimension: its place in `Dimensions`, what it is written as, the attribute that says it, and how."""


def digests_for(config: GenAiNormalizerConfig, settings: Settings) -> Digests | None:
    """Return the digests that whoever counts users here makes too; None where nobody would know the key.

    A key is only made where a store would keep what is digested. A key of an app's own would be worse than none: the
    gateway behind it takes a digest for what it is, and reserves by another.

    Raises:
        ConfigError: the key cannot be used, or is not that of the budgets, or users are not what they are there.
    """
    place = f"processors.{settings.name}.digest"
    provider = settings.find(DigestsProvider)
    if config.dimensions.user == "raw" and provider is not None and not provider.digests.raw_users:
        raise ConfigError(
            f"processors.{settings.name}.dimensions.user: the extension that has the budgets reserves by digests; say "
            "`digest.user: raw` there"
        )
    own = load_digests(config.digest, place) if config.digest is not None else None
    if provider is not None:
        if own is not None and own.key_id != provider.digests.key_id:
            raise ConfigError(f"{place}: must be the key of the extension that has the budgets, or left out")
        return provider.digests
    if own is not None:
        return own
    if is_key_in_environment() or settings.find(StoreProvider) is not None:
        return load_digests(DigestConfig(), place)
    return None


class DimensionResolver:
    """Tells whom spans and log records are for."""

    def __init__(self, sources: DimensionSources, digests: Digests | None) -> None:
        """Take the attributes to ask; without digests, only who is digested already is known."""
        versions = sources.prompt_version

        def prompt(name: str, said: Said) -> str:
            version = _first(versions, said)
            return f"{name}@{said[version]}" if version else name

        fields: dict[str, tuple[Sequence[str], Resolve]] = {
            semconv.ROUTE: (sources.route, _as_it_is),
            semconv.TENANT: (sources.tenant, _as_it_is),
            semconv.ENVIRONMENT: (sources.environment, _as_it_is),
            semconv.PROMPT: (sources.prompt, prompt),
            semconv.APP_VERSION: (sources.app_version, _as_it_is),
            semconv.EVAL_ID: (sources.eval_id, _as_it_is),
        }
        if sources.user == "raw":
            fields[semconv.USER_KEY] = (USER, _as_it_is)
        elif digests is not None:
            fields[semconv.USER_KEY] = (sources.user, lambda user, _: digests.of("user", user))
        if digests is not None:
            fields[semconv.CONVERSATION_KEY] = (sources.conversation, lambda said, _: digests.of("conversation", said))
        self._fields = [_Field(own, *fields.get(own, ((), _as_it_is))) for own in KEYS]
        self.asked = frozenset(versions).union(*([field.own, *field.sources] for field in self._fields))
        """The attributes that are asked."""
        self._chosen_among = lru_cache(maxsize=_CHOICES)(self._choose)

    def said(self, attributes: Attributes) -> Said:
        """Return what a scope or resource says."""
        asked = [key for key in attributes.keys() if key in self.asked]  # noqa: SIM118 - they are no dict
        return said(dict(zip(asked, attributes.get_all(asked), strict=True)))

    def resolve(self, said: Said, written: dict[str, Writable]) -> Dimensions:
        """Return whom an item is for of which all this is said, and put the attributes that say so into *written*."""
        found: list[str | None] = [None] * len(self._fields)
        for place, own, key, resolved in self._chosen_among(tuple(said)):
            found[place] = written[own] = resolved(said[key], said)[:_LONGEST]
        return Dimensions(*found)

    def _choose(self, asked: Sequence[str]) -> Sequence[_Chosen]:
        """Return each dimension that is known where all of *asked* is said, with what says it."""
        chosen: list[_Chosen] = []
        for place, (own, sources, resolved) in enumerate(self._fields):
            if own in asked:
                chosen.append((place, own, own, _as_it_is))
            elif key := _first(sources, asked):
                chosen.append((place, own, key, resolved))
        return chosen


def said(values: Mapping[str, Value], before: Said = _NOTHING) -> Said:
    """Return what was said *before*, and those values that name somebody, as texts: a text or a whole number does."""
    texts = {**before}
    for key, value in values.items():
        if value and type(value) is str:
            texts[key] = value
        elif type(value) is int:
            texts[key] = str(value)
    return texts


def _first(names: Sequence[str], said: Container[str]) -> str | None:
    return next((name for name in names if name in said), None)


def _as_it_is(value: str, _said: Said) -> str:
    return value
