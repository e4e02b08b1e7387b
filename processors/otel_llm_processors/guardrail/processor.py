"""The guardrail processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm.digest import load_digests
from otel_llm.errors import ConfigError
from otel_llm.span import Span
from otel_llm_processors.guardrail.answers import AllowedDomains, AllowedValues, find_content_filter
from otel_llm_processors.guardrail.canaries import Canaries
from otel_llm_processors.guardrail.content import Call
from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.invisible import find_invisible
from otel_llm_processors.guardrail.phrases import ANSWERS, OTHERS, Phrases, bundled_phrases, selected_phrases
from otel_llm_processors.guardrail.schemas import Schemas
from otel_llm_processors.guardrail.sensitive import Sensitive
from otel_llm_processors.guardrail.sizes import Sizes
from otel_llm_processors.guardrail.sources import AllowedSources
from otel_llm_processors.guardrail.tools import AllowedTools, Arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.attributes import Writable
    from otel_llm.component import Settings
    from otel_llm.detection import Rule
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm_processors.guardrail.config import GuardrailConfig, OutputConfig, ToolsConfig
    from otel_llm_processors.guardrail.finding import Check

__all__ = ["GuardrailProcessor"]

_NAME_LENGTH: Final = 128
"""Longer names are cut: a label is no place to keep what a sender makes up."""
_OVERSIZE: Final = "unscanned.oversize"


class GuardrailProcessor(Processor):
    """Writes a verdict on what a call says, and which rules it breaks."""

    def __init__(self, config: GuardrailConfig, settings: Settings) -> None:
        sensitive = Sensitive(config.sensitive, max_bytes=config.max_value_bytes)
        self._rules = sensitive.rules
        self._checks: list[Check] = [sensitive, find_invisible, Sizes(config.limits), find_content_filter]
        if config.phrases.enabled:
            self._checks.append(Phrases(selected_phrases(config.phrases), OTHERS, settings))
        if config.model.threshold is not None:
            self._checks.append(_model(config.model.threshold))
        self._checks += _output_checks(config.output, settings)
        self._checks += _tool_checks(config.tools, settings)
        if config.allowed_sources is not None:
            self._checks.append(AllowedSources(config.allowed_sources))
        if config.canaries:
            self._checks.append(Canaries(canary.get_secret_value() for canary in config.canaries))
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
        return self._rules

    def process_span(self, span: Span, /) -> None:
        """Check a span."""
        self._check(span)

    def process_log(self, record: LogRecord, /) -> None:
        """Check a log record."""
        self._check(record)

    def _check(self, item: Item) -> None:
        if semconv.GUARDRAIL_VERDICT in item:  # an upstream of our own has checked it
            return
        call = Call(item)
        found = self._told(self._found(call))
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

    def _found(self, call: Call) -> Iterator[Finding]:
        long = [part for part in call.parts if len(part.text) > self._max_bytes]
        if long:
            call.parts = [part for part in call.parts if len(part.text) <= self._max_bytes]
            yield from (Finding(_OVERSIZE, part.target, part) for part in long)
        for check in self._checks:
            yield from check(call)

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


def _model(threshold: float) -> Check:
    try:
        from otel_llm_processors.guardrail.model import LinearModel  # numpy may not be installed
    except ModuleNotFoundError:
        raise ConfigError("model needs numpy: pip install 'otel-llm[guardrail]'") from None
    return LinearModel(threshold)


def _output_checks(config: OutputConfig, settings: Settings) -> Iterator[Check]:
    if config.refusals:
        yield Phrases(bundled_phrases("refusals"), ANSWERS, settings)
    if config.allowed_values:
        yield AllowedValues(config.allowed_values)
    if config.allowed_domains is not None:
        yield AllowedDomains(config.allowed_domains)
    if config.schemas:
        yield Schemas(config.schemas, settings)


def _tool_checks(config: ToolsConfig, settings: Settings) -> Iterator[Check]:
    if config.routes or config.agents:
        yield AllowedTools(config.routes, config.agents)
    if config.arguments:
        yield Arguments(config.arguments, settings)


def _is_named(rule: str, names: frozenset[str]) -> bool:
    """Tell whether a rule is among names of rules, and of families of them."""
    return rule in names or rule.partition(".")[0] in names
