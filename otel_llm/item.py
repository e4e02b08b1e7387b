"""What spans and log records have in common as the things that a batch is full of."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.attributes import Attributes, Shared
from otel_llm.dimensions import Dimensions
from otel_llm.text import Text, texts_under

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from otel_llm.detection import Detector, Finding
    from otel_llm.resource import Resource, Scope

__all__ = ["Item"]


_SHORT: Final = 2048
"""Bytes."""
_TRACE_ID: Final = b"\x0a\x10"
"""What a span begins with: field 1, 16 bytes. Ids are random, and random bytes look like anything."""
_IDS: Final = 18 + 10
"""Bytes of a span's own two ids. Their lengths are checked at the door."""


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
        self._findings: dict[tuple[str, str | bytes], Sequence[Finding]] | None = None

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
    def texts(self, *, unless_clean: bool = False) -> list[Text]:
        """Return every text on it.

        Args:
            unless_clean: leave out those in which the chain's detector would find nothing, as far as it remembers.
        """

    def texts_under(self, keys: Container[str]) -> list[Text]:
        """Return the texts in the attributes with these keys."""
        return texts_under(self._proto, keys, self._touched)

    def is_clean(self) -> bool:
        """Tell by its bytes alone whether the chain's detector can find nothing on it: sure of it, or False.

        Only what is short is looked at: a longer one is hardly ever clean by its bytes, and would be scanned twice.
        """
        detector = self._shared.detector
        if detector is None or self._proto.ByteSize() > _SHORT:
            return False
        raw = self._proto.SerializeToString()
        return detector.is_clean(raw[_IDS:] if raw.startswith(_TRACE_ID) else raw)

    def findings(self, texts: Sequence[Text]) -> Sequence[Sequence[Finding]]:
        """Return what the chain's detector finds in each of some of `texts()`.

        A text is scanned once for each thing that it ever says, whoever asks. To ask for all at once costs less.
        """
        detector = self._shared.detector
        if detector is None:
            return [()] * len(texts)
        return self._shared.own(self._scanned(texts, detector))

    def _scanned(self, texts: Sequence[Text], detector: Detector) -> Sequence[Sequence[Finding]]:
        said = [("" if text.kind == "key" else text.key, text.value) for text in texts]
        known = self._findings
        if known is None:
            found = detector.scan(said)
            self._findings = dict(zip(said, found, strict=True))
            return found
        fresh = [each for each in dict.fromkeys(said) if each not in known]
        if fresh:
            known.update(zip(fresh, detector.scan(fresh), strict=True))
        return [known[each] for each in said]
