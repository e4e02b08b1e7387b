"""Secrets and personal data in what a call says, by the scan that `redaction` uses too."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.detection import UNSCANNED, Rule, bundled_rules, read_rules
from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.content import CONTENT
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from otel_llm_processors.guardrail.config import SensitiveConfig
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Sensitive", "bundled_markup"]


@cache
def bundled_markup() -> tuple[Rule, ...]:
    """Return the rules for markup that an injection uses: they need punctuation, so they are no phrases."""
    file = files("otel_llm_processors.guardrail").joinpath("markup.yaml")
    return read_rules(file.read_text("utf-8"), file.name)


class Sensitive:
    """Asks for what the chain's one scan finds.

    Where `redaction` ran before, what it has removed cannot be found again: then the rules that it names count.
    """

    def __init__(self, config: SensitiveConfig, *, max_bytes: int) -> None:
        """Select the rules.

        Raises:
            ConfigError: a name that no rule has, or what the rules need is not installed.
        """
        bundled = bundled_rules()
        known = {name for rule in bundled for name in (rule.id, rule.label)}
        problems = [f"sensitive.remove: no rule is called {name}" for name in config.remove if name not in known]
        if config.categories and find_spec("phonenumbers") is None:
            problems.append("needs phonenumbers: pip install 'otel-llm[redaction]'")
        if problems:
            raise ConfigError(*problems)
        chosen = [
            rule
            for rule in bundled
            if rule.enabled and rule.category in config.categories and not {rule.id, rule.label} & {*config.remove}
        ]
        self.rules = (*chosen, *bundled_markup())
        """What texts are to be scanned for."""
        self._names = {rule.id: f"{rule.category}.{rule.label}" for rule in chosen}
        self._names |= {rule.id: rule.id for rule in bundled_markup()}
        self._max_bytes = max_bytes

    def search(self, calls: Collection[Call]) -> None:
        """Have what calls say scanned in one go, for when each of them is checked."""
        for call in calls:
            call.texts = [text for text in call.item.texts_under(CONTENT) if len(text.value) <= self._max_bytes]
        if texts := [text for call in calls for text in call.texts]:
            next(iter(calls)).item.findings(texts)  # what is found in a text is known to its whole batch

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield what is found in a call that has been searched."""
        redacted = call.item.get(semconv.REDACTION_RULES)
        for rule in redacted if isinstance(redacted, list) else ():
            if isinstance(rule, str) and rule in self._names:
                yield Finding(self._names[rule], "call")
        for text, findings in zip(call.texts, call.item.findings(call.texts), strict=True):
            for finding in findings:
                target = CONTENT[text.attribute]
                if finding.rule in self._names:
                    yield Finding(self._names[finding.rule], target, score=finding.score)
                elif finding.rule.startswith(UNSCANNED):
                    yield Finding(finding.rule, target)
