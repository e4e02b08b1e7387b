"""What the settings of the Collector's `redaction` processor ask for.

Each attribute is, in this order: ignored; removed if it is not allowed; left if its value is allowed; masked whole for
its key; masked where its value is blocked; and sanitised as a URL or a query.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Final

from otel_llm.detection.segment import every_reading
from otel_llm.span import Span
from otel_llm_processors.redaction.linear import compile_linear
from otel_llm_processors.redaction.markers import Markers
from otel_llm_processors.redaction.sanitizers import DbSanitizer, sanitize_path
from otel_llm_processors.redaction.summary import SUMMARIES, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_llm.attributes import Attributes, Value
    from otel_llm.item import Item
    from otel_llm.resource import Resource
    from otel_llm.text import Text
    from otel_llm_processors.redaction.collector_config import CollectorConfig
    from otel_llm_processors.redaction.linear import Linear

__all__ = ["CollectorRedaction"]

_MASK: Final = "****"
_ATTRIBUTE: Final = re.compile(r"(events\[\d+\]\.|)(?:resource\.|scope\.)?attributes\[\d+\]\.value\.string_value")
_OURS: Final = "otel_llm."
_CLIENT_SERVER: Final = frozenset({2, 3})
"""OTLP's SpanKind."""
_INTERNAL: Final = 1
_WORD_END: Final = re.compile(r"[\s\"'`,;<>(){}\[\]|\\]")


