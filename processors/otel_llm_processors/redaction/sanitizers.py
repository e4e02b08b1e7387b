"""Takes out of URLs what varies, and out of queries what they are about. Meant for few values, not against attacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm_processors.redaction.collector_config import DbSanitizerConfig, DbSystemConfig

__all__ = ["DbSanitizer", "sanitize_path"]

_SEGMENTS: Final = 10
"""Of a path, as many are kept."""
_WORD: Final = re.compile(r"[A-Za-z]+(?:[-_.][A-Za-z]+)*|v\d{1,2}")
_LONGEST_WORD: Final = 25
_VOWEL: Final = re.compile(r"(?i)[aeiouy]")
_MIN_SPOKEN: Final = 5
"""Letters in a row without a vowel that no word has."""
_LITERAL: Final = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$|\b(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\b|\b(?i:true|false|null)\b",
    re.DOTALL,
)
_JSON_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*"\s*:)|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\b(?:true|false|null)\b')


def sanitize_path(url: str) -> str:
    """Return a URL without its query, with `*` for each segment that is no word."""
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    scheme, mark, rest = path.partition("://")
    host, slash, path = rest.partition("/") if mark else ("", "", path)
    segments = path.split("/")[: _SEGMENTS + 1]
    return f"{scheme + mark + host + slash if mark else ''}{'/'.join(map(_segment, segments))}"


def _segment(segment: str) -> str:
    word = _WORD.fullmatch(segment) is not None and len(segment) <= _LONGEST_WORD
    spoken = len(segment) < _MIN_SPOKEN or _VOWEL.search(segment) is not None
    return segment if not segment or (word and spoken) else "*"


def _sql(query: str) -> str:
    return _LITERAL.sub("?", query)


def _command(text: str) -> str:
    """Redis: the command and its key stay, the rest does not."""
    words = text.split(" ", 2)
    return text if len(words) < 3 else " ".join((*words[:2], "?"))  # noqa: PLR2004 - command, key, arguments


def _first_line(text: str) -> str:
    return re.split(r"\r?\n", text, maxsplit=1)[0]


def _json(text: str) -> str:
    return _JSON_TOKEN.sub(lambda match: match[1] or '"?"', text)


_BY_SYSTEM: Final[dict[str, tuple[Callable[[str], str], frozenset[str]]]] = {
    "sql": (_sql, frozenset({"other_sql", "mysql", "postgresql", "mariadb", "sqlite"})),
    "redis": (_command, frozenset({"redis"})),
    "valkey": (_command, frozenset({"valkey"})),
    "memcached": (_first_line, frozenset({"memcached"})),
    "mongo": (_json, frozenset({"mongodb"})),
    "opensearch": (_json, frozenset({"opensearch"})),
    "es": (_json, frozenset({"elasticsearch"})),
}


class DbSanitizer:
    """Takes literals out of queries, by the kind of database."""

    def __init__(self, config: DbSanitizerConfig) -> None:
        self._enabled: list[tuple[Callable[[str], str], frozenset[str], frozenset[str]]] = []
        for name, (sanitize, systems) in _BY_SYSTEM.items():
            system: DbSystemConfig = getattr(config, name)
            if system.enabled:
                self._enabled.append((sanitize, systems, frozenset(system.attributes)))
        self._without_system = config.allow_fallback_without_system

    def __bool__(self) -> bool:
        return bool(self._enabled)

    def attribute(self, value: str, key: str, system: str) -> str:
        """Return an attribute's value without literals, where it is one of those named for its system."""
        for sanitize, systems, attributes in self._enabled:
            if key in attributes and (system in systems or (not system and self._without_system)):
                value = sanitize(value)
        return value

    def name(self, name: str, system: str) -> str:
        """Return a span's name without literals."""
        for sanitize, systems, _ in self._enabled:
            if system in systems:
                name = sanitize(name)
        return name

    def body(self, text: str) -> str:
        """Return a log record's text with all that is enabled done to it."""
        for sanitize, _, _ in self._enabled:
            text = sanitize(text)
        return text
