"""Validates a part of a config, and says what is wrong with it in sentences that never hold a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from otel_llm.config.schema import keys_at, type_at
from otel_llm.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic_core import ErrorDetails

    from otel_llm.config.document import Document, Path

__all__ = ["sentence", "validate"]

M = TypeVar("M", bound=BaseModel)

_SENTENCES: Final = {
    "missing": "is required",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}
"""What to say for a type of error of pydantic's. For any other: which type is expected."""


def validate(model: type[M], document: Document, path: Path = ()) -> M | None:
    """Read the settings at *path*; nothing there is the same as an empty mapping.

    Returns:
        The settings. None if anything is wrong with them: it has then been reported to *document*.
    """
    node = document.at(path)
    data = {} if node is None or node.value is None else node.data
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            place = _place(data, each)
            document.report((*path, *place), sentence(model, place, each, document.secrets))
    return None


def _place(data: Any, error: ErrorDetails) -> Path:
    """Return where in *data* the error is: pydantic's place has names of validators and union members in it too."""
    place: list[str | int] = []
    for part in error["loc"]:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and part in range(len(data))):
            data = data[part]  # type: ignore[index]  # a position in a list, a key in a dict
            place.append(part)
    if error["type"] == "missing":
        place.append(error["loc"][-1])
    return tuple(place)


def sentence(model: type[BaseModel], place: Path, error: ErrorDetails, secrets: Collection[str] = ()) -> str:
    """Return what is wrong at a place in the settings of a component, without what is written there."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = keys_at(model, place[:-1])
        return f"unknown key{did_you_mean(str(place[-1]), known)}"
    if kind == "value_error":
        return _without(secrets, str(context["error"]))
    if kind in _SENTENCES:
        return _SENTENCES[kind].format_map(context)
    expected = type_at(model, place)
    return f"expected {expected}" if expected else "not valid"


def _without(secrets: Collection[str], text: str) -> str:
    """Return a component's own sentence, unless it repeats, as a word, what came from the environment."""
    repeated = any(re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text) for secret in secrets if secret)
    return "not valid" if repeated else text
