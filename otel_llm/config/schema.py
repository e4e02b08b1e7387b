"""What a config type says about itself: which keys there are, of which type, what they default to and mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import EnumType
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, SecretStr

from otel_llm.units import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from otel_llm.config.document import Path as Place

__all__ = ["Field", "describe", "keys_at", "type_at"]

_LISTS: Final = (list, tuple, set, frozenset)
_WORDS: Final = {
    bool: ["true", "false"],
    int: ["whole number"],
    float: ["number"],
    str: ["text"],
    SecretStr: ["text"],
    Path: ["path"],
    NoneType: ["null"],
}


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a config, as documentation shows it."""

    path: str
    """`sending_queue.num_consumers`; `[]` stands for any entry of a list, `<name>` for any key of a mapping."""
    type: str
    default: str
    """As one would write it, or `required`. Empty for a mapping: its own fields have defaults."""
    description: str


def describe(config: type[BaseModel]) -> list[Field]:
    """Return every key of a config type, those of nested ones too, in the order of the source."""
    return list(_describe(config, "", ()))


def type_at(config: type[BaseModel], place: Place) -> str:
    """Return the words for what is expected at *place*; empty where nothing is known about it."""
    return _type(*_annotations_at(config, place))


def keys_at(config: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the mapping at *place* may have."""
    models = [model for found in _annotations_at(config, place) for model, _ in _models(found)]
    return [key for model in models for name, field in model.model_fields.items() for key in _keys(name, field)]


def _describe(config: type[BaseModel], prefix: str, outer: tuple[type[BaseModel], ...]) -> Iterator[Field]:
    for name, field in config.model_fields.items():
        annotation = _annotation(field)
        path = prefix + _keys(name, field)[0]
        yield Field(path, _type(annotation), _default(field), field.description or "")
        for model, steps in _models(annotation, nested=True):
            if model not in (*outer, config):
                yield from _describe(model, f"{path}{steps}.", (*outer, config))


def _keys(name: str, field: FieldInfo) -> list[str]:
    """Return how YAML may call the field; the first is how it should."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [alias if isinstance(alias, str) else name]


def _annotation(field: FieldInfo) -> Any:
    """Return the field's type as it was written: pydantic keeps the type and what annotates it apart."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _alternatives(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union; a type that is none as it is."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _alternatives(member)
    elif origin is Annotated and get_origin(get_args(annotation)[0]) in (Union, UnionType):
        yield from _alternatives(get_args(annotation)[0])
    else:
        yield annotation


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _annotations_at(annotation: Any, place: Place) -> Iterator[Any]:
    if not place:
        yield annotation
        return
    first, *rest = place
    for alternative in map(_bare, _alternatives(annotation)):
        for inner in _step(alternative, first):
            yield from _annotations_at(inner, tuple(rest))


def _step(annotation: Any, part: str | int) -> Iterator[Any]:
    """Yield the type of what stands under a key or at a position."""
    if _is_model(annotation):
        for name, field in annotation.model_fields.items():
            if part in _keys(name, field):
                yield _annotation(field)
    elif inner := get_args(annotation):
        yield inner[-1] if isinstance(part, str) else inner[0]


def _models(annotation: Any, *, nested: bool = False, steps: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the config types that a value may be of, or if *nested* hold, and the steps to there."""
    for alternative in map(_bare, _alternatives(annotation)):
        origin, inner = get_origin(alternative), get_args(alternative)
        if _is_model(alternative):
            yield alternative, steps
        elif nested and origin is dict:
            yield from _models(inner[1], nested=True, steps=f"{steps}.<name>")
        elif nested and origin in _LISTS:
            yield from _models(inner[0], nested=True, steps=f"{steps}[]")


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type(*annotations: Any) -> str:
    """Return the words for what is of any of these types."""
    words = [word for each in annotations for alternative in _alternatives(each) for word in _words(alternative)]
    *most, last = dict.fromkeys(words) or [""]
    return f"{', '.join(most)} or {last}" if most else last


def _words(annotation: Any) -> list[str]:
    bare, origin, inner = _bare(annotation), get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        read_as_duration = any(getattr(each, "func", None) is parse_duration for each in inner)
        return ["duration"] if read_as_duration else _words(bare)
    if origin is Literal or isinstance(annotation, EnumType):
        return [_text(choice) for choice in inner or annotation]
    if origin in _LISTS:
        return [f"list of {_type(inner[0])}"]
    if origin is dict or _is_model(annotation):
        return ["mapping"]
    return _WORDS.get(annotation, ["value"])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, int | float) and "duration" in _type(_annotation(field)):
        return format_duration(value)
    return _text(value)


def _text(value: Any) -> str:
    """Write a value as one would in a config."""
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, str | Path | SecretStr):
        return str(value)
    return json.dumps(value, default=lambda part: part.model_dump() if isinstance(part, BaseModel) else list(part))
