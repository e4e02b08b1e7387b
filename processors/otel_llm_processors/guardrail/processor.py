"""The guardrail processor."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm.detection import UNSCANNED
from otel_llm.detectors import SAID_BY_OTHERS
from otel_llm.digest import load_digests
from otel_llm.span import Span
from otel_llm_processors.guardrail.answers import AllowedDomains, AllowedValues, find_content_filter
from otel_llm_processors.guardrail.canaries import Canaries
from otel_llm_processors.guardrail.citations import Citations, documents_by_trace
from otel_llm_processors.guardrail.content import Call
from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.installed import make_detectors
from otel_llm_processors.guardrail.invisible import Invisible
from otel_llm_processors.guardrail.judging import Judges
from otel_llm_processors.guardrail.phrases import Phrases, bundled_phrases, selected_phrases
from otel_llm_processors.guardrail.schemas import Schemas
from otel_llm_processors.guardrail.sensitive import Sensitive
from otel_llm_processors.guardrail.sizes import Sizes
from otel_llm_processors.guardrail.sources import AllowedSources
from otel_llm_processors.guardrail.tools import AllowedTools, Arguments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from otel_llm.attributes import Writable
    from otel_llm.component import Settings
    from otel_llm.detection import Rule
    from otel_llm.detectors import Target, TextDetector
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm_processors.guardrail.config import GuardrailConfig
    from otel_llm_processors.guardrail.finding import Check

__all__ = ["GuardrailProcessor"]

_NAME_LENGTH: Final = 128
"""Longer names are cut: a label is no place to keep what a sender makes up."""
_ANSWERS: Final[frozenset[Target]] = frozenset({"output"})


class GuardrailProcessor(Processor):
    """Writes a verdict on what a call says, and which rules it breaks."""

    def __init__(self, config: GuardrailConfig, settings: Settings) -> None:
        self._sensitive = Sensitive(config.sensitive, max_bytes=config.max_value_bytes)
        self._checks: list[Check] = [self._sensitive, find_content_filter, *_checks(config, settings)]
        self._judges = Judges(
            dict(_bundled(config)) | make_detectors(config.detectors, settings),
            cache_entries=config.content_cache,
            meter=settings.meter,
        )
        self.waits = self._judges.waits
        self._calls: dict[int, Call] = {}
        self._max_bytes = config.max_value_bytes
        self._deny = frozenset(config.deny)
        self._ignore = frozenset(config.ignore)
        hashed = config.content_hash
        self._digests = load_digests(hashed, f"processors.{settings.name}.content_hash") if hashed else None
        labels, most = ("route", "model"), config.metrics_max_series
        self._checked = settings.meter.bounded_counter(
            "guardrail_checked", "Items checked.", labels, max_series=most
        ).add
        self._flagged = settings.meter.bounded_counter(
            "guardrail_flagged", "Items that break a rule.", labels, max_series=most, kind="rule"
        ).add

    def rules(self) -> Sequence[Rule]:
        """Return what is to be found in texts as they stand."""
        return self._sensitive.rules

    def begin_batch(self, spans: Sequence[Span], /) -> None:
        """Read what spans say, and have it judged in one go."""
        self._begin(spans)

    def begin_log_batch(self, records: Sequence[LogRecord], /) -> None:
        """Read what log records say, likewise."""
        self._begin(records)

    def process_span(self, span: Span, /) -> None:
        """Check a span."""
        self._check(span)

    def process_log(self, record: LogRecord, /) -> None:
        """Check a log record."""
        self._check(record)

    def shutdown(self) -> None:
        """Shut the detectors down."""
        self._judges.shutdown()

    def _begin(self, items: Iterable[Item]) -> None:
        self._calls = calls = {}
        for item in items:
            if semconv.GUARDRAIL_VERDICT not in item:
                with suppress(Exception):  # it raises again in `_check`, and costs that item alone
                    calls[id(item)] = self._read(item)
        retrieved = documents_by_trace(calls.values())
        for call in calls.values():
            call.documents = retrieved.get(call.item.trace_id, call.documents)
        self._look(calls.values())

    def _check(self, item: Item) -> None:
        if semconv.GUARDRAIL_VERDICT in item:  # an upstream of our own has checked it
            return
        call = self._calls.pop(id(item), None)
        if call is None or call.item is not item:
            call = self._read(item)
            self._look([call])
        found = self._told(chain(_too_long(call), call.found, *(check(call) for check in self._checks)))
        if not call.parts and not found:
            return
        item.update(self._summary(found))
        if isinstance(item, Span):
            for finding in found:
                item.add_event(semconv.GUARDRAIL_FINDING, self._event(finding))
        model = item.get_str(semconv.GEN_AI_RESPONSE_MODEL) or item.get_str(semconv.GEN_AI_REQUEST_MODEL) or ""
        labels = (item.dimensions.route or "")[:_NAME_LENGTH], model[:_NAME_LENGTH]
        self._checked(labels)
        for rule in {finding.rule for finding in found}:
            self._flagged((*labels, rule))

    def _read(self, item: Item) -> Call:
        return Call(item, max_length=self._max_bytes)

    def _look(self, calls: Collection[Call]) -> None:
        """Look for what is looked for in many calls at once."""
        self._sensitive.search(calls)
        self._judges.judge(calls)

    def _told(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return of each rule and target the surest finding: a conversation says the same in every turn."""
        best: dict[tuple[str, str], Finding] = {}
        for finding in findings:
            if _is_named(finding.rule, self._ignore):
                continue
            known = best.setdefault((finding.rule, finding.target), finding)
            if finding.score > known.score:
                best[finding.rule, finding.target] = finding
        return [best[key] for key in sorted(best)]

    def _summary(self, found: Sequence[Finding]) -> dict[str, Writable]:
        if not found:
            return {semconv.GUARDRAIL_VERDICT: "allow"}
        denied = any(_is_named(finding.rule, self._deny) for finding in found)
        return {
            semconv.GUARDRAIL_VERDICT: "deny" if denied else "warn",
            semconv.GUARDRAIL_FINDINGS: sorted({finding.rule for finding in found}),
            semconv.GUARDRAIL_SCORE: max(finding.score for finding in found),
        }

    def _event(self, finding: Finding) -> dict[str, Writable]:
        event: dict[str, Writable] = {
            semconv.GUARDRAIL_RULE: finding.rule,
            semconv.GUARDRAIL_TARGET: finding.target,
            semconv.GUARDRAIL_SEVERITY: "deny" if _is_named(finding.rule, self._deny) else "warn",
            semconv.GUARDRAIL_SCORE: finding.score,
        }
        if finding.part is not None:
            event[semconv.GUARDRAIL_PART] = finding.part.place
            if self._digests is not None:
                event[semconv.GUARDRAIL_CONTENT_HASH] = self._digests.of("content", finding.part.text)
        return event


