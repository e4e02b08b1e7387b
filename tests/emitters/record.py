"""Refreshes the recordings: `python -m tests.emitters.record [emitter ...]`.

A recording is what an emitter sent in one scenario: OTLP/JSON, an export request a line, as it came but for the places
of the machine that recorded it.
"""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import Path
from typing import Final

from otel_llm import otlp_json
from otel_llm.signals import Signal
from tests.e2e.program import ROOT
from tests.e2e.sink import Sink
from tests.emitters.app import run_app
from tests.emitters.table import EMITTERS, Emitter

__all__ = ["recording"]

_RECORDINGS: Final = ROOT / "tests" / "golden" / "emitters"
_PLACES: Final = {str(ROOT): "/app", sys.base_prefix: "/usr", str(Path.home()): "/home", platform.node(): "host"}


def recording(emitter: Emitter, scenario: str) -> Path:
    """Return the file that keeps what an emitter sent in a scenario."""
    return _RECORDINGS / emitter.name / f"{scenario}.jsonl"


async def _record(emitter: Emitter, scenario: str) -> None:
    async with Sink() as sink:
        await run_app(emitter, scenario, sink.http_endpoint)
        bodies = [each.body for each in sink.received if each.signal is Signal.TRACES]
    lines = [otlp_json.encode(Signal.TRACES, body).decode() + "\n" for body in bodies]
    path = recording(emitter, scenario)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_without_places("".join(lines)))


def _without_places(text: str) -> str:
    for place, name in _PLACES.items():
        text = text.replace(place, name)
    return text


async def _main(names: list[str]) -> None:
    for emitter in EMITTERS:
        if not names or emitter.name in names:
            for scenario in emitter.scenarios:
                await _record(emitter, scenario)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
