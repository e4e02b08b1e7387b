"""Files that components read."""

from __future__ import annotations

import gc
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_llm.component import Settings
from otel_llm.errors import ConfigError
from otel_llm.reload import Files
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from tests.reload.rig import CONFIG, Client, Rig, first_word

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file that can be used."""
    path = tmp_path / "rules.txt"
    path.write_text("one")
    return path


@pytest.fixture
def meter() -> Meter:
    """Count."""
    return Meter()


@pytest.fixture
def files(meter: Meter) -> Files:
    """Watch files."""
    return Files(meter)


async def settle(files: Files) -> None:
    """Look twice: a file that differs from the look before is not read yet."""
    await files.poll()
    await files.poll()


def write(path: Path, text: str) -> None:
    """Write a file in place."""
    path.write_text(text)


def replace(path: Path, text: str) -> None:
    """Rename another file, of the same time, to this one."""
    old = path.stat()
    new = path.with_suffix(".new")
    new.write_text(text)
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.rename(path)


def delete(path: Path) -> None:
    """Delete a file."""
    path.unlink()


class TestWatched:
    async def test_a_change_is_read(self, files: Files, path: Path, meter: Meter) -> None:
        """The value is the newest; every change is counted."""
        watched = files.watch(first_word, path)
        before = watched.value
        write(path, "two words")
        await settle(files)

        assert ("one", "two") == (before, watched.value)
        assert 1 == meter.value("file_reloads_total", file=str(path))

    async def test_a_file_that_is_replaced_is_read(self, files: Files, path: Path) -> None:
        """By a rename, as editors do it, or by a link, as Kubernetes does: with the same size and time too."""
        watched = files.watch(first_word, path)
        replace(path, "two")
        await settle(files)

        assert "two" == watched.value

    async def test_what_is_being_written_is_not_read(self, files: Files, path: Path) -> None:
        """A file that differs at each look is half written: it is read when it is whole."""
        watched = files.watch(first_word, path)
        seen = []
        for text in ("ba", "bana", "banana"):
            write(path, text)
            await files.poll()
            seen.append(watched.value)
        await files.poll()

        assert (["one"] * 3, "banana") == (seen, watched.value)

    async def test_the_same_content_is_no_change(self, files: Files, path: Path, meter: Meter) -> None:
        """A file that is only touched is not made anything of."""
        calls: list[bytes] = []
        files.watch(calls.append, path)
        os.utime(path)
        await settle(files)

        assert [b"one"] == calls
        assert 0 == meter.value("file_reloads_total", file=str(path))

    async def test_what_cannot_be_used_changes_nothing(
        self, files: Files, path: Path, meter: Meter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is logged and counted once; the old value stays until the file is good again."""
        caplog.set_level(logging.INFO)
        watched = files.watch(first_word, path)
        write(path, "bad")
        await settle(files)
        await settle(files)
        kept = watched.value
        write(path, "good")
        await settle(files)

        assert ("one", "good") == (kept, watched.value)
        assert 1 == meter.value("file_reload_failed_total", file=str(path))
        assert [
            f"{path}: what was read before stays in use: the file is bad",
            f"{path}: read again",
        ] == caplog.messages

    async def test_a_bug_in_a_component_costs_its_file_only(
        self, files: Files, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever a function raises, others are served; its text, which may quote the file, is not logged."""
        other = tmp_path / "other.txt"
        write(other, "1")
        number = files.watch(int, other)
        watched = files.watch(first_word, path)
        write(other, "secret")
        write(path, "two")
        await settle(files)

        assert (1, "two") == (number.value, watched.value)
        assert f"{other}: what was read before stays in use: reading it failed with ValueError" in caplog.messages
        assert "secret" not in caplog.text

    async def test_a_file_that_goes_away_changes_nothing(self, files: Files, path: Path, meter: Meter) -> None:
        """A deleted file is a failed change, and its return a good one."""
        watched = files.watch(first_word, path)
        delete(path)
        await settle(files)
        kept = watched.value
        write(path, "back")
        await settle(files)

        assert ("one", "back") == (kept, watched.value)
        assert 1 == meter.value("file_reload_failed_total", file=str(path))

    async def test_several_files_are_read_together(self, files: Files, path: Path, tmp_path: Path) -> None:
        """A certificate and its key, of which one has changed, are both handed over."""
        key = tmp_path / "key.txt"
        write(key, "a")
        pair = files.watch(lambda one, other: (one, other), path, key)
        write(key, "b")
        await settle(files)

        assert (b"one", b"b") == pair.value

    def test_a_file_that_is_not_there_is_a_config_error(self, files: Files, tmp_path: Path) -> None:
        """The component cannot be made."""
        with pytest.raises(ConfigError, match=r"nope: cannot be read: No such file or directory"):
            files.watch(first_word, tmp_path / "nope")

    def test_without_a_host_a_file_is_read_once(self, path: Path) -> None:
        """In an app's exporter, or a dry run, a component gets what the file holds."""
        assert "one" == Settings("stamp").watch(first_word, path).value


class TestSharing:
    def test_every_thread_shares_one_value(self, files: Files, path: Path) -> None:
        """Processors of several threads that ask for the same change over together."""
        with ThreadPoolExecutor(4) as threads:
            values = list(threads.map(lambda _: files.watch(first_word, path), range(8)))

        assert 1 == len({id(value) for value in values})

    async def test_what_nobody_uses_is_not_read(self, files: Files, path: Path) -> None:
        """A component that is gone takes its files along, even if its own method reads them."""

        class Component:
            def __init__(self) -> None:
                self.calls = calls
                self.watched = files.watch(self.read, path)

            def read(self, data: bytes) -> bytes:
                self.calls.append(data)
                return data

        calls: list[bytes] = []
        component = Component()
        del component
        gc.collect()
        write(path, "two")
        await settle(files)

        assert [b"one"] == calls


async def test_a_processor_follows_its_file(rig: Rig, path: Path) -> None:
    """Spans are processed by what the file says, on the event loop as in the threads for large requests."""
    text = CONFIG.replace("text: old", f"file: {path}")
    sink = rig.backends["sink/a"]
    bodies = [make_request({"gen_ai.system": "x", "size": "x" * size}) for size in (1, 300_000)]
    async with rig.host(text) as host, Client(host) as client:
        await client.send(*bodies)
        before = list(await sink.has(2))
        write(path, "two")
        await settle(host.files)
        await client.send(*bodies)
        after = (await sink.has(4))[2:]

    assert (["one", "one"], ["two", "two"]) == (before, after)
