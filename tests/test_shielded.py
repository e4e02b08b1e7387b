"""Work that goes on without whoever asked for it."""

from __future__ import annotations

import asyncio

import pytest

from otel_llm.shielded import shielded


async def answer(waiting_for: asyncio.Future[str] | None = None, *, log: list[str] | None = None) -> str:
    """Wait, if there is something to wait for; note the end."""
    result = await waiting_for if waiting_for else "at once"
    await asyncio.sleep(0)
    if log is not None:
        log.append(result)
    return result


async def fail(waiting_for: asyncio.Future[str] | None = None) -> str:
    """Raise what the wait, if any, ends with, or something of its own."""
    if waiting_for:
        await waiting_for
    raise LookupError


async def test_what_never_waits_is_done_at_once() -> None:
    """No task is made, so nothing else runs in between."""

    async def at_once() -> int:
        return len(asyncio.all_tasks())

    assert len(asyncio.all_tasks()) == await shielded(at_once())


async def test_the_result_is_that_of_the_work() -> None:
    """However often it waits on its way."""
    waiting = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(waiting.set_result, "later")

    assert "later" == await shielded(answer(waiting))


async def test_errors_are_those_of_the_work() -> None:
    """Whether it raises at once, after waiting, or because what it waited for failed."""
    loop = asyncio.get_running_loop()
    good, bad = loop.create_future(), loop.create_future()
    loop.call_soon(good.set_result, "")
    loop.call_soon(bad.set_exception, KeyError())
    for waiting, error in ((None, LookupError), (good, LookupError), (bad, KeyError)):
        with pytest.raises(error) as raised:
            await shielded(fail(waiting))
        assert error is raised.type


async def test_a_failure_can_be_handled_by_the_work() -> None:
    """It is told by what it awaits, as in any task."""
    waiting = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(waiting.set_exception, KeyError())

    async def handle() -> str:
        try:
            return await answer(waiting)
        except KeyError:
            return "handled"

    assert "handled" == await shielded(handle())


async def test_cancelling_who_waits_does_not_cancel_the_work() -> None:
    """The work comes to its end; only nobody hears of it."""
    waiting = asyncio.get_running_loop().create_future()
    log: list[str] = []
    caller = asyncio.ensure_future(shielded(answer(waiting, log=log)))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    waiting.set_result("in the end")
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    assert ["in the end"] == log
