"""What spans and log records have in common as the things that a batch is full of."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from otel_llm import semconv
from otel_llm.attributes import Attributes, Shared
from otel_llm.dimensions import Dimensions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection import Finding
    from otel_llm.resource import Resource, Scope
    from otel_llm.text import Text

__all__ = ["Item"]


class Item(Attributes):
    """A span or a log record."""

    __slots__ = ("_dimensions", "_findings", "dropped", "scope")

    def __init__(self, proto: Any, scope: Scope, shared: Shared) -> None:
        super().__init__(proto, shared)
        self.scope = scope
        """The instrumentation library that wrote it."""
        self.dropped: str | None = None
        """Why a processor dropped it."""
        self._dimensions: Dimensions | None = None
        self._findings: dict[str, tuple[str | bytes, Sequence[Finding]]] | None = None

    @property
    def trace_id(self) -> bytes:
        """16 bytes; empty for a log record that belongs to no trace."""
        return self._proto.trace_id  # type: ignore[no-any-return]  # protobuf's any

    @property
    def span_id(self) -> bytes:
        """8 bytes; empty for a log record that belongs to no span."""
        return self._proto.span_id  # type: ignore[no-any-return]  # as above

    @property
    def resource(self) -> Resource:
        """Who sent it."""
        return self.scope.resource

    @property
    def is_gen_ai(self) -> bool:
        """Whether it has a `gen_ai.*` attribute."""
        return any(key.startswith(semconv.GEN_AI_PREFIX) for key in self._indexed())

    @property
    def dimensions(self) -> Dimensions:
        """Whom it is for: as set, else as its attributes say when this is first asked."""
        if self._dimensions is None:
            self._dimensions = Dimensions.read(self)
        return self._dimensions

    @dimensions.setter
    def dimensions(self, dimensions: Dimensions) -> None:
        dimensions.write(self)
        self._dimensions = dimensions

    def drop(self, reason: str) -> None:
        """Do not forward it. It is counted under *reason*, a short word of the processor's own, after the chain."""
        self.dropped = reason
        self._shared.dirty = True

    @abstractmethod
    def texts(self) -> list[Text]:
        """Return every text on it."""

    def findings(self, text: Text) -> Sequence[Finding]:
        """Return what the chain's detector finds in one of `texts()`. Scanned once for each thing it ever says."""
        value = text.value
        if self._findings is None:  # most items are never scanned: they need no table
            self._findings = {}
        known = self._findings.get(text.path)
        if known is None or known[0] != value:
            detector = self._shared.detector
            known = self._findings[text.path] = (value, detector.scan(value) if detector else ())
        return known[1]
