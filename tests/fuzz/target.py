"""One entrance under atheris, a coverage-guided fuzzer on libFuzzer's engine.

usage: python -m tests.fuzz.target ENTRANCE [libFuzzer's flags] [directories with inputs]
"""

from __future__ import annotations

import sys
from functools import partial

import atheris

with atheris.instrument_imports(include=["otel_llm", "otel_llm_processors"]):
    from tests.fuzz.entrances import ENTRANCES, Entrances


def main(name: str, *flags: str) -> None:
    """Give inputs to an entrance. Does not return: libFuzzer ends the process, with its own status at a failure."""
    with Entrances() as entrances:
        atheris.Setup([name, *flags], partial(ENTRANCES[name], entrances))
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
