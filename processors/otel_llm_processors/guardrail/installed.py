"""Detectors that are installed: their settings, and themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from otel_llm.component import Config
from otel_llm.config.validation import sentence
from otel_llm.errors import ConfigError
from otel_llm.registry import Kind, Registry, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import InitErrorDetails

    from otel_llm.component import Factory, Settings
    from otel_llm.detectors import TextDetector

__all__ = ["make_detectors", "read_detectors"]

_ID: Final = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME: Final = re.compile(rf"[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?:/{_ID})?")
_RULE: Final = re.compile(_ID)


def read_detectors(raw: Any) -> Any:
    """Return the settings of each detector in its own type, so that they are checked, shown and compared as others."""
    if not isinstance(raw, dict):
        return raw
    registry = Registry()
    read: dict[Any, Any] = {}
    problems: list[InitErrorDetails] = []
    for name, settings in raw.items():
        if isinstance(settings, Config):
            read[name] = settings
            continue
        try:
            factory = _factory(registry, name)
            read[name] = factory.config.model_validate({} if settings is None else settings)
        except ConfigError as error:
            problems.append(_problem((name,), str(error)))
        except ValidationError as error:
            problems += _below(name, factory.config, error)
    if problems:
        raise ValidationError.from_exception_data("detectors", problems)
    return read


def make_detectors(configs: Mapping[str, Config], settings: Settings) -> dict[str, TextDetector]:
    """Return the detectors by their names.

    Raises:
        ConfigError: one cannot be made, or its rules are no ids.
    """
    registry = Registry()
    made: dict[str, TextDetector] = {}
    for name, config in configs.items():
        factory = registry.load(Kind.DETECTOR, type_of(name))
        made[name] = factory.create(config, replace(settings, name=name))
        if not all(map(_RULE.fullmatch, made[name].rules)):
            raise ConfigError(f"detectors.{name}: names a rule that is no id in lower case")
    return made


def _factory(registry: Registry, name: Any) -> Factory[Any, TextDetector]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError("must be a type or type/name, of lower case, digits and _ (in names also - and .)")
    return registry.load(Kind.DETECTOR, type_of(name))


def _below(name: str, config: type[Config], error: ValidationError) -> Iterator[InitErrorDetails]:
    """Yield what is wrong with the settings of one detector, with its place."""
    for problem in error.errors(include_url=False, include_input=False):
        place = problem["loc"]
        said = sentence(config, place, problem)
        if problem["type"] == "missing":
            place, said = place[:-1], f"{place[-1]} is required"  # what is not there has no line
        yield _problem((name, *place), said)


def _problem(place: tuple[int | str, ...], said: str) -> InitErrorDetails:
    return {"type": "value_error", "loc": place, "input": None, "ctx": {"error": ValueError(said)}}
