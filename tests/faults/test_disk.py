"""What can happen to a journal on disk, and to the process while it writes there (P4, P5, P9 to P11)."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest
from google_crc32c import value as crc32c

from bench.kills import soak
from tests.faults.test_device import mounted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.oracle import Oracle, OracleWith
    from tests.faults.wire import Request

pytestmark = pytest.mark.faults


async def test_p4(oracle_with: OracleWith) -> None:
    """Killed over and over under load before backends that fail, it loses nothing that it has acknowledged.

    What comes twice was under way when it was killed, had arrived shortly before, or was sent twice. `make long` does
    the same for longer.
    """
    oracle = await oracle_with("otlp", "otlphttp")

    found = await soak(oracle, kills=20)

    await oracle.check(duplicates=found.bound)


async def test_p5(oracle_with: OracleWith) -> None:
    """Killed while it reads what it finds at the start, and killed so again, it loses nothing."""
    oracle = await oracle_with("otlp")
    await oracle.sink.door.close()
    await oracle.gateway.start()
    await oracle.sender.load(seconds=2, requests_per_s=40, spans=10, padding=10_000)
    await oracle.gateway.kill()

    for pause_s in (0.0, 0.02):
        program = await oracle.gateway.launch()

        while program.running and not reads_a_segment(program.pid):
            await asyncio.sleep(0.001)
        await asyncio.sleep(pause_s)
        assert -SIGKILL == await program.kill()
    await oracle.gateway.start()
    await oracle.sink.door.open()

    await oracle.check()


def reads_a_segment(pid: int) -> bool:
    """Tell whether a process has a segment open."""
    with suppress(FileNotFoundError):  # closed meanwhile
        return any(".segment" in str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir())
    return False


async def test_p9_flipped_bit(oracle_with: OracleWith) -> None:
    """A damaged record is skipped and counted, and those around it are delivered."""
    oracle, requests = await waiting(oracle_with)
    [segment] = segments(oracle)
    data = bytearray(segment.read_bytes())
    damaged = requests[3]
    data[data.index(next(iter(damaged.spans)))] ^= 0x10
    segment.write_bytes(data)

    await restarted(oracle, lost=[damaged])
    assert 1 == (await oracle.gateway.metrics()).total("queue_corrupt_records_total")


@pytest.mark.parametrize("tail", ["torn", "zeros", "garbage"])
async def test_p9_tail(tail: str, oracle_with: OracleWith) -> None:
    """A write that did not end costs what it wrote, and nothing before it."""
    oracle, requests = await waiting(oracle_with)
    [segment] = segments(oracle)
    data = segment.read_bytes()
    cut = {"torn": data[:-7], "zeros": data[:-50] + bytes(50), "garbage": data[:-50] + os.urandom(50)}[tail]
    segment.write_bytes(cut)

    await restarted(oracle, lost=requests[-1:])


async def test_p9_truncated(oracle_with: OracleWith) -> None:
    """A file that was cut off costs what stood behind the cut."""
    oracle, requests = await waiting(oracle_with)
    [segment] = segments(oracle)
    data = segment.read_bytes()
    segment.write_bytes(data[: data.index(next(iter(requests[4].spans)))])

    await restarted(oracle, lost=requests[4:])


async def test_p9_foreign_files(oracle_with: OracleWith) -> None:
    """Files that are none of its own stop nothing; those that look like segments are put aside, not deleted."""
    oracle, _ = await waiting(oracle_with)
    [segment] = segments(oracle)
    contents = [b"", segment.read_bytes()[:6], bytes(32), os.urandom(4096), b"not a segment at all\n" * 100]
    strangers = {segment.with_name(f"{number:020}.segment"): text for number, text in enumerate(contents, start=1)}
    strangers[note := segment.with_name("note.txt")] = b"mine"
    for path, content in strangers.items():
        path.write_bytes(content)

    await restarted(oracle)
    assert strangers.pop(note) == note.read_bytes()
    assert strangers == {path: path.with_name(f"{path.name}.corrupt").read_bytes() for path in strangers}


async def test_p9_cursor(oracle_with: OracleWith) -> None:
    """A destination whose cursor is damaged gets what there is once more, and misses nothing."""
    oracle, _ = await waiting(oracle_with)
    [cursor] = oracle.gateway.state.rglob("*.cursor")
    cursor.write_bytes(cursor.read_bytes()[:-3] + b"???")

    await restarted(oracle, duplicates=len(oracle.sender.ledger.acked))


async def test_p9_newer_version(oracle_with: OracleWith) -> None:
    """What a newer version has written is not touched: it does not start, and says why."""
    oracle, _ = await waiting(oracle_with)
    [segment] = segments(oracle)
    data = bytearray(segment.read_bytes())
    data[8:10] = (2).to_bytes(2, "little")
    data[28:32] = crc32c(bytes(data[:28])).to_bytes(4, "little")
    segment.write_bytes(data)

    program = await oracle.gateway.launch()

    assert 1 == await program.wait()
    assert "newer version" in program.output
    assert str(oracle.gateway.state) in program.output
    assert data == segment.read_bytes()


async def test_p10(oracle_with: OracleWith) -> None:
    """A second process on the same directory does not start, and says why; the first notices nothing."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    anywhere = {"grpc": {"endpoint": "127.0.0.1:0"}, "http": {"endpoint": "127.0.0.1:0"}}
    ours = oracle.gateway.config
    ours["receivers"] = {"otlp": {"protocols": anywhere}}
    ours["extensions"]["health"]["endpoint"] = ours["service"]["telemetry"]["metrics"]["endpoint"] = "127.0.0.1:0"

    second = await oracle.gateway.launch()

    assert 1 == await second.wait()
    assert f"{oracle.gateway.state}" in second.output
    assert "in use by another process" in second.output
    await oracle.sender.load(seconds=0.5)
    await oracle.check()


