"""Injections, jailbreaks and refusals, by what they say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from otel_llm.detection import Rule, RuleDetector, read_rules
from otel_llm.detection.engines import installed
from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.words import pattern_of_words, words_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from otel_llm.component import Settings
    from otel_llm_processors.guardrail.config import PhrasesConfig
    from otel_llm_processors.guardrail.content import Call, Target

__all__ = ["ANSWERS", "OTHERS", "Phrases", "bundled_phrases", "selected_phrases"]

_DIRECTORY: Final = Path(__file__).parent
OTHERS: Final[frozenset[Target]] = frozenset({"input", "tool_result", "tool_call"})
"""What others than the app and its model have said, or may have had a say in."""
ANSWERS: Final[frozenset[Target]] = frozenset({"output"})
"""What the model says."""


@cache
def bundled_phrases(name: Literal["phrases", "refusals"] = "phrases") -> tuple[Rule, ...]:
    """Return the phrases of a file that comes with the program, as they are written."""
    return read_rules((_DIRECTORY / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")


def selected_phrases(config: PhrasesConfig) -> list[Rule]:
    """Return the injections and jailbreaks to look for.

    Raises:
        ConfigError: a name that no phrase has, or phrases where linear time cannot be promised.
    """
    bundled = {rule.id: rule for rule in bundled_phrases()}
    problems = [f"phrases.remove: no phrase is called {name}" for name in config.remove if name not in bundled]
    if config.add and installed() == "re":
        problems.append("phrases.add: own phrases need google-re2, which promises linear time")
    if problems:
        raise ConfigError(*problems)
    rules = bundled | {rule.id: rule for rule in config.add}
    return [rule for rule in rules.values() if rule.id not in config.remove]


class Phrases:
    """Looks for phrases in parts of some kinds."""

    def __init__(self, rules: Iterable[Rule], targets: Container[Target], settings: Settings) -> None:
        self._targets = targets
        self._detector = RuleDetector(map(_over_words, rules), meter=settings.meter)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the phrases in a call."""
        parts = [part for part in call.parts if part.target in self._targets]
        said = [(part, ("", words)) for part in parts for words in words_of(part.text)]
        found = self._detector.scan([words for _, words in said])
        for (part, _), findings in zip(said, found, strict=True):
            for finding in findings:
                yield Finding(finding.rule, part.target, part, finding.score)


def _over_words(rule: Rule) -> Rule:
    fields = rule.model_dump(exclude_unset=True, exclude={"keywords"})  # which are not over words
    patterns = {name: pattern_of_words(fields[name]) for name in ("pattern", "trigger") if name in fields}
    return Rule.model_validate(fields | patterns)
