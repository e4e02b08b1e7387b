"""What the benchmarks' command lines have in common."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench.rig import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["parser", "run"]


def parser(name: str, docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser for `python -m bench.<name>`, which is described by the first line of its module's docstring."""
    return argparse.ArgumentParser(prog=f"python -m bench.{name}", description=(docstring or "").partition("\n")[0])


def run(main: Callable[[], int | None]) -> None:
    """Exit with what *main* returns; with 3, and the reason, where nothing can be measured."""
    try:
        sys.exit(main())
    except BenchError as problem:
        print(problem, file=sys.stderr)
        sys.exit(3)