async def test_p11_made(oracle_with: OracleWith) -> None:
    """Directories and files that it makes are its owner's alone."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    await oracle.sender.send()
    await oracle.check()

    found = [oracle.gateway.state, *oracle.gateway.state.rglob("*")]
    assert {0o700} == {path.stat().st_mode & 0o777 for path in found if path.is_dir()}
    assert {0o600} == {path.stat().st_mode & 0o777 for path in found if path.is_file()}


@pytest.mark.parametrize("what", ["a link", "for everybody", "a file", "nowhere"])
async def test_p11_refused(what: str, oracle_with: OracleWith, tmp_path: Path) -> None:
    """A directory that others could change, or that cannot be one, is refused by its path."""
    oracle = await oracle_with("otlp")
    state = oracle.gateway.state
    match what:
        case "a link":
            (tmp_path / "real").mkdir(mode=0o700)
            state.symlink_to(tmp_path / "real")
        case "for everybody":
            state.mkdir()
            state.chmod(0o777)
        case "a file":
            state.write_text("")
        case _:
            oracle.gateway.config["extensions"]["storage"]["directory"] = str(state / "missing" / "deeper")

    program = await oracle.gateway.launch()

    assert 1 == await program.wait()
    assert str(state) in program.output


async def test_p11_read_only(oracle_with: OracleWith) -> None:
    """A directory in which nothing can be written is refused by its path."""
    oracle = await oracle_with("otlp")

    program = await oracle.gateway.launch(*mounted(oracle.gateway.state, "-t tmpfs -o ro tmpfs"))

    assert 1 == await program.wait()
    assert str(oracle.gateway.state) in program.output


async def waiting(oracle_with: OracleWith) -> tuple[Oracle, list[Request]]:
    """Return an oracle whose gateway has ended, and the requests that wait on its disk, in their order."""
    oracle = await oracle_with("otlp")
    oracle.gateway.config["service"]["shutdown"] = {"drain": "0s"}
    await oracle.sink.door.close()
    await oracle.gateway.start()
    requests = [await oracle.sender.send(padding=1000) for _ in range(8)]
    await oracle.gateway.stop()
    await oracle.sink.door.open()
    return oracle, requests


def segments(oracle: Oracle) -> list[Path]:
    """Return the files that hold records."""
    return [path for path in sorted(oracle.gateway.state.rglob("*.segment")) if path.stat().st_size > 1000]


async def restarted(oracle: Oracle, *, lost: Sequence[Request] = (), duplicates: int = 0) -> None:
    """Start again after *lost* was damaged: all but that must arrive, and that must not arrive changed."""
    gone = {span_id for request in lost for span_id in request.spans}
    await oracle.gateway.start()
    oracle.sender.ledger.acked -= gone
    await oracle.check(duplicates=duplicates)
    assert not gone & oracle.sink.spans.keys()
