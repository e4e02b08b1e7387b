"""The hot loop: what a batch holds, through every processor, in order."""

from __future__ import annotations

import logging
import traceback
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm.detection.union import union
from otel_llm.errors import ConfigError
from otel_llm.item import Item
from otel_llm.markers import finder
from otel_llm.resource import Resource
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.attributes import Attributes
    from otel_llm.batch import Batch
    from otel_llm.detection import Detector, Rule

__all__ = ["UNSCANNED", "Chain"]

UNSCANNED: Final = "[UNSCANNED:error]"
"""What stands in place of a text that a processor which fails closed could not look at."""

_ANYTHING: Final = (Exception, SystemExit)
"""What a plug-in may raise. That costs one span one step: an `exit()` in some library must not end the gateway."""

_GEN_AI: Final = semconv.GEN_AI_PREFIX.encode()
_log = logging.getLogger(__name__)


class Chain:
    """Runs processors over batches. The same object serves the gateway and an app's exporter; one thread at a time.

    Step by step over the whole batch, not span by span over all steps: so a processor sees what the one before has made
    of every span, in `begin_batch` too, and the clock is read twice per step and batch instead of per span.
    """

    def __init__(
        self,
        processors: Sequence[tuple[str, Processor]],
        *,
        meter: Meter | None = None,
        detector: Detector | None = None,
    ) -> None:
        """Take named processors in the order in which they run.

        Args:
            processors: by their names in the config.
            meter: for what is counted of them.
            detector: what `Item.findings` asks; one for the rules that the processors name unless given.

        Raises:
            ConfigError: a rule that no engine here reads.
        """
        meter = meter or Meter()
        rules, own = union([processor.rules() for _, processor in processors])
        self._steps = [_Step(*named, meter, names) for named, names in zip(processors, own, strict=True)]
        entries = max((processor.remembered_texts for _, processor in processors), default=0)
        self._detector = detector or _detector_for(rules, entries, meter)
        self.fails_closed = any(processor.on_error == "drop" for _, processor in processors)
        """Whether what it could not be run over must not go on."""
        self.waits = any(processor.waits for _, processor in processors)
        """Whether it may wait for something outside: never run it on an event loop then."""

    def start(self) -> None:
        """Start the processors."""
        for step in self._steps:
            step.processor.start()

    def shutdown(self) -> None:
        """Shut the processors down, last first, each whatever the others do."""
        for step in reversed(self._steps):
            try:
                step.processor.shutdown()
            except _ANYTHING as error:  # the others must still end
                _log.error("processor %s failed to shut down: %s", step.name, type(error).__name__)

    def has_work(self, batch: Batch) -> bool:
        """Tell from the bytes alone whether any processor can have work in *batch*."""
        return any(self._can_work(step, batch) for step in self._steps)

    def run(self, batch: Batch) -> None:
        """Let every processor that can have work in *batch* do it, in place. Never raises for what one of them does."""
        for step in self._steps:
            if self._can_work(step, batch):
                step.run(batch)

    def _can_work(self, step: _Step, batch: Batch) -> bool:
        batch.detect_with(self._detector, step.own_rules)
        return step.has_work(batch)


