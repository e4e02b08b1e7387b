"""The exporter `debug`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from otel_llm.component import Exporter, Settings
from otel_llm.errors import Permanent
from otel_llm.exporters.debug.line import Part, details_of, line_of

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.exporters.debug.config import DebugConfig

__all__ = ["DebugExporter"]

_Line = Sequence[Part]


class DebugExporter(Exporter):
    """Prints a line for every gen_ai span; for a batch without any, how much is in it."""

    def __init__(self, config: DebugConfig, _settings: Settings) -> None:
        self._detailed = config.verbosity == "detailed"
        self._print = _print_to_terminal if sys.stdout.isatty() else _print_plainly
        # A reader of standard output that is slow must hold up this thread, not the event loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="otel-llm-debug")

    @property
    def target(self) -> str:
        """Where lines go."""
        return "standard output"

    async def export(self, batch: Batch, /) -> int:
        """Print *batch*.

        Raises:
            Permanent: standard output is closed.
        """
        lines = list(self._lines(batch))
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._print, lines)
        except OSError:
            raise Permanent("standard output cannot be written", reason="stdout") from None
        return 0

    async def shutdown(self) -> None:
        """Let the last lines go out."""
        await asyncio.to_thread(self._thread.shutdown)

    def _lines(self, batch: Batch) -> Iterator[_Line]:
        spans = [span for span in batch.spans if span.is_gen_ai]
        for span in spans:
            yield line_of(span)
            if self._detailed:
                for detail in details_of(span):
                    yield [(f"    {detail}", "dim")]
        if not spans:
            yield [(f"{batch.signal.items} without gen_ai: {batch.item_count}", "dim")]


def _print_plainly(lines: Sequence[_Line]) -> None:
    sys.stdout.write("".join(" ".join(text for text, _ in line) + "\n" for line in lines))
    sys.stdout.flush()


def _print_to_terminal(lines: Sequence[_Line]) -> None:
    from rich.console import Console  # needed by people only: not loaded by a service
    from rich.text import Text

    console = Console(file=sys.stdout, soft_wrap=True)
    for line in lines:
        console.print(Text(" ").join(Text(text, style) for text, style in line))
