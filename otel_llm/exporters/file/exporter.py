"""The exporter `file`."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_llm import otlp_json
from otel_llm.component import Exporter, Settings
from otel_llm.errors import Retryable, StartError

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.exporters.file.config import FileConfig

__all__ = ["FileExporter"]

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_OWNER_ONLY: Final = 0o600


class FileExporter(Exporter):
    """Appends a line for each batch.

    The file is opened for every batch, so that one that was moved away or removed is not written to any longer.
    """

    def __init__(self, config: FileConfig, settings: Settings) -> None:
        self._path = config.path
        self._name = settings.name
        # One thread of its own: an attempt that was given up may still be writing when the next one begins.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="otel-llm-file")

    @property
    def target(self) -> str:
        """The file's path."""
        return str(self._path)

    async def start(self) -> None:
        """Check that the file can be written.

        Raises:
            StartError: it cannot.
        """
        try:
            os.close(os.open(self._path, _FLAGS, _OWNER_ONLY))
        except OSError:
            raise StartError(f"exporters.{self._name}.path: cannot be opened for appending") from None

    async def export(self, batch: Batch, /) -> int:
        """Append *batch*.

        Raises:
            Retryable: it cannot be written now, such as on a full disk.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, batch)
        except OSError:
            raise Retryable("the file cannot be written") from None
        return 0

    async def shutdown(self) -> None:
        """Let a write that is under way finish."""
        await asyncio.to_thread(self._thread.shutdown)

    def _append(self, batch: Batch) -> None:
        line = otlp_json.encode(batch.signal, batch.to_bytes()) + b"\n"
        file = os.open(self._path, _FLAGS, _OWNER_ONLY)
        try:
            _write_all(file, line)
        finally:
            os.close(file)


def _write_all(file: int, line: bytes) -> None:
    """Write the whole line or, in a regular file, nothing: what follows half a line could not be read either."""
    before = os.fstat(file).st_size
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with suppress(OSError):  # a pipe or a terminal has no length
            os.ftruncate(file, before)
        raise
