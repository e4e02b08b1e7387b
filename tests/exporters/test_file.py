"""The exporter `file`, on a real disk."""

from __future__ import annotations

import asyncio
import os
import resource
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from otel_llm import otlp_json
from otel_llm.batch import Batch
from otel_llm.errors import Retryable, StartError
from otel_llm.exporters.file import factory
from otel_llm.signals import Signal
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exporters.backends import Start

REQUESTS = [make_request({"number": number, "text": "line\nbreak"}) for number in range(20)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "out.jsonl"


def size_of(path: Path) -> int:
    """Return the size of a file."""
    return path.stat().st_size


def move(path: Path) -> Path:
    """Move a file away, as rotation does; return where it is now."""
    return path.rename(path.with_suffix(".1"))


def requests_of(path: Path) -> list[bytes]:
    """Return the requests that stand in a file, in protobuf."""
    return [otlp_json.decode(Signal.TRACES, line) for line in path.read_bytes().splitlines()]


async def test_writes_a_line_for_each_batch(path: Path, started: Start) -> None:
    """Every batch is a line of OTLP/JSON, there as soon as it counts as sent."""
    exporter = await started(factory.build({"path": str(path)}))

    for number, request in enumerate(REQUESTS):
        assert 0 == await exporter.export(Batch(request))
        assert REQUESTS[: number + 1] == requests_of(path)


async def test_appends(path: Path, started: Start) -> None:
    """What stands in the file already stays."""
    for request in REQUESTS[:2]:
        exporter = await started(factory.build({"path": str(path)}))
        await exporter.export(Batch(request))

    assert REQUESTS[:2] == requests_of(path)


async def test_is_readable_to_its_owner_only(path: Path, started: Start, tmp_path: Path) -> None:
    """A file that the exporter makes holds what people said: it is for its owner."""
    await started(factory.build({"path": str(path)}))

    assert [0o600] == [entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path)]


async def test_batches_do_not_mix(path: Path, started: Start) -> None:
    """Batches that are written at once stand in lines of their own."""
    exporter = await started(factory.build({"path": str(path)}))

    await asyncio.gather(*(exporter.export(Batch(request)) for request in REQUESTS))

    assert sorted(REQUESTS) == sorted(requests_of(path))


async def test_a_file_that_was_moved_away(path: Path, started: Start) -> None:
    """After the file has been moved away the next batch begins a new one."""
    exporter = await started(factory.build({"path": str(path)}))
    await exporter.export(Batch(REQUESTS[0]))

    moved = move(path)
    await exporter.export(Batch(REQUESTS[1]))

    assert ([REQUESTS[0]], [REQUESTS[1]]) == (requests_of(moved), requests_of(path))


async def test_a_full_disk(started: Start) -> None:
    """A disk that is full now may have room later; the error says nothing of the batch."""
    exporter = await started(factory.build({"path": "/dev/full"}))

    with pytest.raises(Retryable, match=r"^the file cannot be written$"):
        await exporter.export(Batch(REQUESTS[0]))


async def test_half_a_line_is_taken_back(path: Path, started: Start) -> None:
    """When the disk takes half a line, the file ends with the line before, and the next attempt follows that."""
    exporter = await started(factory.build({"path": str(path)}))
    await exporter.export(Batch(REQUESTS[0]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (size_of(path) + 10, hard))
    try:
        with pytest.raises(Retryable):
            await exporter.export(Batch(REQUESTS[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert REQUESTS[:1] == requests_of(path)

    await exporter.export(Batch(REQUESTS[1]))
    assert REQUESTS[:2] == requests_of(path)


async def test_a_path_that_cannot_be_written_is_found_at_the_start(tmp_path: Path) -> None:
    """A directory that is not there is an error at the start, which names the key."""
    exporter = factory.build({"path": str(tmp_path / "missing" / "out.jsonl")})

    with pytest.raises(StartError, match=r"^exporters\.file\.path: "):
        await exporter.start()

    await exporter.shutdown()


def test_the_path_is_required() -> None:
    """Without a path there is nothing to write to."""
    with pytest.raises(ValidationError):
        factory.build({})
