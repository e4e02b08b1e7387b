"""The redaction processor."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar, Final

from otel_llm import semconv
from otel_llm.component import Applies, OnError, Processor
from otel_llm.detection import UNSCANNED
from otel_llm_processors.redaction.collector import CollectorRedaction
from otel_llm_processors.redaction.markers import Markers, unscanned
from otel_llm_processors.redaction.replacement import Replacements
from otel_llm_processors.redaction.selection import selected_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.component import Settings
    from otel_llm.detection import Finding, Rule
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.resource import Resource
    from otel_llm.span import Span
    from otel_llm.text import Text
    from otel_llm_processors.redaction.config import RedactionConfig

__all__ = ["RedactionProcessor"]

CONTENT: Final = frozenset(
    {
        semconv.GEN_AI_INPUT_MESSAGES,
        semconv.GEN_AI_OUTPUT_MESSAGES,
        semconv.GEN_AI_SYSTEM_INSTRUCTIONS,
        semconv.GEN_AI_TOOL_DEFINITIONS,
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS,
        semconv.GEN_AI_TOOL_CALL_RESULT,
    }
)
_log = logging.getLogger(__name__)
_policies: dict[str, str] = {}
"""By the processor's name, the policy that was logged last: every thread has a processor, and one line is enough."""
_BLOCKED: Final = "blocked"
"""Stands for a rule's id where a setting of the Collector's asked for it."""
_MIN_RECURRING: Final = 8
"""Characters of a secret that is removed wherever it stands again: a shorter one is part of other words."""
_IDENTIFIER_KEY: Final = re.compile(
    r"(?i)(?:^|[._-])(?:id|ids|uuid|model|version|time|timestamp|date|tokens?|cost|count|seed|fingerprint|hash|digest)$"
)
_IDENTIFIER: Final = re.compile(
    r"[0-9a-fA-F]{8,64}|[0-9a-fA-F-]{36}|[a-z]{2,16}[_-][A-Za-z0-9_-]{4,80}|[0-9T:.Z+-]{8,40}"
)
_UNCHECKED: Final = frozenset({"phone", "passport", "driving-licence", "date-of-birth"})
"""Types without a check of their own: in what is named and shaped like an identifier they are chance."""


