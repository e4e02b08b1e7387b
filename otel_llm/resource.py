"""The facades of what spans and log records share: the resource that sent them and the scope that wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from otel_llm.searched import Searched

if TYPE_CHECKING:
    from otel_llm.attributes import Shared

__all__ = ["Resource", "Scope"]


class Resource(Searched):
    """Who sent the spans below it: a service, its host, its SDK.

    A scope is handed to `Processor.process_resource` too: `kind` tells them apart.
    """

    __slots__ = ("_envelope",)

    kind: Literal["resource", "scope"] = "resource"

    def __init__(self, envelope: Any, shared: Shared) -> None:
        """Take a ResourceSpans, ResourceLogs or ResourceMetrics."""
        super().__init__(getattr(envelope, self.kind), shared)
        self._envelope = envelope

    @property
    def _searched(self) -> tuple[Any, frozenset[str]]:
        """Its envelope, with the schema's URL, without the spans below."""
        return self._envelope, frozenset(f.name for f in self._envelope.DESCRIPTOR.fields if f.is_repeated)


class Scope(Resource):
    """The instrumentation library that wrote the spans below it."""

    __slots__ = ("identity", "resource")

    kind: Literal["resource", "scope"] = "scope"

    def __init__(self, envelope: Any, shared: Shared, resource: Resource) -> None:
        """Take a ScopeSpans, ScopeLogs or ScopeMetrics."""
        super().__init__(envelope, shared)
        self.resource = resource
        self.identity = object()
        """Nobody else's, and to be kept for as long as one likes: the scope itself would keep the batch alive."""

    @property
    def name(self) -> str:
        """The library's name, such as `opentelemetry.instrumentation.openai_v2`."""
        return self._proto.name  # type: ignore[no-any-return]  # protobuf's any

    @property
    def version(self) -> str:
        """The library's version."""
        return self._proto.version  # type: ignore[no-any-return]  # as above
