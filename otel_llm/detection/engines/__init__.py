"""What finds the places where rules may match: three engines behind one interface, the best that is installed."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from otel_llm.detection.extent import holds_run, max_width
from otel_llm.detection.pattern import RUN, alternatives, loosened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    class Engine(Protocol):
        """Compiled patterns, for one thread. Patterns are known by their places in the list they were compiled from."""

        def found(self, data: bytes, starts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
            """Yield the patterns that may match in *data*, each with the first and last offset of where.

            And with how many bytes that are to be searched more than for an ordinary text: an engine without a trigger
            searches every text for the same patterns, 0.

            *starts* are the offsets of the texts that are joined in it by NUL, and where the next one would begin.

            Raises:
                OverflowError: there are more places than bytes.
            """
            ...

        def runs(self, data: bytes) -> Sequence[tuple[int, int]] | None:
            """Return where each `RUN` with what continues it begins and ends in what was `found` last, *data*.

            None if that is not known.
            """
            ...

        def marks(self, data: bytes) -> Sequence[int] | None:
            """Return offsets in *data*; None if they are too many.

            One is in, or right behind, every part of it in which something may match or hide, but for escapes, whatever
            stands around the part.
            """
            ...

        def suspicious(self, data: bytes) -> Sequence[int] | None:
            """Return the offsets where what may match in *data*, or may hide something, ends; None if that is anywhere.

            *data* are texts, joined by NUL.
            """
            ...

        def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
            """Return where *tolerated* ones may match in *data*, or in a part of it whatever stands around the part.

            That is offsets in such matches, or right behind them. None where another one may match: that is known as
            soon as the first has been found.
            """
            ...

        def spans(
            self, pattern: int, data: bytes, begin: int = 0, end: int | None = None, *, quoted: bool = False
        ) -> Iterator[tuple[int, int]]:
            """Yield where a pattern matches between two offsets, left to right: its first group, or all.

            *quoted* where quotes are the edges of texts, as in JSON.
            """
            ...

    Program = Callable[[], Engine]
    """Makes an engine for a thread."""


__all__ = ["Engine", "EngineName", "Pattern", "Program", "compile_patterns", "installed"]

EngineName = Literal["hyperscan", "re2", "re"]


_NARROW: Final = 256
"""Bytes: around a run not more than this is looked at for patterns that have none of their own."""


class Pattern(NamedTuple):
    """What an engine compiles."""

    expression: str
    keywords: tuple[str, ...] = ()
    """Texts of which one stands in whatever it matches, in any case."""
    trigger: str = ""
    """An expression that matches in whatever is to be found, where that is faster to look for."""
    gate: str = ""
    """One that does so too, to be looked for first."""

    @property
    def sought(self) -> str:
        """What is looked for where a gate has fired."""
        return self.trigger or self.expression

    @property
    def loose(self) -> str:
        """What fires wherever it matches, whatever stands around."""
        return loosened(self.sought)

    @property
    def gates(self) -> list[str]:
        """Expressions of which one fires in whatever it matches, each soon looked for: many patterns share some."""
        if not self.gate and max_width(self.expression) <= _NARROW and holds_run(self.expression):
            return [RUN]
        return alternatives(loosened(self.gate or self.sought))


def installed() -> EngineName:
    """Return the best engine whose packages are there."""
    if find_spec("re2") is None:
        return "re"
    return "re2" if find_spec("hyperscan") is None else "hyperscan"


@lru_cache(32)
def compile_patterns(patterns: tuple[Pattern, ...], name: EngineName, disguises: tuple[str, ...] = ()) -> Program:
    """Compile once for the whole process; every thread makes its engine of the result.

    *disguises* are expressions that are not looked for in texts, but fire in requests as patterns do.

    Raises:
        ValueError: a pattern that this engine does not read; its place is the error's only argument.
    """
    if name == "hyperscan":
        from otel_llm.detection.engines.hyperscan import HyperscanProgram  # the extra may not be installed

        return HyperscanProgram(patterns, disguises)
    if name == "re2":
        from otel_llm.detection.engines.re2 import Re2Program  # as above

        return Re2Program(patterns, disguises)
    from otel_llm.detection.engines.stdlib import StdlibProgram  # only where the others are not

    return StdlibProgram(patterns, disguises)
