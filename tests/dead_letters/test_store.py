from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from otel_llm.batch import Batch
from otel_llm.dead_letters import DeadLetters, find
from otel_llm.signals import Signal
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from pathlib import Path

BODY = make_request({"secret": "hunter2"})


def letters(directory: Path, destination: str = "otlp/eu", max_bytes: int = 10_000) -> DeadLetters:
    """Return a place for dead letters, at a fixed time."""
    return DeadLetters(directory, destination, max_bytes, lambda: datetime(2026, 1, 2, tzinfo=UTC))


async def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    """Byte for byte, with where it was going and why it did not get there."""
    assert await letters(tmp_path).put(Batch(BODY), "http_400")
    (found,) = find(tmp_path)

    assert ("otlp/eu", Signal.TRACES, 1, "http_400", "2026-01-02T00:00:00.000+00:00") == (
        found.destination,
        found.signal,
        found.items,
        found.reason,
        found.time,
    )
    assert BODY == found.batch().to_bytes()


async def test_letters_are_found_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    """Oldest first, also past nine; of one destination where one is asked for."""
    kept = letters(tmp_path)
    for number in range(12):
        await kept.put(Batch(BODY), f"reason_{number}")
    await letters(tmp_path, "other").put(Batch(BODY), "elsewhere")

    assert [f"reason_{number}" for number in range(12)] == [letter.reason for letter in find(tmp_path, "otlp/eu")]
    assert ["elsewhere"] == [letter.reason for letter in find(tmp_path, "other")]


async def test_a_dropped_letter_is_gone(tmp_path: Path) -> None:
    """Dropping it twice is no error: somebody else may have done it."""
    await letters(tmp_path).put(Batch(BODY), "x")
    (found,) = find(tmp_path)
    found.drop()
    found.drop()

    assert [] == list(find(tmp_path))


async def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    """They hold what spans hold."""
    await letters(tmp_path / "letters").put(Batch(BODY), "x")
    (found,) = find(tmp_path / "letters")

    assert 0o600 == stat.S_IMODE(found.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(found.path.parent.stat().st_mode)


async def test_past_the_limit_nothing_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A backend that refuses everything does not fill the disk."""
    kept = letters(tmp_path, max_bytes=3 * len(BODY))

    assert [True, True, False] == [await kept.put(Batch(BODY), "x") for _ in range(3)]
    assert "no more room for dead letters" in caplog.text


@pytest.mark.parametrize("name", ["../../etc", "a/b", "x\x00y", "CON", "é" * 80])
async def test_no_name_leaves_the_directory(tmp_path: Path, name: str) -> None:
    """S7: whatever an exporter is called, its letters stay where letters belong."""
    assert await letters(tmp_path / "in", name[:60]).put(Batch(BODY), "x")

    assert ["in"] == os.listdir(tmp_path)  # noqa: PTH208 - not a path that blocks
    assert [name[:60]] == [letter.destination for letter in find(tmp_path / "in")]


async def test_a_disk_that_cannot_be_written_costs_the_letter_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The destination goes on; the log says why, without the path or the content."""
    tmp_path.joinpath("file").write_text("not a directory")

    assert not await letters(tmp_path / "file").put(Batch(BODY), "x")
    assert "a dead letter cannot be written: Not a directory" in caplog.text


async def test_what_is_no_letter_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign or damaged file is named and left alone."""
    await letters(tmp_path).put(Batch(BODY), "x")
    tmp_path.joinpath("otlp%2Feu", "foreign.otlp").write_bytes(b"\x00\xff")

    assert 1 == len(list(find(tmp_path)))
    assert "foreign.otlp is not a dead letter" in caplog.text
