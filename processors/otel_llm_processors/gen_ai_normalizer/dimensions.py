"""Whom a call is for: read once, from wherever it is said, before anything is redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.digest import DigestConfig, DigestsProvider, is_key_in_environment, load_digests
from otel_llm.dimensions import Dimensions
from otel_llm.errors import ConfigError
from otel_llm.store.provider import StoreProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.attributes import Attributes
    from otel_llm.component import Settings
    from otel_llm.digest import Digests
    from otel_llm.item import Item
    from otel_llm_processors.gen_ai_normalizer.config import DimensionSources

__all__ = ["DimensionResolver", "digests_for"]

Said = dict[str, str]
"""Values by the attributes' names."""

_LONGEST: Final = 256
"""Characters of a dimension: budgets and rows keep no more."""


def digests_for(config: DigestConfig | None, settings: Settings) -> Digests | None:
    """Return the digests that whoever counts users here makes too; None where nobody would know the key.

    A key is only made where a store would keep what is digested. A key of an app's own would be worse than none: the
    gateway behind it takes a digest for what it is, and reserves by another.

    Raises:
        ConfigError: the key cannot be used, or is not that of the budgets.
    """
    place = f"processors.{settings.name}.digest"
    provider = settings.find(DigestsProvider)
    if config is not None:
        digests = load_digests(config, place)
        if provider is not None and provider.digests.key_id != digests.key_id:
            raise ConfigError(f"{place}: must be the key of the extension that has the budgets, or left out")
        return digests
    if provider is not None:
        return provider.digests
    if is_key_in_environment() or settings.find(StoreProvider) is not None:
        return load_digests(DigestConfig(), place)
    return None


class DimensionResolver:
    """Writes the dimensions of spans and log records as `otel_llm.*` attributes."""

    def __init__(self, sources: DimensionSources, digests: Digests | None) -> None:
        """Take the attributes to ask; without digests, users and conversations are as they came."""
        versions = sources.prompt_version

        def prompt(name: str, said: Said) -> str:
            version = _first(versions, said)
            return f"{name}@{version}" if version else name

        self._fields: list[tuple[str, str, Sequence[str], Callable[[str, Said], str]]] = [
            ("route", semconv.ROUTE, sources.route, _as_it_is),
            ("tenant", semconv.TENANT, sources.tenant, _as_it_is),
            ("environment", semconv.ENVIRONMENT, sources.environment, _as_it_is),
            ("prompt", semconv.PROMPT, sources.prompt, prompt),
            ("app_version", semconv.APP_VERSION, sources.app_version, _as_it_is),
            ("eval_id", semconv.EVAL_ID, sources.eval_id, _as_it_is),
            ("user_key", semconv.USER_KEY, (), _as_it_is),
            ("conversation_key", semconv.CONVERSATION_KEY, (), _as_it_is),
        ]
        if digests is not None:
            self._fields[-2:] = [
                ("user_key", semconv.USER_KEY, sources.user, lambda user, _: digests.of("user", user)),
                (
                    "conversation_key",
                    semconv.CONVERSATION_KEY,
                    sources.conversation,
                    lambda conversation, _: digests.of("conversation", conversation),
                ),
            ]
        self._asked = frozenset(versions).union(*([own, *names] for _, own, names, _ in self._fields))

    def resolve(self, item: Item) -> None:
        """Write what is known of *item*, if it is gen_ai."""
        scope = item.scope
        said = self._said(scope.resource) | self._said(scope) | self._said(item)
        if not said or not item.is_gen_ai:
            return
        found = {}
        for field, own, names, resolved in self._fields:
            value = said.get(own)
            if value is None:
                value = _first(names, said)
                if value is None:
                    continue
                value = resolved(value, said)
            found[field] = value[:_LONGEST]
        item.dimensions = Dimensions(**found)

    def _said(self, attributes: Attributes) -> Said:
        asked = self._asked.intersection(attributes.keys())
        if not asked:
            return {}
        values = attributes.get_all(asked).items()
        return {key: text for key, value in values if (text := _text(value))}


def _first(names: Sequence[str], said: Mapping[str, str]) -> str | None:
    return next((said[name] for name in names if name in said), None)


def _text(value: Any) -> str:
    """Return a text or a whole number as text; other values name nobody."""
    if type(value) is str:
        return value
    return str(value) if type(value) is int else ""


def _as_it_is(value: str, _said: Said) -> str:
    return value
