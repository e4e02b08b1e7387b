"""When the config is read again, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from otel_llm.errors import ConfigError
from otel_llm.reload import Reloader, Trigger, reloader
from tests.reload.rig import CONFIG, Rig

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.config import HostConfig

_OUTCOMES = ("config_reloads_total", "config_reload_failed_total", "config_last_reload_successful")


class TestReloader:
    async def test_a_good_config_is_counted(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """Once for each reload, and said."""
        caplog.set_level(logging.INFO)
        async with rig.host() as host:
            reloading = Reloader(host, lambda: rig.config(CONFIG.replace("text: old", "text: new")))
            before = [host.meter.value(name) for name in _OUTCOMES]

            assert await reloading.reload()
            assert [[0, 0, 1], [1, 0, 1]] == [before, [host.meter.value(name) for name in _OUTCOMES]]
        assert "reloaded" in caplog.messages

    async def test_a_bad_config_is_counted_and_every_problem_logged(
        self, rig: Rig, caplog: pytest.LogCaptureFixture
    ) -> None:
        """C11: the old config goes on; after the next good one all is well again."""
        configs = iter([CONFIG.replace("text:", "txt:").replace("grace:", "grce:"), CONFIG])
        async with rig.host() as host:
            before = host.config
            reloading = Reloader(host, lambda: rig.config(next(configs)))

            assert not await reloading.reload()
            assert before is host.config
            assert [0, 1, 0] == [host.meter.value(name) for name in _OUTCOMES]
            assert [
                "not reloaded: config:3: processors.stamp.txt: unknown key (did you mean text?)",
                "not reloaded: config:7: service.shutdown.grce: unknown key (did you mean grace?)",
            ] == caplog.messages
            assert await reloading.reload()
            assert [1, 1, 1] == [host.meter.value(name) for name in _OUTCOMES]

    async def test_a_bug_is_as_a_bad_config(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """What a plug-in raises does not end the program, and its text is not logged."""

        def broken() -> HostConfig:
            raise ValueError("secret")

        async with rig.host() as host:
            assert not await Reloader(host, broken).reload()
        assert ["not reloaded: failed with ValueError"] == caplog.messages

    async def test_a_config_that_is_not_safe_is_reviewed_before_it_runs(self, rig: Rig) -> None:
        """What may veto the first config may veto the next."""
        seen: list[int] = []

        def review(config: HostConfig, _endpoints: object) -> None:
            seen.append(len(config.exporters))
            if len(config.exporters) > 1:
                raise ConfigError("too many")

        async with rig.host(review=review) as host:
            more = CONFIG.replace("sink/a: {}", "sink/a: {}, sink/b: {}").replace("[sink/a]", "[sink/a, sink/b]")
            assert not await Reloader(host, lambda: rig.config(more)).reload()
        assert [1, 2] == seen


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a config file, to be looked at often."""
    monkeypatch.setattr(reloader, "POLL_S", 0.01)
    path = tmp_path / "config.yaml"
    path.write_text("one")
    return path


class TestTrigger:
    async def test_it_is_pulled(self) -> None:
        """Before the wait or during it; twice at once is one reload."""
        trigger = Trigger(None)
        trigger.pull()
        trigger.pull()
        await trigger.wait(watch=False)
        waiting = asyncio.create_task(trigger.wait(watch=False))
        await asyncio.sleep(0)
        pulled_again = waiting.done()
        trigger.pull()
        await waiting

        assert not pulled_again

    async def test_a_change_of_the_file_pulls_it_once(self, path: Path) -> None:
        """After the change it waits for the next one."""
        trigger = Trigger(path)
        write(path, "two")
        await asyncio.wait_for(trigger.wait(watch=True), 20)
        waiting = asyncio.create_task(trigger.wait(watch=True))
        await asyncio.sleep(0.1)
        pulled_again = waiting.done()
        write(path, "three")
        await asyncio.wait_for(waiting, 20)

        assert not pulled_again

    async def test_the_file_is_not_watched_unless_that_is_wanted(self, path: Path) -> None:
        """Without `watch` only a signal counts."""
        trigger = Trigger(path)
        write(path, "two")
        waiting = asyncio.create_task(trigger.wait(watch=False))
        await asyncio.sleep(0.1)
        pulled = waiting.done()
        trigger.pull()
        await waiting

        assert not pulled


def write(path: Path, text: str) -> None:
    """Write a file."""
    path.write_text(text)
