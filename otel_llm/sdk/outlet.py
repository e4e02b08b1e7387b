"""The way out of an app: a chain of processors, then exporters of the SDK's.

The SDK's batch processor, whose queue is bounded, calls it from a thread of its own. What is heavy is imported and made
at the first export: so the app starts at once, and a process that was forked before has its own.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import Counter
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.chain import Chain  # noqa: TC004 - heavy, and an app's import of this module is not to be
    from otel_llm.sdk.readable import Codec  # noqa: TC004 - as above
    from otel_llm.signals import Signal
    from otel_llm.telemetry import Meter

__all__ = ["Opened", "Outlet", "SdkExporter"]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_log = logging.getLogger(__name__)


class SdkExporter(Protocol[T_contra]):
    """What span and log exporters of the SDK have in common."""

    def export(self, batch: Sequence[T_contra], /) -> Any:
        """Send; return an enum whose member `SUCCESS` says that nothing was lost."""

    def shutdown(self) -> None:
        """Close."""

    def force_flush(self, timeout_millis: int = ...) -> bool:
        """Send what waits."""


class Opened(NamedTuple):
    """What an outlet has once it is open."""

    chain: Chain
    codec: Codec[Any]
    exporters: Sequence[SdkExporter[Any]]


class Outlet(Generic[T]):
    """Processes and sends. Never raises: whatever goes wrong costs telemetry, is counted, and is said once."""

    _lock: Lock
    _opened: Opened | None
    _problem: ConfigError | None
    _meter: Meter | None
    _said: set[str]

    def __init__(self, signal: Signal, exporters: Sequence[SdkExporter[T]] = ()) -> None:
        """Prepare; nothing is opened yet.

        Args:
            signal: Which of the config's pipelines.
            exporters: Where to; without any, where the config and the environment say.
        """
        self._signal = signal
        self._given = tuple(exporters)
        self._shut_down = False
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (again := begin()) and again())

    @property
    def meter(self) -> Meter:
        """Its metrics and its processors': `meter.text()` is in the Prometheus text format."""
        if self._meter is None:
            from otel_llm.telemetry import Meter  # not before the first export, as all that is heavy

            self._meter = Meter()
        return self._meter

    def export(self, items: Sequence[T]) -> bool:
        """Process *items* and send what is left; return whether none was lost.

        Where processing is not possible they go on as they are, unless the chain fails closed or is not known.
        """
        if self._shut_down:
            return self._lose(["shut_down"] * len(items), "used after its shutdown")
        try:
            with self._lock:
                opened = self._open()
                processed = self._process(opened, items)
        except ConfigError as error:
            return self._lose(["config"] * len(items), "cannot be used, so nothing is exported: " + str(error))
        except Exception as error:  # noqa: BLE001 - no bug of ours or of a plug-in may reach the app
            return self._lose(["internal_error"] * len(items), f"failed with {type(error).__name__}")
        return self._send(opened.exporters, processed)

    def shutdown(self) -> None:
        """Shut down processors and exporters, each whatever the others do. Safe to call twice."""
        if self._shut_down:
            return
        self._shut_down = True
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.chain.shutdown()
        for exporter in opened.exporters if opened is not None else self._given:
            try:
                exporter.shutdown()
            except Exception as error:  # noqa: BLE001 - as above
                self._say_once(f"could not shut down an exporter: {type(error).__name__}")

    def force_flush(self, timeout_millis: int) -> bool:
        """Flush the exporters: nothing waits here."""
        exporters = self._opened.exporters if self._opened is not None else self._given
        flushed = [exporter.force_flush(timeout_millis) for exporter in exporters]  # each, whatever the others say
        return all(flushed)

    def _begin(self) -> None:
        """Begin, also in a process that was forked: with a lock that nobody holds, and connections of its own."""
        self._lock = Lock()
        self._opened = None
        self._problem = None
        self._meter = None
        self._said = set()

    def _open(self) -> Opened:
        if self._problem is not None:
            raise self._problem
        if self._opened is None:
            from otel_llm.sdk.setup import open_outlet  # heavy, as the first export may be

            try:
                self._opened = open_outlet(self._signal, self.meter, self._given)
            except ConfigError as error:
                self._problem = error
                raise
        return self._opened

    def _process(self, opened: Opened, items: Sequence[T]) -> Sequence[T]:
        try:
            processed = opened.codec.process(items, opened.chain)
        except Exception as error:
            if opened.chain.fails_closed:
                raise
            self._say_once(f"exports what it could not process: {type(error).__name__}")
            return items
        if processed.dropped:
            self._count_lost(processed.dropped)
        return processed.items

    def _send(self, exporters: Iterable[SdkExporter[T]], items: Sequence[T]) -> bool:
        if not items:
            return True
        sent = [self._send_to(exporter, items) for exporter in exporters]
        if not all(sent):
            return self._lose(["not_sent"] * len(items), "could not send; the exporter's own log says why")
        self.meter.counter(f"sdk_exported_{self._signal.items}", "Items that exporters have taken.").inc(len(items))
        return True

    def _send_to(self, exporter: SdkExporter[T], items: Sequence[T]) -> bool:
        try:
            return exporter.export(items).name == "SUCCESS"  # type: ignore[no-any-return]  # one of two enums
        except Exception as error:  # noqa: BLE001 - as above
            self._say_once(f"an exporter failed with {type(error).__name__}")
            return False

    def _lose(self, reasons: Sequence[str], why: str) -> bool:
        self._count_lost(reasons)
        self._say_once(why)
        return False

    def _count_lost(self, reasons: Sequence[str]) -> None:
        dropped = self.meter.counter(f"sdk_dropped_{self._signal.items}", "Items lost, and why.", ["reason"])
        for reason, count in Counter(reasons).items():
            dropped.labels(reason).inc(count)

    def _say_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.error("the %s exporter of otel_llm %s", self._signal, what)
