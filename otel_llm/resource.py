"""The facades of what spans and log records share: the resource that sent them and the scope that wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from otel_llm.attributes import Attributes, Shared
from otel_llm.text import Text, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection import Finding

__all__ = ["Resource", "Scope"]


class Resource(Attributes):
    """Who sent the spans below it: a service, its host, its SDK.

    A scope is handed to `Processor.process_resource` too: `kind` tells them apart.
    """

    __slots__ = ("_envelope",)

    kind: Literal["resource", "scope"] = "resource"

    def __init__(self, envelope: Any, shared: Shared) -> None:
        """Take a ResourceSpans, ResourceLogs or ResourceMetrics."""
        super().__init__(getattr(envelope, self.kind), shared)
        self._envelope = envelope

    def texts(self, *, unless_clean: bool = False) -> list[Text]:
        """Return every text of it, its envelope's schema URL included; not those of the spans below."""
        below = frozenset(f.name for f in self._envelope.DESCRIPTOR.fields if f.is_repeated)
        return texts_of(self._envelope, self._touched, skip=below, clean=self._clean if unless_clean else ())

    def findings(self, texts: Sequence[Text]) -> Sequence[Sequence[Finding]]:
        """Return what the chain's detector finds in each of some of `texts()`."""
        detector = self._shared.detector
        if detector is None:
            return [()] * len(texts)
        said = [("" if text.kind == "key" else text.key, text.value) for text in texts]
        return self._shared.own(detector.scan(said))


class Scope(Resource):
    """The instrumentation library that wrote the spans below it."""

    __slots__ = ("__weakref__", "resource")

    kind: Literal["resource", "scope"] = "scope"

    def __init__(self, envelope: Any, shared: Shared, resource: Resource) -> None:
        """Take a ScopeSpans, ScopeLogs or ScopeMetrics."""
        super().__init__(envelope, shared)
        self.resource = resource

    @property
    def name(self) -> str:
        """The library's name, such as `opentelemetry.instrumentation.openai_v2`."""
        return self._proto.name  # type: ignore[no-any-return]  # protobuf's any

    @property
    def version(self) -> str:
        """The library's version."""
        return self._proto.version  # type: ignore[no-any-return]  # as above
