"""Detectors over what calls say: each passage once, however often it is said again."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

from otel_llm.detection import UNSCANNED
from otel_llm.detection.by_content import MIN_LENGTH, ByContent
from otel_llm.detectors import Detection, Passage
from otel_llm.errors import OtelLlmError
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from otel_llm.detectors import TextDetector
    from otel_llm.telemetry import Meter
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Judges"]

_log = logging.getLogger(__name__)


class Judges:
    """Shows passages to detectors, and remembers what they say of those of 256 characters and more."""

    def __init__(self, detectors: Mapping[str, TextDetector], *, cache_entries: int, meter: Meter) -> None:
        """Take detectors by their names in the config; remember the verdicts on so many passages, 0 for none."""
        self._judges = [_Judge(name, detector, meter) for name, detector in detectors.items()]
        self.waits = any(detector.waits for detector in detectors.values())
        """Whether one of them may wait for something outside."""
        lookups = meter.counter("guardrail_cache_lookups", "Passages looked up by content.", ["outcome"])
        told = lookups.labels("hit").inc, lookups.labels("miss").inc
        self._cache: ByContent[Sequence[Detection]] | None = ByContent(cache_entries, *told) if cache_entries else None

    def judge(self, calls: Collection[Call]) -> None:
        """Write down for each call what is found in its parts."""
        said = [[Passage(part.target, part.text) for part in call.parts] for call in calls]
        found: dict[Passage, Sequence[Detection]] = {}
        fresh: dict[Passage, bytes | None] = {}
        for passage in dict.fromkeys(chain.from_iterable(said)):
            digest = self._digest(passage)
            known = self._cache.get(digest) if self._cache and digest else None
            if known is None:
                fresh[passage] = digest
            else:
                found[passage] = known
        for (passage, digest), (detections, is_whole) in zip(fresh.items(), self._judged([*fresh]), strict=True):
            found[passage] = detections
            if self._cache and digest and is_whole:
                self._cache.put(digest, detections)
        for call, passages in zip(calls, said, strict=True):
            call.found = [
                Finding(detection.rule, part.target, part, detection.score)
                for part, passage in zip(call.parts, passages, strict=True)
                for detection in found[passage]
            ]

    def shutdown(self) -> None:
        """Shut all detectors down."""
        for judge in self._judges:
            judge.detector.shutdown()

    def _digest(self, passage: Passage) -> bytes | None:
        if self._cache is None or len(passage.text) < MIN_LENGTH:
            return None
        return self._cache.digest(passage.text, passage.target)

    def _judged(self, passages: Sequence[Passage]) -> Iterable[tuple[Sequence[Detection], bool]]:
        """Return what is found in each passage, and whether all detectors have seen it."""
        found: list[list[Detection]] = [[] for _ in passages]
        failed: set[int] = set()
        for judge in self._judges:
            places = [place for place, passage in enumerate(passages) if passage.target in judge.detector.targets]
            if not places:
                continue
            detections = judge.detect([passages[place] for place in places])
            if detections is None:
                detections = [[judge.unscanned]] * len(places)
                failed.update(places)
            for place, each in zip(places, detections, strict=True):
                found[place] += each
        return ((each, place not in failed) for place, each in enumerate(found))


class _Judge:
    """One detector, with what its failures cost: they are counted, and logged when they begin and end."""

    def __init__(self, name: str, detector: TextDetector, meter: Meter) -> None:
        self.detector = detector
        self.unscanned = Detection(f"{UNSCANNED}{name.rpartition('/')[2]}")
        self._name = name
        self._rules = frozenset(detector.rules)
        self._fails = False
        failed = meter.counter("guardrail_unjudged_passages", "Passages that a detector failed on.", ["detector"])
        self._failed = failed.labels(name).inc

    def detect(self, passages: Sequence[Passage]) -> list[list[Detection]] | None:
        """Return what is found in each passage; None where the detector cannot tell."""
        try:
            found = [[*detections] for detections in self.detector.detect(passages)]
            is_good = len(found) == len(passages) and all(
                detection.rule in self._rules for detections in found for detection in detections
            )
            problem = "" if is_good else "it does not answer as it said it would"
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises costs its own judgement
            found, problem = [], str(error) if isinstance(error, OtelLlmError) else type(error).__name__
        if problem and not self._fails:
            _log.warning("the detector %s fails (%s): what it is shown is %s", self._name, problem, self.unscanned.rule)
        elif self._fails and not problem:
            _log.info("the detector %s works again", self._name)
        self._fails = bool(problem)
        if problem:
            self._failed(len(passages))
            return None
        return found