class CollectorRedaction:
    """Removes and masks by keys and by patterns of the config's own."""

    def __init__(self, config: CollectorConfig, labels: frozenset[str]) -> None:
        """Take the settings, and the types that markers name."""
        self._labels = labels
        self._compat = config.compat == "otelcol"
        keeps_all = config.allow_all_keys
        if keeps_all is None:
            keeps_all = not self._compat and not config.allowed_keys
        self._allowed_keys = None if keeps_all else SUMMARIES.union(config.allowed_keys)
        self._ignored_keys = frozenset(config.ignored_keys)
        self._ignored_patterns = _compiled(config.ignored_key_patterns)
        self._blocked_keys = _compiled(config.blocked_key_patterns)
        self._blocked = _compiled(config.blocked_values)
        self._allowed = _compiled(config.allowed_values)
        self._without_blocked = self._all_blocked if self._compat else self._blocked_in_strings
        self._all_types = config.redact_all_types
        self._mask = _masking(config)
        self._summary = config.summary
        self._urls = frozenset(config.url_sanitizer.attributes)
        self._url = config.url_sanitizer.enabled
        self._url_names = self._url and config.url_sanitizer.sanitize_span_name
        self._db = DbSanitizer(config.db_sanitizer)
        self._db_names = bool(self._db) and config.db_sanitizer.sanitize_span_name

    def ignores(self, text: Text) -> bool:
        """Tell whether a text is in an attribute that is not looked at."""
        return text.kind == "value" and "kvlist_value" not in text.path and self._ignores_key(text.key)

    def allows(self, said: str, start: int, end: int) -> bool:
        """Tell whether a stretch is part of something that `allowed_values` names, within one word.

        A pattern that is written as `.+@example.com` would otherwise reach back over all that stands before.
        """
        if not self._allowed:
            return False
        before = [match.end() for match in _WORD_END.finditer(said, max(start - 256, 0), start)]
        behind = _WORD_END.search(said, end)
        first = before[-1] if before else max(start - 256, 0)
        word = said[first : behind.start() if behind else len(said)]
        return any(
            match.start() + first <= start and end <= match.end() + first
            for pattern in self._allowed
            for match in pattern.finditer(word)
        )

    def apply(self, holder: Item | Resource) -> int:
        """Do all of it on a span with its events, a log record, a resource or a scope; return how many were changed."""
        maps: dict[str, Attributes] = {"": holder}
        if isinstance(holder, Span):
            maps |= {f"events[{place}].": event for place, event in enumerate(holder.events)}
        summaries = {prefix: self._keys(attributes) for prefix, attributes in maps.items()}
        body = Summary("body.")
        systems = {prefix: _db_system(attributes) for prefix, attributes in maps.items()}
        others = 0
        for text in holder.texts():
            attribute = _ATTRIBUTE.fullmatch(text.path)
            if attribute and isinstance(text.value, str):
                self._attribute(text, text.value, systems[attribute[1]], summaries[attribute[1]])
            elif text.path.startswith("body."):
                self._body(text, body)
            elif self._is_looked_at(text):
                others += self._other(text)
        if isinstance(holder, Span):
            others += self._name(holder)
            maps |= {f"events[{place}].": event for place, event in enumerate(holder.events)}
        for prefix, summary in summaries.items():
            summary.write(maps[prefix], self._summary)
        body.write(holder, self._summary)
        return others + sum(summary.changed for summary in (*summaries.values(), body))

    def _keys(self, attributes: Attributes) -> Summary:
        """Remove what is not allowed, and mask what is no string; return what became of it."""
        summary = Summary()
        for key in attributes.keys():  # noqa: SIM118 - no dict
            if self._ignores_key(key):
                summary.ignored.append(key)
            elif self._removes(key):
                attributes.remove(key)
                summary.redacted.append(key)
            elif (value := attributes.get(key)) == "" or not isinstance(value, str | None):
                self._no_text(attributes, key, value, summary)
        return summary

    def _no_text(self, attributes: Attributes, key: str, value: Value, summary: Summary) -> None:
        """Do the same to what is no text to be walked: numbers, lists, maps, and texts without anything in them."""
        said = _as_string(value) if self._all_types else ""
        if self._is_allowed(said):
            summary.allowed.append(key)
            return
        masked = self._whole(said) if self._blocks_key(key) else self._without_blocked(said)
        if masked != said:
            attributes.set(key, masked)
            summary.masked.append(key)

    def _attribute(self, text: Text, said: str, system: str, summary: Summary) -> None:
        key = text.key
        if self._ignores_key(key) or key in SUMMARIES:
            return
        if self._is_allowed(said):
            summary.allowed.append(key)
            return
        if self._blocks_key(key):
            masked = self._whole(said)
        else:
            masked = self._without_blocked(said)
            if self._url and key in self._urls:
                masked = sanitize_path(masked)
            masked = self._db.attribute(masked, key, system)
        if masked != said:
            text.replace(masked)
            summary.masked.append(key)

    def _body(self, text: Text, summary: Summary) -> None:
        """Do the same to what stands in a log record's body, at any depth."""
        key = text.key or "body"
        said = text.value
        if text.kind == "key":
            if not self._ignores_key(key) and self._removes(key):
                text.remove()
                summary.redacted.append(key)
        elif isinstance(said, str) and not (text.key and self._removes(key)):
            if self._ignores_key(key):
                summary.ignored.append(key)
            elif text.key and self._blocks_key(key):
                text.replace(self._whole(said))
                summary.masked.append(key)
            elif self._is_allowed(said):
                summary.allowed.append(key)
            else:
                masked = self._without_blocked(said)
                masked = self._db.body(sanitize_path(masked) if self._url else masked)
                if masked != said:
                    text.replace(masked)
                    summary.masked.append(key)

    def _is_looked_at(self, text: Text) -> bool:
        """Tell whether a text is one that the Collector does not look at, but this program does.

        With `compat`, names and keys stay: what reads them expects them as they were.
        """
        if self.ignores(text):
            return False
        return not self._compat or text.kind == "value" or text.path == "status.message"

    def _other(self, text: Text) -> int:
        said = text.value if isinstance(text.value, str) else text.value.decode("latin-1")
        if self._is_allowed(said):
            return 0
        blocked = text.kind == "value" and self._blocks_key(text.key)
        masked = self._whole(said) if blocked else self._without_blocked(said)
        if masked != said:
            text.replace(masked if isinstance(text.value, str) else masked.encode("latin-1", "replace"))
        return masked != said

    def _name(self, span: Span) -> int:
        name, system = span.name, _db_system(span)
        if self._is_allowed(name):
            return 0
        if self._url_names and span.kind in _CLIENT_SERVER and "/" in name:
            method, space, path = name.rpartition(" ")
            sanitized = sanitize_path(path)
            if sanitized.strip("/*"):
                span.name = f"{method}{space}{sanitized}"
        if self._db_names and system and span.kind in {*_CLIENT_SERVER, _INTERNAL}:
            span.name = self._db.name(span.name, system)
        return span.name != name

    def _ignores_key(self, key: str) -> bool:
        return key in self._ignored_keys or any(pattern.search(key) for pattern in self._ignored_patterns)

    def _removes(self, key: str) -> bool:
        if self._allowed_keys is None or key in self._allowed_keys:
            return False
        return self._compat or not key.startswith(_OURS)

    def _blocks_key(self, key: str) -> bool:
        return any(pattern.search(key) for pattern in self._blocked_keys)

    def _is_allowed(self, said: str) -> bool:
        return self._compat and any(pattern.search(said) for pattern in self._allowed)

    def _whole(self, said: str) -> str:
        return "\n".join(map(self._mask, said.split("\n"))) if self._compat else self._mask(said)

    def _all_blocked(self, said: str) -> str:
        """Mask as the Collector does: pattern by pattern, JSON or not."""
        for pattern in self._blocked:
            if pattern.search(said):
                said = pattern.sub(lambda match: self._mask(match[0]), said)
        return said

    def _blocked_in_strings(self, said: str) -> str:
        """Mask in JSON's strings alone, through disguises, sparing what is allowed and what is masked already."""
        found: list[tuple[int, int, str]] = []
        for segment in every_reading(said) if self._blocked else ():
            text = segment.view.text
            for pattern in self._blocked:
                for match in pattern.finditer(text):
                    if match[0] and match[0] != _MASK and not self.allows(text, *match.span()):
                        mask = self._mask(match[0])
                        found += ((start, end, mask) for start, end in segment.original(*match.span()))
        markers = Markers(said, self._labels) if found else ()
        parts: list[str] = []
        position = 0
        for start, end, mask in sorted(found):
            if (start, end) not in markers and end > position:
                parts += said[position:start], "" if start < position else mask
                position = end
        return "".join((*parts, said[position:]))


def _compiled(patterns: Iterable[str]) -> Sequence[Linear]:
    return [compile_linear(pattern) for pattern in patterns]


def _masking(config: CollectorConfig) -> Callable[[str], str]:
    name = config.hash_function
    if not name:
        return lambda _: _MASK
    if name.startswith("hmac-"):
        key = config.hmac_key.get_secret_value().encode() if config.hmac_key else b""
        return lambda said: hmac.new(key, said.encode("utf-8", "replace"), name.removeprefix("hmac-")).hexdigest()
    algorithm = "sha3_256" if name == "sha3" else name
    return lambda said: hashlib.new(algorithm, said.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _db_system(attributes: Attributes) -> str:
    """Semantic conventions, "Database spans": the name since v1.30, and the one before."""
    system = attributes.get_str("db.system.name") or attributes.get_str("db.system") or ""
    return system.lower()


def _as_string(value: Value) -> str:
    """Return a value as the Collector compares it: text as it is, bytes in base64, lists and maps as JSON."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return json.dumps(value, separators=(",", ":"), default=_as_string)
