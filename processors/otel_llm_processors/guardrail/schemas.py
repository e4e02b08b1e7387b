"""Answers, and arguments of tools, that must follow a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson

from otel_llm.errors import ConfigError
from otel_llm.secret_file import watch_files
from otel_llm_processors.guardrail.config import EVERY
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from otel_llm.component import Settings
    from otel_llm.reload.files import Watched
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Schemas", "Validator", "watch_schemas"]


class Validator(Protocol):
    """A compiled schema. Threads may share it."""

    def is_valid(self, instance: Any) -> bool:
        """Tell whether a value follows the schema."""
        ...


class Schemas:
    """Validates the answers of routes."""

    def __init__(self, files: Mapping[str, Path], settings: Settings) -> None:
        self._validators = watch_schemas(files, "output.schemas", settings)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield that an answer is no JSON, or not as its route's schema wants it."""
        validators = self._validators.value
        validator = validators.get(call.item.dimensions.route or EVERY, validators.get(EVERY))
        if validator is None:
            return
        for answer in call.answers.values():
            try:
                value = orjson.loads(answer)
            except ValueError:
                yield Finding("schema.not_json", "output")
            else:
                if not validator.is_valid(value):
                    yield Finding("schema.invalid", "output")


def watch_schemas(files: Mapping[str, Path], place: str, settings: Settings) -> Watched[dict[str, Validator]]:
    """Return validators by the names of their files, read again when these change.

    Raises:
        ConfigError: a file cannot be read, or is no JSON Schema.
    """

    def compiled(*contents: bytes) -> dict[str, Validator]:
        return dict(zip(files, [_validator(content, place) for content in contents], strict=True))

    return watch_files(settings.watch, compiled, {f"{place}.{name}": path for name, path in files.items()})


def _validator(content: bytes, place: str) -> Validator:
    try:
        import jsonschema_rs  # the extra may not be installed
    except ModuleNotFoundError:
        raise ConfigError("schemas need jsonschema-rs: pip install 'otel-llm[guardrail]'") from None
    try:
        # Patterns in linear time, and nothing fetched from anywhere.
        validator: Validator = jsonschema_rs.validator_for(
            orjson.loads(content), pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        raise ConfigError(f"{place}: a file is no JSON Schema, or refers to what is elsewhere") from None
    return validator
