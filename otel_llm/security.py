"""What works with a config but is not safe: warnings, and errors with `--strict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.component import Config
from otel_llm.config.document import dotted
from otel_llm.endpoint import is_loopback
from otel_llm.errors import ConfigError
from otel_llm.registry import SECTIONS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_llm.component import Endpoint
    from otel_llm.config import HostConfig
    from otel_llm.config.document import Path

__all__ = ["check"]

_RECEIVERS: Final = f"{Kind.RECEIVER.section}."


def check(config: HostConfig, endpoints: Iterable[Endpoint], *, strict: bool = False) -> list[str]:
    """Return a warning, with its place, for everything that is not safe.

    Args:
        config: One whose components have been built: what its files hold is usable.
        endpoints: Where those components listen.
        strict: Whether what is not safe is wrong.

    Raises:
        ConfigError: with all of it, where *strict*.
    """
    found = [f"{dotted(path)}: {weakness}" for path, part in _parts(config) for weakness in part.weaknesses()]
    found += [_exposed(endpoint) for endpoint in endpoints if not (endpoint.protected or is_loopback(endpoint.host))]
    if strict and found:
        raise ConfigError(*found)
    return found


def _exposed(endpoint: Endpoint) -> str:
    what = (
        "takes what anybody sends: add auth, or tls with client_ca_file"
        if endpoint.name.startswith(_RECEIVERS)
        else "answers anybody who asks"
    )
    return f"{endpoint.name}: {endpoint} is open to other machines and {what}"


def _parts(config: HostConfig) -> Iterator[tuple[Path, Config]]:
    for kind in SECTIONS:
        components = getattr(config, kind.section)
        for name, component in components.items():
            yield from _nested(component.config, (kind.section, name))


def _nested(value: object, path: Path) -> Iterator[tuple[Path, Config]]:
    """Yield every part of some settings with its place, the settings themselves first."""
    if isinstance(value, Config):
        yield path, value
        for name, inner in value:
            yield from _nested(inner, (*path, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _nested(inner, (*path, name))
    elif isinstance(value, tuple | list):
        for position, inner in enumerate(value):
            yield from _nested(inner, (*path, position))
