"""What waits in the journals of workers, when there are fewer or more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.workers.gateway import Workers

    WorkersOf = Callable[[int], Awaitable[Workers]]

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(("before", "after"), [(4, 2), (3, 1), (1, 2)])
async def test_what_waits_is_delivered_by_fewer_or_more(before: int, after: int, workers_of: WorkersOf) -> None:
    """Journals of workers that there are no longer are the first worker's to deliver, or the only process'."""
    workers = await workers_of(before)
    workers.gateway.config["service"]["shutdown"] = {"drain": "0s"}
    oracle = workers.oracle
    await oracle.sink.door.close()
    await workers.start()
    for _ in range(8):  # new connections, until every worker has something
        async with type(oracle.sender)(oracle.gateway.ports["grpc"], oracle.gateway.ports["http"]) as sender:
            sender.ledger = oracle.sender.ledger
            await sender.send(transport="grpc")
            await sender.send(transport="http")
    await workers.gateway.stop()

    workers.count = after
    await oracle.sink.door.open()
    await workers.start()
    await oracle.check()


async def test_going_there_and_back_loses_nothing(workers_of: WorkersOf) -> None:
    """From one to two and back to one while the destination is away: everything arrives at last."""
    workers = await workers_of(1)
    workers.gateway.config["service"]["shutdown"] = {"drain": "0s"}
    oracle = workers.oracle
    await oracle.sink.door.close()
    for workers.count in (1, 2, 1):
        await workers.start()
        await oracle.sender.load(seconds=0.3)
        await workers.gateway.stop()
    await oracle.sink.door.open()

    await workers.start()
    await oracle.check()