class RedactionProcessor(Processor):
    """Replaces what rules find, wherever a text can stand."""

    on_error: ClassVar[OnError] = "drop"
    applies_to: ClassVar[Applies] = "all"

    def __init__(self, config: RedactionConfig, settings: Settings) -> None:
        self._name = settings.name
        self._config = config
        only_collector = bool(config.compat) and "rules" not in config.model_fields_set
        self._rules = () if only_collector else selected_rules(config.rules)
        self._labels = {rule.id: rule.label for rule in self._rules}
        self._known = frozenset(self._labels.values())
        self._collector = CollectorRedaction(config, self._known) if config.asks_collector else None
        self._tells = not config.compat
        self._recurring = frozenset(
            rule.id for rule in self._rules if rule.category == "secret" and ("(" in rule.expression.replace("(?", ""))
        )
        replacements = Replacements(config)
        self._replace = replacements.replace
        self._digest = replacements.digest
        self.remembered_texts = config.content_cache
        self.longest_text = config.max_value_bytes
        content = config.content
        self._content = content
        self._has_modes = content.mode != "redact" or bool(content.routes or content.environments or content.retention)
        self.only_findings = not self._has_modes and self._collector is None
        self._contents = settings.meter.counter("redaction_content", "Items by content mode.", ["mode"]).labels
        # One series for each rule that has fired: to look it up costs more than to count.
        self._found = lru_cache(len(self._rules) + 2)(
            settings.meter.counter("redaction_findings", "Values replaced.", ["rule"]).labels
        )
        self._unscanned = settings.meter.counter("redaction_unscanned", "Texts not scanned.", ["reason"]).labels

    def rules(self) -> Sequence[Rule]:
        """Return the rules that the config selects."""
        return self._rules

    def start(self) -> None:
        """Write into the log by what policy is redacted, unless the one before of this name was the same."""
        config = self._config
        said = "\0".join((config.model_dump_json(), *(rule.model_dump_json() for rule in self._rules)))
        policy = blake2b(said.encode(), digest_size=8).hexdigest()
        if _policies.get(self._name) != policy:
            _policies[self._name] = policy
            _log.info(
                "%s: policy %s: %d rules, replaces by %s, content %s", self._name, policy, len(self._rules),
                config.replace, config.content.mode,
            )  # fmt: skip

    def process_resource(self, resource: Resource, /) -> None:
        """Redact a resource or a scope."""
        self._redact(resource)

    def process_span(self, span: Span, /) -> None:
        """Redact a span with its events and links."""
        self._process(span)

    def process_log(self, record: LogRecord, /) -> None:
        """Redact a log record."""
        self._process(record)

    def _process(self, item: Item) -> None:
        keep = self._apply_mode(item) if self._has_modes else frozenset()
        fired, failed = self._redact(item, keep)
        if not fired and not failed:
            return
        earlier = item.get(semconv.REDACTION_RULES)
        rules = {*(earlier if isinstance(earlier, list) else ()), *fired}
        before = item.get_str(semconv.REDACTION_STATUS)
        item.update(
            {
                semconv.REDACTION_COUNT: (item.get_int(semconv.REDACTION_COUNT) or 0) + len(fired),
                semconv.REDACTION_RULES: sorted(rules),
                semconv.REDACTION_STATUS: "partial" if failed or before == "partial" else "ok",
            }
        )

    def _apply_mode(self, item: Item) -> frozenset[str]:
        """Do what the content mode says; return the attributes that are to be kept as they are."""
        content, dimensions = self._content, item.dimensions
        mode = content.routes.get(dimensions.route or "") or content.environments.get(dimensions.environment or "")
        mode = mode or content.mode
        self._contents(mode).inc()
        if item.is_gen_ai and mode in content.retention:
            item.set(semconv.RETENTION, content.retention[mode])
        if mode == "keep":
            return CONTENT
        if mode != "redact":
            for key in CONTENT:
                text = item.get(key)
                if mode == "drop":
                    item.remove(key)
                elif text is not None and not str(text).startswith("[REDACTED:content"):
                    item.set(key, f"[REDACTED:content:{self._digest(str(text), 'content')}]")
        return frozenset()

    def _redact(self, holder: Item | Resource, keep: frozenset[str] = frozenset()) -> tuple[list[str], int]:
        """Redact all texts; return the ids of the rules that fired, once for each place, and how much was not seen."""
        fired: list[str] = []
        found: list[str] = []
        values: dict[str, str] = {}
        failed = 0
        collector = self._collector
        if collector is not None:
            changed = collector.apply(holder)
            self._found(_BLOCKED).inc(changed)
            if self._tells:
                fired += [_BLOCKED] * changed
        for text, findings in holder.found(self.longest_text):
            if text.key in keep or (collector is not None and collector.ignores(text)):
                continue
            if findings:
                failed += self._redact_text(text, findings, found, values)
            else:
                self._blank(text, "oversize")
                failed += 1
        if values:
            self._redact_again(holder, keep, values, found)
        for rule in found:
            self._found(rule).inc()
        return fired + found, failed

    def _redact_text(self, text: Text, findings: Sequence[Finding], fired: list[str], values: dict[str, str]) -> int:
        said = _said(text)
        for finding in findings:
            if finding.rule.startswith(UNSCANNED):
                self._blank(text, finding.rule.removeprefix(UNSCANNED))
                return 1
        markers = Markers(said, self._known)
        parts: list[str] = []
        position = 0
        for start, end, rule in _merged(self._relevant(text, said, findings, markers)):
            found = said[start:end]
            label = self._labels[rule]
            replacement = self._replace(found, label)
            parts += said[position:start], replacement
            position = end
            fired.append(rule)
            if rule in self._recurring and len(found) >= _MIN_RECURRING:
                values[found] = replacement
        if parts:
            _write(text, "".join((*parts, said[position:])))
        return 0

    def _relevant(self, text: Text, said: str, findings: Iterable[Finding], markers: Markers) -> Iterator[Finding]:
        is_identifier = _IDENTIFIER.fullmatch(said) is not None and _IDENTIFIER_KEY.search(text.key) is not None
        for finding in findings:
            label = self._labels.get(finding.rule)
            if label is None or (finding.start, finding.end) in markers:
                continue  # another processor's rule, or a marker
            if is_identifier and label in _UNCHECKED:
                continue
            if self._collector is not None and self._collector.allows(said, finding.start, finding.end):
                continue
            yield finding

    def _redact_again(
        self, holder: Item | Resource, keep: frozenset[str], values: dict[str, str], fired: list[str]
    ) -> None:
        """Remove what was found by its surroundings wherever it stands without them."""
        longest_first = sorted(values, key=len, reverse=True)
        for text in holder.texts():
            if text.key in keep or (self._collector is not None and self._collector.ignores(text)):
                continue
            changed = said = _said(text)
            for found in longest_first:
                if found in changed:
                    changed = changed.replace(found, values[found])
                    fired.append("recurring")
            if changed != said:
                _write(text, changed)

    def _blank(self, text: Text, reason: str) -> None:
        _write(text, unscanned(reason))
        self._unscanned(reason).inc()


def _said(text: Text) -> str:
    """Return a text; bytes with one character for each, as `_write` takes them."""
    return text.value if isinstance(text.value, str) else text.value.decode("latin-1")


def _write(text: Text, said: str) -> None:
    text.replace(said if isinstance(text.value, str) else said.encode("latin-1", "replace"))


def _merged(findings: Iterable[Finding]) -> Iterator[tuple[int, int, str]]:
    """Yield stretches that do not overlap, each with the rule that is surest of it: no tail of a finding is left."""
    merged: list[tuple[int, int, Finding]] = []
    for finding in sorted(findings, key=lambda each: (each.start, each.end)):
        if merged and finding.start < merged[-1][1]:
            start, end, best = merged[-1]
            merged[-1] = (start, max(end, finding.end), max(best, finding, key=_sureness))
        else:
            merged.append((finding.start, finding.end, finding))
    return ((start, end, best.rule) for start, end, best in merged)


def _sureness(finding: Finding) -> tuple[float, int, str]:
    return finding.score, finding.end - finding.start, finding.rule
