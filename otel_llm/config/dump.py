"""Shows the config that is in force: what was written, with every default, and without secrets."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel, SecretStr

from otel_llm.config.schema import type_at
from otel_llm.registry import SECTIONS

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from otel_llm.config.loader import HostConfig

__all__ = ["REDACTED", "dump_config"]

REDACTED: Final = "[REDACTED]"
"""Stands where a secret was, whatever it was."""


def dump_config(config: HostConfig) -> str:
    """Return YAML that reads as the same config, once secrets are put back in."""
    sections: dict[str, Any] = {
        kind.section: {name: _plain(component.config) for name, component in getattr(config, kind.section).items()}
        for kind in SECTIONS
    }
    sections["service"] = _plain(config.service)
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    """Return a value of a config as it would be written."""
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, BaseModel):
        return {
            field.alias or name: _field(value, name)
            for name, field in type(value).model_fields.items()
            if not _left_out(field, getattr(value, name))
        }
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    return value if isinstance(value, bool | int | float | None) else str(value)


def _field(model: BaseModel, name: str) -> Any:
    value = getattr(model, name)
    if isinstance(value, float) and "duration" in type_at(type(model), (name,)):
        return f"{Decimal(repr(value)).normalize():f}s"
    return _plain(value)


def _left_out(field: FieldInfo, value: Any) -> bool:
    """Tell whether a key is not written: written without a value, some keys mean something else."""
    return value is None and not field.is_required() and field.get_default() is None
