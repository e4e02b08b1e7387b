"""Whatever happens in whatever order: what was acknowledged is delivered, to every destination, in order."""

from __future__ import annotations

import asyncio
import errno
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_llm.errors import Retryable, TooLarge
from otel_llm.journal import Cursor, Entry, Record
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.journal.disk.fake import NO_LIMIT, FakeFileSystem

if TYPE_CHECKING:
    from collections.abc import Sequence

PIPELINES: Final = {"a": frozenset({"traces"}), "b": frozenset({"traces", "logs"})}
"""The destinations, and what they read."""
OPTIONS: Final = DiskOptions(
    20_000, segment_bytes=2500, recent_bytes=1000, linger_s=0.0, min_free_bytes=0, tidy_every_s=3600.0
)
"""Small enough for many segments, for files to be read back, and for the journal to be full now and then."""

appends = st.lists(
    st.lists(st.tuples(st.sampled_from(["traces", "logs"]), st.integers(0, 600)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


class DiskMachine(RuleBasedStateMachine):
    """A journal whose process and device fail, beside lists of what it has promised."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.filesystem = FakeFileSystem()
        self.numbers = iter(range(1_000_000))
        self.tried: dict[bytes, Record] = {}
        self.acknowledged: list[Record] = []
        """To the sender."""
        self.under_way: dict[str, list[Entry]] = {name: [] for name in PIPELINES}
        self.done: dict[str, set[bytes]] = {name: set() for name in PIPELINES}
        """Acknowledged by the destination, ever."""
        self.acked: dict[str, set[bytes]] = {}
        """The same, since the process started: a cursor that was not stored has forgotten the rest."""
        self.stored: dict[str, set[bytes]] = {name: set() for name in PIPELINES}
        """The same, and written down: never to come again."""
        self.start()

    def start(self) -> None:
        """Start a new process."""
        self.journal = DiskJournal(Path("/var/journal"), OPTIONS, Meter(), filesystem=self.filesystem)
        self.cursors: dict[str, Cursor] = {name: self.journal.open_cursor(name, PIPELINES[name]) for name in PIPELINES}
        self.last_read = dict.fromkeys(PIPELINES, 0)
        self.under_way = {name: [] for name in PIPELINES}
        self.acked = {name: set() for name in PIPELINES}
        self.runner.run(self.journal.start())
        self.tidy_up()

    @initialize(longest_write=st.sampled_from([NO_LIMIT, 100]))
    def choose_writes(self, longest_write: int) -> None:
        """Let some file systems write little at a time."""
        self.filesystem.longest_write = longest_write

    @rule(group=appends)
    def append(self, group: Sequence[Sequence[tuple[str, int]]]) -> None:
        """Append several at once; what comes back without an error is promised."""
        self.runner.run(self._append(group))

    @precondition(lambda self: any(cursor.waiting_items for cursor in self.cursors.values()))
    @rule(data=st.data(), max_bytes=st.integers(1, 2000))
    def read(self, data: st.DataObject, max_bytes: int) -> None:
        """Read through a cursor that has something unread."""
        unread = [name for name in PIPELINES if self.has_unread(name)]
        if unread:
            self.read_from(data.draw(st.sampled_from(unread)), max_bytes)

    @precondition(lambda self: any(self.under_way.values()))
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        """Let a destination have taken any entry that is under way."""
        name = data.draw(st.sampled_from([name for name in PIPELINES if self.under_way[name]]))
        self.ack_one(name, data.draw(st.sampled_from(self.under_way[name])))

    @rule()
    def tidy(self) -> None:
        """Delete and store what there is to be deleted and stored."""
        self.tidy_up()

    @rule()
    def stop(self) -> None:
        """End as one should, and start again."""
        self.runner.run(self.journal.shutdown())
        if not self.is_broken():
            self.note_stored()
        self.filesystem.end_process()
        self.start()

    @rule(operations=st.integers(0, 30), group=appends, seed=st.integers(0, 1 << 32), power=st.booleans())
    def die(self, operations: int, group: Sequence[Sequence[tuple[str, int]]], seed: int, *, power: bool) -> None:
        """Die in the middle of an append or of what comes after it, with or without the power; start again."""
        self.filesystem.operations_left = operations
        self.append(group)
        self.tidy_up()
        self.die_now(seed, power=power)
        self.start()

    @rule(operations=st.integers(0, 12), seed=st.integers(0, 1 << 32), power=st.booleans())
    def die_while_starting(self, operations: int, seed: int, *, power: bool) -> None:
        """Die, and then while starting; start again."""
        self.die_now(seed, power=power)
        self.filesystem.operations_left = operations
        journal = DiskJournal(Path("/var/journal"), OPTIONS, Meter(), filesystem=self.filesystem)
        for name in PIPELINES:
            journal.open_cursor(name, PIPELINES[name])
        self.runner.run(self._start_and_stop(journal))
        self.die_now(seed, power=power)
        self.start()

    @rule(method=st.sampled_from(["fdatasync", "fsync", "pwrite"]), group=appends, seed=st.integers(0, 1 << 32))
    def fail(self, method: str, group: Sequence[Sequence[tuple[str, int]]], seed: int) -> None:
        """Let the device fail once: nothing may be acknowledged after that, in whatever health it is later."""
        self.filesystem.failing[method] = errno.EIO
        self.append(group)
        self.filesystem.failing.clear()
        if self.is_broken():
            before = len(self.acknowledged)
            self.append(group)
            assert before == len(self.acknowledged)
            self.die_now(seed, power=True)
            self.start()

    @rule(room=st.integers(0, 3000), group=appends)
    def fill_disk(self, room: int, group: Sequence[Sequence[tuple[str, int]]]) -> None:
        """Let the disk be nearly full for a while. Nothing breaks; with room again, the journal takes what comes."""
        used = self.filesystem.capacity - self.filesystem.space(Path("/")).free
        self.filesystem.capacity = used + room
        self.append(group)
        self.drain()
        self.tidy_up()
        self.filesystem.capacity = NO_LIMIT
        self.tidy_up()
        assert not self.is_broken()
        before = len(self.acknowledged)
        self.append([[("traces", 1)]])
        assert before + 1 == len(self.acknowledged)

    @invariant()
    def room_is_kept_to(self) -> None:
        """No more is kept than is allowed."""
        assert self.journal.used_bytes <= OPTIONS.capacity_bytes

    def teardown(self) -> None:
        """In the end everything promised has been delivered to everybody."""
        self.filesystem.capacity = NO_LIMIT
        self.drain()
        for name, pipelines in PIPELINES.items():
            promised = {record.payload for record in self.acknowledged if record.pipeline in pipelines}
            assert promised <= self.done[name]
        assert 0 == self.journal.used_bytes
        self.runner.run(self.journal.shutdown())
        self.runner.close()

    def drain(self) -> None:
        """Let every destination take all that there is."""
        for name in PIPELINES:
            while self.has_unread(name):
                self.read_from(name, 1000)
            for entry in tuple(self.under_way[name]):
                self.ack_one(name, entry)
            assert 0 == self.cursors[name].waiting_items

    def has_unread(self, name: str) -> bool:
        """Return whether a read would return."""
        return self.cursors[name].waiting_items > len(self.under_way[name])

    def read_from(self, name: str, max_bytes: int) -> None:
        """Read once; what comes is what was appended, in order, and not what is known to be done."""
        entries = self.runner.run(self._read(name, max_bytes))
        assert entries
        for entry in entries:
            assert self.tried[entry.record.payload] == entry.record
            assert entry.record.pipeline in PIPELINES[name]
            assert entry.record.payload not in self.stored[name]
        positions = [self.last_read[name], *(entry.position for entry in entries)]
        assert all(one < other for one, other in pairwise(positions))
        self.last_read[name] = positions[-1]
        self.under_way[name] += entries

    def ack_one(self, name: str, entry: Entry) -> None:
        """Let a destination have taken an entry."""
        self.under_way[name].remove(entry)
        self.cursors[name].ack(entry.position)
        self.done[name].add(entry.record.payload)
        self.acked[name].add(entry.record.payload)

    def tidy_up(self) -> None:
        """Delete and store; note what is stored."""
        try:
            stored = self.runner.run(self.journal._tidy())
        except Exception:  # noqa: BLE001 - the device is gone: it is the journal's own task that has to know them
            return
        if stored and not self.is_broken():
            self.note_stored()

    def note_stored(self) -> None:
        """Remember what must never come again."""
        for name in PIPELINES:
            self.stored[name] |= self.acked[name]

    def die_now(self, seed: int, *, power: bool) -> None:
        """End the process between two operations."""
        self.filesystem.operations_left = 0
        self.runner.run(self.journal.shutdown())
        if power:
            self.filesystem.cut_power(Random(seed))
        else:
            self.filesystem.end_process()

    def is_broken(self) -> bool:
        """Return whether the journal has given up."""
        return self.journal._broken.is_set()

    async def _append(self, group: Sequence[Sequence[tuple[str, int]]]) -> None:
        records = [
            [Record(name, Signal.TRACES, 1, b"%08d" % next(self.numbers) + b"x" * size) for name, size in parts]
            for parts in group
        ]
        self.tried |= {record.payload: record for each in records for record in each}
        outcomes = await asyncio.gather(*map(self.journal.append, records), return_exceptions=True)
        for each, outcome in zip(records, outcomes, strict=True):
            assert isinstance(outcome, int | Retryable | TooLarge)
            if isinstance(outcome, int):
                self.acknowledged += each

    async def _read(self, name: str, max_bytes: int) -> Sequence[Entry]:
        async with asyncio.timeout(20):
            return await self.cursors[name].read(max_bytes)

    async def _start_and_stop(self, journal: DiskJournal) -> None:
        try:
            await journal.start()
        except Exception:  # noqa: BLE001 - the device is gone
            return
        finally:
            await journal.shutdown()


TestDiskJournalModel = DiskMachine.TestCase
TestDiskJournalModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
