"""What every journal promises."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from otel_llm.errors import Retryable, TooLarge
from otel_llm.journal import Cursor, Entry, Journal, Record
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.journal.memory import MemoryJournal
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

CAPACITY: Final = 16 * 1024


def memory_journal(_directory: Path) -> Journal:
    """Return a journal in memory."""
    return MemoryJournal(CAPACITY)


def disk_journal(directory: Path) -> Journal:
    """Return a journal on disk, which keeps next to nothing in memory, so that it reads from its files too."""
    return DiskJournal(directory / "journal", DiskOptions(CAPACITY, recent_bytes=4000, linger_s=0.0), Meter())


JOURNALS: Final[dict[str, Callable[[Path], Journal]]] = {"memory": memory_journal, "disk": disk_journal}
"""What every journal promises is tested with each of these, of `CAPACITY` bytes."""

PIPELINES: Final = {
    "a": frozenset({"traces"}),
    "b": frozenset({"traces", "logs"}),
    "c": frozenset({"logs"}),
}
"""Which pipelines the destinations of these tests read."""


def record(payload: bytes = b"payload", *, pipeline: str = "traces", items: int = 1) -> Record:
    """Return a record to append."""
    return Record(pipeline, Signal.TRACES, items, payload)


async def opened(journal: Journal) -> Cursor:
    """Start a journal with one destination, and return its cursor."""
    cursor = journal.open_cursor("a", PIPELINES["a"])
    await journal.start()
    return cursor


def payloads(entries: Sequence[Entry]) -> list[bytes]:
    """Return what entries hold."""
    return [entry.record.payload for entry in entries]


@pytest.fixture(params=JOURNALS)
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    """An empty journal of each kind, not started yet."""
    journal = JOURNALS[request.param](tmp_path)
    yield journal
    await journal.shutdown()


class TestJournal:
    async def test_every_destination_reads_its_pipelines_in_order(self, journal: Journal) -> None:
        """A record is read by every cursor of its pipeline, and by no other."""
        cursors = {name: journal.open_cursor(name, pipelines) for name, pipelines in PIPELINES.items()}
        await journal.start()

        await journal.append([record(b"1"), record(b"2", pipeline="logs"), record(b"3")])

        assert [b"1", b"3"] == payloads(await cursors["a"].read(100))
        assert [b"1", b"2", b"3"] == payloads(await cursors["b"].read(100))
        assert [b"2"] == payloads(await cursors["c"].read(100))

    async def test_positions_grow(self, journal: Journal) -> None:
        """What `append` returns is the position of its last record, and entries' positions grow."""
        cursor = await opened(journal)

        last = [await journal.append([record(), record()]), await journal.append([record()])]
        positions = [entry.position for entry in await cursor.read(100)]

        assert sorted(set(positions)) == positions
        assert [positions[1], positions[2]] == last

    async def test_read_returns_what_fits(self, journal: Journal) -> None:
        """A read returns as many entries as fit, and one that does not fit when it is the first."""
        cursor = await opened(journal)
        await journal.append([record(b"xxx"), record(b"xx"), record(b"x"), record(b"x" * 50)])

        assert [b"xxx", b"xx"] == payloads(await cursor.read(5))
        assert [b"x"] == payloads(await cursor.read(5))
        assert [b"x" * 50] == payloads(await cursor.read(5))

    async def test_read_waits(self, journal: Journal) -> None:
        """A read of nothing ends when something has been appended."""
        cursor = await opened(journal)
        reading = asyncio.create_task(cursor.read(100))
        await asyncio.sleep(0)

        await journal.append([record(b"late")])

        assert [b"late"] == payloads(await reading)

    async def test_a_cancelled_read_takes_nothing(self, journal: Journal) -> None:
        """What is appended while a read is being cancelled is read by the next one."""
        cursor = await opened(journal)
        reading = asyncio.create_task(cursor.read(100))
        await asyncio.sleep(0)

        reading.cancel()
        await journal.append([record(b"kept")])
        with pytest.raises(asyncio.CancelledError):
            await reading

        assert [b"kept"] == payloads(await cursor.read(100))

    async def test_waiting_counts_until_acknowledged(self, journal: Journal) -> None:
        """Items and bytes wait from the append to the acknowledgement, which may come in any order, and twice."""
        cursor = await opened(journal)
        await journal.append([record(b"123", items=2), record(b"4567", items=5)])
        first, second = await cursor.read(100)

        seen = [(cursor.waiting_items, cursor.waiting_bytes)]
        for position in (second.position, second.position, first.position):
            cursor.ack(position)
            seen.append((cursor.waiting_items, cursor.waiting_bytes))

        assert [(7, 7), (2, 3), (2, 3), (0, 0)] == seen

    async def test_room_comes_back_with_the_last_acknowledgement(self, journal: Journal) -> None:
        """A record takes room until every destination that reads it has acknowledged it."""
        fast, slow = (journal.open_cursor(name, frozenset({"traces"})) for name in ("fast", "slow"))
        await journal.start()
        position = await journal.append([record(b"x" * 1000)])
        used = [journal.used_bytes]
        for cursor in (fast, slow):
            await cursor.read(100)

        fast.ack(position)
        used.append(journal.used_bytes)
        slow.ack(position)

        assert used[0] == used[1] >= 1000
        assert 0 == journal.used_bytes

    async def test_full(self, journal: Journal) -> None:
        """An append that does not fit is refused whole, for now, and nothing that waits is touched."""
        cursor = await opened(journal)
        await journal.append([record(b"x" * (CAPACITY // 2))])

        with pytest.raises(Retryable) as refused:
            await journal.append([record(b"small"), record(b"x" * (CAPACITY // 2))])

        assert 1.0 == refused.value.after_s
        assert [CAPACITY // 2] == [len(payload) for payload in payloads(await cursor.read(CAPACITY))]
        assert CAPACITY // 2 == cursor.waiting_bytes

    async def test_too_large(self, journal: Journal) -> None:
        """An append that cannot fit even into the empty journal is refused for good."""
        await opened(journal)

        with pytest.raises(TooLarge):
            await journal.append([record(b"x" * CAPACITY), record(b"x")])

        assert 0 == journal.used_bytes

    async def test_opened_anew(self, journal: Journal) -> None:
        """A cursor that is opened anew reads again what was read and not acknowledged."""
        cursor = await opened(journal)
        await journal.append([record(b"1"), record(b"2"), record(b"3")])
        entries = await cursor.read(2)
        cursor.ack(entries[1].position)

        again = journal.open_cursor("a", PIPELINES["a"])

        assert [b"1", b"3"] == payloads(await again.read(100))

    async def test_shutdown_twice(self, journal: Journal) -> None:
        """A journal may be closed twice."""
        await journal.shutdown()
        await journal.shutdown()


class JournalMachine(RuleBasedStateMachine):
    """Any sequence of appends, reads and acknowledgements, beside a model that is lists."""

    make: Callable[[Path], Journal]
    """The journal under test, for a directory."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = TemporaryDirectory()
        self.journal = self.make(Path(self.directory.name))
        self.cursors: dict[str, Cursor] = {
            name: self.journal.open_cursor(name, pipelines) for name, pipelines in PIPELINES.items()
        }
        self.runner.run(self.journal.start())
        self.numbers = iter(range(1_000_000))
        self.unread: dict[str, list[Record]] = {name: [] for name in PIPELINES}
        self.under_way: dict[str, list[Entry]] = {name: [] for name in PIPELINES}

    def teardown(self) -> None:
        """Deliver what is left: nothing remains, and everybody got everything once and in order."""
        for name in PIPELINES:
            while self.unread[name]:
                self.read(name, 4096)
            for entry in self.under_way[name]:
                self.cursors[name].ack(entry.position)
        assert 0 == self.journal.used_bytes
        self.runner.run(self.journal.shutdown())
        self.runner.close()
        self.directory.cleanup()

    @rule(parts=st.lists(st.tuples(st.sampled_from(["traces", "logs"]), st.integers(0, 6000)), min_size=1, max_size=3))
    def append(self, parts: list[tuple[str, int]]) -> None:
        """Append records that can be told apart; refused, they change nothing."""
        records = [record(b"%08d" % next(self.numbers) + bytes(size), pipeline=name) for name, size in parts]
        try:
            self.runner.run(self.journal.append(records))
        except (Retryable, TooLarge):
            return
        for name, pipelines in PIPELINES.items():
            self.unread[name] += [each for each in records if each.pipeline in pipelines]

    @precondition(lambda self: any(self.unread.values()))
    @rule(data=st.data(), max_bytes=st.integers(1, 8000))
    def read_some(self, data: st.DataObject, max_bytes: int) -> None:
        """Read through one of the cursors that have something."""
        self.read(data.draw(st.sampled_from([name for name in PIPELINES if self.unread[name]])), max_bytes)

    @precondition(lambda self: any(self.under_way.values()))
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        """Acknowledge any entry that is under way."""
        name = data.draw(st.sampled_from([name for name in PIPELINES if self.under_way[name]]))
        entry = data.draw(st.sampled_from(self.under_way[name]))
        self.under_way[name].remove(entry)
        self.cursors[name].ack(entry.position)

    @invariant()
    def counts_agree(self) -> None:
        """Nothing waits that was not appended, and nothing is kept beyond the capacity."""
        for name, cursor in self.cursors.items():
            waiting = [*self.unread[name], *(entry.record for entry in self.under_way[name])]
            assert len(waiting) == cursor.waiting_items
            assert sum(len(each.payload) for each in waiting) == cursor.waiting_bytes
            assert cursor.waiting_bytes <= self.journal.used_bytes
        assert self.journal.used_bytes <= CAPACITY

    def read(self, name: str, max_bytes: int) -> None:
        """Read once; what comes are the next records that the model holds."""
        entries = self.runner.run(self._read(name, max_bytes))
        expected = self.unread[name][: len(entries)]
        del self.unread[name][: len(entries)]
        assert expected == [entry.record for entry in entries]
        assert entries
        assert 1 == len(entries) or sum(map(len, payloads(entries))) <= max_bytes
        self.under_way[name] += entries

    async def _read(self, name: str, max_bytes: int) -> Sequence[Entry]:
        return await self.cursors[name].read(max_bytes)


class MemoryJournalMachine(JournalMachine):
    make = staticmethod(memory_journal)


class DiskJournalMachine(JournalMachine):
    make = staticmethod(disk_journal)


TestMemoryJournalModel = MemoryJournalMachine.TestCase
TestMemoryJournalModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDiskJournalModel = DiskJournalMachine.TestCase
TestDiskJournalModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
