"""What a detector is: something that judges what calls say, one passage at a time, for the guardrail.

A detector of your own is an entry point of the group `otel_llm.detectors`, and is named under `processors.guardrail.
detectors`; so are those that come with the program. It sees passages as text, in batches, and says which of its rules
each breaks. Where they stand, what becomes of it, and how often a passage is judged is the guardrail's affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from otel_llm.component import C, Factory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["SAID_BY_OTHERS", "TARGETS", "Detection", "DetectorFactory", "Passage", "Target", "TextDetector"]

Target = Literal["system", "input", "history", "output", "reasoning", "tool_call", "tool_result"]
"""What a passage is: instructions, what a user says, what the model said earlier, what it says, what it thinks, what a
tool is called with, what it returns."""
TARGETS: Final[frozenset[Target]] = frozenset(get_args(Target))
SAID_BY_OTHERS: Final[frozenset[Target]] = frozenset({"input", "tool_result", "tool_call"})
"""What others than the app and its model have said, or may have had a say in."""


class Passage(NamedTuple):
    """A part of a message, or what a tool was given or gave."""

    target: Target
    text: str


class Detection(NamedTuple):
    """A rule that a passage breaks. It says nothing of the text."""

    rule: str
    """One of the detector's `rules`."""
    score: float = 1.0
    """How sure it is, 0 to 1."""


class TextDetector(ABC):
    """Judges passages by their text alone: the same text is not shown again while the guardrail remembers it.

    One instance serves one thread. CPU only, unless it `waits`. What it raises costs its judgement on that batch: the
    passages are told as `unscanned.` and its name in the config.
    """

    rules: Sequence[str]
    """The ids of all rules that it can tell of, such as `toxicity.insult`: they become attributes and labels of
    metrics. Known once it is made, and no part of any passage."""
    waits: bool = False
    """Whether `detect` may wait for something outside the process, for a bounded time. It is then only called on
    threads that may be kept waiting, never on the event loop."""
    targets: frozenset[Target] = TARGETS
    """What it is shown."""

    @abstractmethod
    def detect(self, passages: Sequence[Passage], /) -> Sequence[Iterable[Detection]]:
        """Return what each passage breaks, in their order."""

    def shutdown(self) -> None:  # noqa: B027 - a default that does nothing is the point of it
        """Release resources. Safe to call twice."""


class DetectorFactory(Factory[C, TextDetector]):
    """An entry point of the group `otel_llm.detectors`."""
