"""What spans and log records have in common as the things that a batch is full of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm import semconv
from otel_llm.dimensions import Dimensions
from otel_llm.searched import Searched

if TYPE_CHECKING:
    from otel_llm.attributes import Shared
    from otel_llm.resource import Resource, Scope
    from otel_llm.wire import Encoded

__all__ = ["Item"]


class Item(Searched):
    """A span or a log record."""

    __slots__ = ("_dimensions", "dropped", "scope")

    def __init__(self, proto: Any, scope: Scope, shared: Shared, encoded: Encoded | None = None) -> None:
        super().__init__(proto, shared, encoded)
        self.scope = scope
        """The instrumentation library that wrote it."""
        self.dropped: str | None = None
        """Why a processor dropped it."""
        self._dimensions: Dimensions | None = None

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
        """Whom it is for: as set, else as its attributes say when this is first asked. To set it writes those too."""
        if self._dimensions is None:
            self._dimensions = Dimensions.read(self)
        return self._dimensions

    @dimensions.setter
    def dimensions(self, dimensions: Dimensions) -> None:
        self.update(dimensions.attributes())
        self.keep(dimensions)

    def keep(self, dimensions: Dimensions) -> None:
        """Keep whom it is for, which the attributes say already, whatever becomes of those."""
        self._dimensions = dimensions

    def drop(self, reason: str) -> None:
        """Do not forward it. It is counted under *reason*, a short word of the processor's own, after the chain."""
        self.dropped = reason
        self._shared.dirty = True