class _Step:
    """One processor, with what the host does around it: selecting, timing, counting, catching."""

    def __init__(self, name: str, processor: Processor, meter: Meter, own_rules: Mapping[str, str] | None) -> None:
        self.name = name
        self.processor = processor
        self.own_rules = own_rules
        self._fails_closed = processor.on_error == "drop"
        self._is_marked = finder(processor.markers) if processor.markers else None
        self._gen_ai_only = processor.applies_to == "gen_ai"
        self._begin = {
            Signal.TRACES: _overridden(processor, "begin_batch"),
            Signal.LOGS: _overridden(processor, "begin_log_batch"),
        }
        self._resource = _overridden(processor, "process_resource")
        self._item = {
            Signal.TRACES: _overridden(processor, "process_span"),
            Signal.LOGS: _overridden(processor, "process_log"),
        }
        labels = ("processor", "signal")
        items = meter.counter("processor_incoming_items", "Items that a processor was given.", labels)
        failed = meter.counter("processor_failed_items", "Items on which a processor failed.", labels)
        seconds = meter.counter("processor_seconds", "Time spent in a processor.", labels)
        self._incoming = {signal: items.labels(name, signal) for signal in Signal}
        self._failed = {signal: failed.labels(name, signal) for signal in Signal}
        self._seconds = {signal: seconds.labels(name, signal) for signal in Signal}
        self._reported: set[tuple[str, int]] = set()

    def has_work(self, batch: Batch) -> bool:
        """Tell from the bytes alone whether this processor can have work in the batch.

        What a step before has written is not in the bytes that came, so a batch that is dirty is looked into.
        """
        if batch.signal is Signal.METRICS or (self._item[batch.signal] is None and self._resource is None):
            return False
        if batch.dirty:
            return True
        if self._gen_ai_only and _GEN_AI not in batch.raw:
            return False
        if self._is_marked is not None and not self._is_marked(batch.raw):
            return False
        if not self.processor.only_findings or len(batch.raw) > self.processor.longest_text:
            return True
        return not batch.is_clean()

    def run(self, batch: Batch) -> None:
        started = perf_counter()
        items: Sequence[Any] = batch.spans or batch.records
        resources: Sequence[Resource] = batch.resources
        if self._gen_ai_only:
            items = [item for item in items if item.is_gen_ai]
        self._incoming[batch.signal].inc(len(items))
        if self.processor.only_findings:
            resources, items = self._with_findings(items, batch)
        process = self._item[batch.signal]
        if self._resource is not None:
            for resource in resources:
                self._guard(self._resource, resource, batch)
        begin = self._begin[batch.signal]
        if begin is not None and not self._begins(begin, items, batch):
            process = None
        if process is not None:
            for item in items:
                try:
                    process(item)
                except _ANYTHING as error:
                    self._fail(item, error, batch)
        self._seconds[batch.signal].inc(perf_counter() - started)

    def _with_findings(self, items: Sequence[Any], batch: Batch) -> tuple[Sequence[Resource], Sequence[Any]]:
        """Return the resources and items that the processor has work in; if that fails, none."""
        try:
            return batch.search(items, self.processor.longest_text)
        except _ANYTHING as error:
            for holder in (*batch.resources, *items):
                self._fail(holder, error, batch)
            return (), ()

    def _begins(self, begin: Callable[[Any], None], items: Sequence[Any], batch: Batch) -> bool:
        """Run `begin_batch`. Without it no span of the batch can be processed, so its failure is every span's."""
        try:
            begin(items)
        except _ANYTHING as error:
            for item in items:
                self._fail(item, error, batch)
            return False
        return True

    def _guard(self, process: Callable[[Any], None], resource: Resource, batch: Batch) -> None:
        try:
            process(resource)
        except _ANYTHING as error:
            self._fail(resource, error, batch)

    def _fail(self, holder: Attributes, error: BaseException, batch: Batch) -> None:
        self._failed[batch.signal].inc()
        if self._fails_closed and isinstance(holder, Item | Resource):
            for text in holder.texts():
                if text.kind == "key" and text.value in semconv.NAMES:
                    continue  # a name that this program knows is no content, and keeps the numbers readable
                text.replace(UNSCANNED if isinstance(text.value, str) else UNSCANNED.encode())
        failed = holder.get(semconv.PROCESSOR_ERRORS)
        holder.set(semconv.PROCESSOR_ERRORS, sorted({*(failed if isinstance(failed, list) else ()), self.name}))
        self._report(error)

    def _report(self, error: BaseException) -> None:
        """Log a failure once for each place in the code, by type and line: its text may quote the span."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = (frame.filename, frame.lineno or 0)
        if place not in self._reported:
            self._reported.add(place)
            _log.error(
                "processor %s failed with %s at %s:%d; counted in processor_failed_items, not logged again",
                self.name,
                type(error).__name__,
                frame.filename,
                place[1],
            )


def _detector_for(rules: Sequence[Rule], cache_entries: int, meter: Meter) -> Detector | None:
    """Return one detector for the rules of all processors; None where there are none."""
    if not rules:
        return None
    from otel_llm.detection import RuleDetector  # its engines are packages that not everybody installs

    try:
        return RuleDetector(rules, cache_entries=cache_entries, meter=meter)
    except ValueError as error:
        raise ConfigError(f"the rule {rules[error.args[0]].id} is not read by this platform's engine") from None


def _overridden(processor: Processor, method: str) -> Callable[[Any], None] | None:
    """Return a method that the processor's class defines, None where it inherits the one that does nothing."""
    if getattr(type(processor), method) is getattr(Processor, method):
        return None
    return getattr(processor, method)  # type: ignore[no-any-return]  # getattr is untyped
