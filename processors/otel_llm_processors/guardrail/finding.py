"""What a check says about a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from otel_llm.detectors import Target
from otel_llm_processors.guardrail.content import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm_processors.guardrail.content import Call

__all__ = ["Check", "Finding"]


class Finding(NamedTuple):
    """A rule that a call breaks. Only the place of what broke it leaves the processor, never its text."""

    rule: str
    """The rule's id, such as `prompt_injection.override`."""
    target: Target | Literal["call"]
    """What it was found in; `call`: all of it."""
    part: Part | None = None
    """The part of it, where that is known."""
    score: float = 1.0
    """How sure it is, 0 to 1."""


class Check(Protocol):
    """Looks for one kind of thing. Made once for each thread."""

    def __call__(self, call: Call, /) -> Iterable[Finding]:
        """Return what it finds in a call."""
        ...
