"""Injections, jailbreaks, refusals and profanity, by what they say."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from otel_llm.detection import Rule, read_rules
from otel_llm.detection.engines import Pattern, compile_patterns, installed
from otel_llm.detectors import Detection, TextDetector
from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.words import pattern_of_words, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.detectors import Passage, Target
    from otel_llm_processors.guardrail.config import PhrasesConfig

__all__ = ["Phrases", "bundled_phrases", "selected_phrases"]

_STRETCH: Final = 4096
_OVERLAP: Final = 640
"""Bytes: no phrase is longer."""


@cache
def bundled_phrases(name: Literal["phrases", "profanity", "refusals"] = "phrases") -> tuple[Rule, ...]:
    """Return the phrases of a file that comes with the program, as they are written."""
    file = files("otel_llm_processors.guardrail").joinpath(f"{name}.yaml")
    return read_rules(file.read_text("utf-8"), file.name)


def selected_phrases(config: PhrasesConfig) -> list[Rule]:
    """Return the injections and jailbreaks to look for.

    Raises:
        ConfigError: a name that no phrase has, what no phrase can have, or no engine that promises linear time.
    """
    bundled = {rule.id: rule for rule in bundled_phrases()}
    problems = [f"phrases.remove: no phrase is called {name}" for name in config.remove if name not in bundled]
    if config.add and installed() == "re":
        problems.append("phrases.add: own phrases need google-re2, which promises linear time")
    problems += [
        f"phrases.add: {rule.id}: words have no keys and no validators"
        for rule in config.add
        if rule.validator or rule.on == "key"
    ]
    if problems:
        raise ConfigError(*problems)
    rules = bundled | {rule.id: rule for rule in config.add}
    return [rule for rule in rules.values() if rule.id not in config.remove]


class _Stretch(NamedTuple):
    """Words of one long passage, or of several short ones: to call an engine costs what several hundred bytes do."""

    owners: list[int]
    """Of each piece the place of the passage that it is from."""
    pieces: list[bytes]


class Phrases(TextDetector):
    """Looks for phrases in the words of passages. No byte of them is searched for a phrase more than a few times."""

    def __init__(self, rules: Iterable[Rule], targets: frozenset[Target]) -> None:
        """Take phrases, and where to look for them.

        Raises:
            ConfigError: one is not read by this platform's engine.
        """
        chosen = tuple(rules)
        self.targets = targets
        self.rules = tuple(rule.id for rule in chosen)
        self._detections = [Detection(rule.id, rule.confidence) for rule in chosen]
        patterns = tuple(
            Pattern(pattern_of_words(rule.expression), (), pattern_of_words(rule.trigger)) for rule in chosen
        )
        try:
            self._engine = compile_patterns(patterns, installed())()
        except ValueError as error:
            raise ConfigError(f"the phrase {chosen[error.args[0]].id} is not read by this platform's engine") from None

    def detect(self, passages: Sequence[Passage], /) -> Sequence[Iterable[Detection]]:
        """Return the phrases in each passage."""
        words = [(place, each) for place, passage in enumerate(passages) for each in words_of(passage.text)]
        found: list[set[Detection]] = [set() for _ in passages]
        for stretch in _stretches(words):
            data = b"\0".join(stretch.pieces)
            starts = [0, *accumulate(len(piece) + 1 for piece in stretch.pieces)]
            for phrase, begin, end in self._fired(data, starts):
                if all(self._detections[phrase] in found[owner] for owner in stretch.owners):
                    continue  # a text that says it over and over says it once
                for start, _ in self._engine.spans(phrase, data, begin, end):
                    place = bisect_right(starts, start + (data[start] == 0)) - 1  # the edge is part of the match
                    found[stretch.owners[place]].add(self._detections[phrase])
                    if len(stretch.pieces) == 1:
                        break
        return found

    def _fired(self, data: bytes, starts: Sequence[int]) -> Iterable[tuple[int, int, int]]:
        """Return where phrases may be; each anywhere, where there are more such places than bytes."""
        try:
            return [(phrase, begin, end) for phrase, begin, end, _ in self._engine.found(data, starts)]
        except OverflowError:
            return ((phrase, 0, len(data)) for phrase in range(len(self._detections)))


def _stretches(words: Iterable[tuple[int, bytes]]) -> Iterator[_Stretch]:
    stretch, size = _Stretch([], []), 0
    for owner, data in words:
        for begin in range(0, max(len(data) - _OVERLAP, 1), _STRETCH):
            piece = data[begin : begin + _STRETCH + _OVERLAP]
            if size and size + len(piece) > _STRETCH:
                yield stretch
                stretch, size = _Stretch([], []), 0
            stretch.owners.append(owner)
            stretch.pieces.append(piece)
            size += len(piece) + 1
    if size:
        yield stretch
