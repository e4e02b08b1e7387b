"""One request through an intake with the built-in processors, in a process of its own: what it took, as JSON.

python -m tests.admission.intake_process ENCODING FILE
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from otel_llm.admission import Admission, MemoryConfig
from otel_llm.chain import Chain
from otel_llm.intake import Intake
from otel_llm.journal.memory import MemoryJournal
from otel_llm.pipeline import Pipeline
from otel_llm.request import Encoding, Request
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from otel_llm_processors import cost, gen_ai_normalizer


def resident(name: str) -> int:
    """Return bytes: `VmRSS` for now, `VmHWM` for the most there has been."""
    return int(re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))[0]) * 1024


async def main(encoding: Encoding, body: Path) -> None:
    """Warm up with a small request, so that only the large one is measured."""
    meter = Meter()
    executor = ThreadPoolExecutor(1)

    def make_chain() -> Chain:
        return Chain([(part.factory.name, part.factory.build()) for part in (gen_ai_normalizer, cost)], meter=meter)

    pipeline = Pipeline("traces", Signal.TRACES, make_chain, meter)
    journal = MemoryJournal(1 << 30)
    journal.open_cursor("sink", frozenset({"traces"}))
    intake = Intake("otlp", [pipeline], journal, executor, meter, admission=Admission(MemoryConfig(), meter))
    await intake.receive(Request(Signal.TRACES, make_request({"gen_ai.operation.name": "chat"})))
    before = resident("VmRSS")
    answer = await intake.receive(Request(Signal.TRACES, body.read_bytes(), encoding))
    peak = resident("VmHWM")
    print(json.dumps({"status": answer.grpc_status, "took": peak - before, "peak": peak}))  # noqa: T201 - its result
    executor.shutdown()


if __name__ == "__main__":
    asyncio.run(main(cast("Encoding", sys.argv[1]), Path(sys.argv[2])))