def _bundled(config: GuardrailConfig) -> Iterator[tuple[str, TextDetector]]:
    """Yield the detectors that settings of their own ask for."""
    yield "invisible", Invisible()
    if config.phrases.enabled:
        yield "phrases", Phrases(selected_phrases(config.phrases), SAID_BY_OTHERS)
    refusals = bundled_phrases("refusals") if config.output.refusals else ()
    profanity = bundled_phrases("profanity") if config.output.profanity else ()
    if answers := (*refusals, *profanity):
        yield "answers", Phrases(answers, _ANSWERS)
    if config.canaries:
        yield "canaries", Canaries(canary.get_secret_value() for canary in config.canaries)


def _checks(config: GuardrailConfig, settings: Settings) -> Iterator[Check]:
    """Yield what looks at a call as a whole."""
    output, tools = config.output, config.tools
    if config.limits.model_fields_set:
        yield Sizes(config.limits)
    if output.allowed_values:
        yield AllowedValues(output.allowed_values)
    if output.allowed_domains is not None:
        yield AllowedDomains(output.allowed_domains)
    if output.schemas:
        yield Schemas(output.schemas, settings)
    if output.citations:
        yield Citations(output.citations)
    if tools.routes or tools.agents:
        yield AllowedTools(tools.routes, tools.agents)
    if tools.arguments:
        yield Arguments(tools.arguments, settings)
    if config.allowed_sources is not None:
        yield AllowedSources(config.allowed_sources)


def _too_long(call: Call) -> Iterator[Finding]:
    return (Finding(f"{UNSCANNED}oversize", part.target, part) for part in call.too_long)


def _is_named(rule: str, names: frozenset[str]) -> bool:
    """Tell whether a rule is among names of rules, and of families of them."""
    return rule in names or rule.partition(".")[0] in names
