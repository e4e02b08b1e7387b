"""What redaction finds and what it changes without need, on labelled texts; misses by the ids of their cases.

A case is a line of JSON in a `*.jsonl.gz` file: `id`, `corpus`, `text`, and what is known of it. `labels` are stretches
with a `type`, of which those in capitals are for information and `optional` ones neither right nor wrong; `positive`
says of a text without labels whether it holds a secret.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.detection import RuleDetector, bundled_rules
from otel_llm.testing import make_request
from otel_llm_processors.redaction import factory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["quality"]

_COVERED: Final = 0.9
"""Of a label's characters so many have to be found."""
_PLANTED: Final = "hardcoded"
"""Stands in every secret of a corpus whose places are not marked."""


class _Found(NamedTuple):
    start: int
    end: int
    type: str
    category: str


def quality(directory: Path) -> str:
    """Return tables of recall, false positives and changed identifiers for all cases in a directory."""
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(directory.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                cases[case["corpus"]].append(case)
    finder = _Finder()
    parts = [
        "| corpus | what is looked for | found | of | |",
        "|---|---|--:|--:|--:|",
        *_recall(finder, [case for corpus in cases.values() for case in corpus]),
        "",
        "| corpus | kB | findings of secrets | a MB | of personal data | a MB | texts changed |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *_false_positives(finder, cases),
        "",
        "Findings where nothing is to be found: " + (finder.wrong() or "none") + ".",
        "",
        "Missed: " + (", ".join(finder.missed) or "none") + ".",
    ]
    return "\n".join(parts) + "\n"


class _Finder:
    """Runs the rules that are on by default, and the processor."""

    def __init__(self) -> None:
        rules = [rule for rule in bundled_rules() if rule.enabled]
        self._rules = {rule.id: rule for rule in rules}
        self._detector = RuleDetector(rules)
        self._chain = Chain([("redaction", factory.build())])
        self.missed: list[str] = []
        self._wrong: Counter[str] = Counter()

    def findings(self, text: str) -> list[_Found]:
        (findings,) = self._detector.scan([("text", text)])
        known = [(each, self._rules[each.rule]) for each in findings if each.rule in self._rules]
        return [_Found(each.start, each.end, rule.label, rule.category) for each, rule in known]

    def redacted(self, text: str) -> str:
        batch = Batch(make_request({"text": text}))
        self._chain.run(batch)
        return str(batch.spans[0].get("text"))

    def report_wrong(self, found: Iterable[_Found]) -> None:
        self._wrong.update(each.type for each in found)

    def wrong(self) -> str:
        return ", ".join(f"{kind} {count}" for kind, count in self._wrong.most_common())


def _recall(finder: _Finder, cases: Iterable[dict[str, Any]]) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for kind, is_found in _looked_for(finder, case):
            key = case["corpus"], kind
            total[key] += 1
            found[key] += is_found
            if not is_found:
                finder.missed.append(f"{case['id']} ({kind})")
    for (corpus, kind), count in sorted(total.items()):
        hits = found[corpus, kind]
        yield f"| {corpus} | {kind} | {hits} | {count} | {hits / count:.1%} |"


def _looked_for(finder: _Finder, case: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield what a case holds, and whether it is found."""
    text: str = case["text"]
    labels = [label for label in case.get("labels", ()) if not label.get("optional") and label["type"].islower()]
    if labels:
        covered = {place for each in finder.findings(text) for place in range(each.start, each.end)}
        for label in labels:
            span = range(label["start"], label["end"])
            yield label["type"], sum(place in covered for place in span) >= _COVERED * len(span)
    elif _PLANTED in text and case.get("positive") is not False:
        planted = text.count(_PLANTED)
        left = finder.redacted(text).count(_PLANTED)
        yield from (("planted value", place >= left) for place in range(planted))
    elif case.get("positive"):
        yield "secret", bool(finder.findings(text))


def _false_positives(finder: _Finder, cases: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield what is found in texts that hold nothing."""
    for corpus, texts in cases.items():
        # What another tool's test of one rule calls harmless may be what another rule looks for.
        harmless = [case for case in texts if case.get("positive") is False and "plugin" not in case]
        size = sum(len(case["text"].encode()) for case in harmless)
        wrong: list[_Found] = []
        changed = 0
        for case in harmless:
            optional = [(label["start"], label["end"]) for label in case.get("labels", ())]
            spans = [
                each
                for each in finder.findings(case["text"])
                if not any(each.start < end and start < each.end for start, end in optional)
            ]
            wrong += spans
            changed += bool(spans)
        if harmless:
            finder.report_wrong(wrong)
            secrets = sum(each.category == "secret" for each in wrong)
            people = len(wrong) - secrets
            per_mb = [f"{count / size * 1e6:.1f}" for count in (secrets, people)]
            row = (corpus, f"{size / 1e3:.0f}", secrets, per_mb[0], people, per_mb[1], f"{changed} of {len(harmless)}")
            yield f"| {' | '.join(map(str, row))} |"
