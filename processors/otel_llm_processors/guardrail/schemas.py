"""Answers that must follow a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from otel_llm.errors import ConfigError
from otel_llm.secret_file import watch_files
from otel_llm_processors.guardrail.config import EVERY
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from otel_llm.component import Settings
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Schemas"]


class Schemas:
    """Validates the answers of routes. The files are read again when they change."""

    def __init__(self, files: Mapping[str, Path], settings: Settings) -> None:
        """Compile the schemas.

        Raises:
            ConfigError: a file cannot be read, or is no JSON Schema.
        """
        self._routes = tuple(files)
        places = {f"output.schemas.{route}": path for route, path in files.items()}
        self._validators = watch_files(settings.watch, self._compile, places)

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

    def _compile(self, *contents: bytes) -> dict[str, Any]:
        return dict(zip(self._routes, map(_validator, contents), strict=True))


def _validator(content: bytes) -> Any:
    try:
        import jsonschema_rs  # the extra may not be installed
    except ModuleNotFoundError:
        raise ConfigError("schemas need jsonschema-rs: pip install 'otel-llm[guardrail]'") from None
    try:
        # Patterns in linear time, and nothing fetched from anywhere.
        return jsonschema_rs.validator_for(
            orjson.loads(content), pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        raise ConfigError("output.schemas: a file is no JSON Schema, or refers to what is elsewhere") from None
