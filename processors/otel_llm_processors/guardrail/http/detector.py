"""The detector that leaves judging to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.detectors import Detection, TextDetector
from otel_llm.errors import Permanent, Retryable
from otel_llm_processors.guardrail.http.client import Skipped, client_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.component import Settings
    from otel_llm.detectors import Passage
    from otel_llm_processors.guardrail.http.config import HttpDetectorConfig

__all__ = ["HttpDetector"]


class HttpDetector(TextDetector):
    """Tells what a service says of passages: `<name>.<label>`, where a label's score is high enough."""

    waits = True

    def __init__(self, config: HttpDetectorConfig, settings: Settings) -> None:
        """Prepare; nothing is connected to.

        Raises:
            ConfigError: the files of its `tls` cannot be used.
        """
        name = settings.name.rpartition("/")[2]
        self.targets = frozenset(config.targets)
        self._labels = {label: (f"{name}.{label}", least) for label, least in config.labels.items()}
        self.rules = tuple(rule for rule, _ in self._labels.values())
        self._client = client_for(config, f"detectors.{settings.name}")
        requests = settings.meter.counter(
            "guardrail_detector_requests", "Batches that a service was to judge.", ["detector", "outcome"]
        )
        self._judged, self._failed, self._skipped = (
            requests.labels(settings.name, outcome).inc for outcome in ("judged", "failed", "skipped")
        )

    def detect(self, passages: Sequence[Passage], /) -> Sequence[list[Detection]]:
        """Return what the service finds in each passage.

        Raises:
            Retryable: it does not answer now.
            Permanent: it does not answer as it should.
        """
        try:
            scores = self._client.scores(passages)
        except Skipped:
            self._skipped()
            raise
        except (Retryable, Permanent):
            self._failed()
            raise
        self._judged()
        return [self._found(each) for each in scores]

    def _found(self, scores: Mapping[str, float]) -> list[Detection]:
        return [
            Detection(rule, float(scores[label]))
            for label, (rule, least) in self._labels.items()
            if scores.get(label, 0.0) >= least
        ]
