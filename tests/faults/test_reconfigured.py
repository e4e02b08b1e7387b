"""Configs that change while spans wait (C11), and what that means for those of a destination that comes or goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.faults.gateway import Gateway
    from tests.faults.oracle import OracleWith

pytestmark = pytest.mark.faults

EITHER_WAY = pytest.mark.parametrize("way", ["reload", "restart"])


async def test_c11(oracle_with: OracleWith) -> None:
    """A config that is wrong is not taken: that is said and counted, and the one before it stays."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    good = dict(oracle.gateway.config)

    for wrong in ({**good, "recievers": {}}, {**good, "exporters": {"otlp": {}}}, {}):
        oracle.gateway.config = wrong
        async with oracle.sender.loading():
            await oracle.gateway.reload("not reloaded: ")
    metrics = await oracle.gateway.metrics()
    assert (3, 0) == (metrics.total("config_reload_failed_total"), metrics.total("config_reloads_total"))
    oracle.gateway.config = good
    await oracle.gateway.reload()

    await oracle.check()
    assert 1 == (await oracle.gateway.metrics()).total("config_last_reload_successful")


@EITHER_WAY
async def test_added(way: str, oracle_with: OracleWith) -> None:
    """A destination gets what is acknowledged from then on; what waits for others is none of its business."""
    oracle = await oracle_with("otlp", "otlphttp/new")
    old, new = oracle.sinks.values()
    config = without(oracle.gateway, "otlphttp/new")
    await old.door.close()
    await oracle.gateway.start()
    await oracle.sender.load(seconds=1)
    new.not_owed = set(oracle.sender.ledger.acked)

    with_it(oracle.gateway, "otlphttp/new", config)
    await change(oracle.gateway, way)
    await oracle.sender.load(seconds=1)
    await old.door.open()

    await oracle.check(duplicates=math.inf if way == "restart" else 0)
    assert not new.not_owed & new.spans.keys()
    assert new.spans.keys() < old.spans.keys()


@EITHER_WAY
async def test_removed(way: str, oracle_with: OracleWith) -> None:
    """What waited for a destination that is removed goes with it, once it had its time; the others miss nothing."""
    oracle = await oracle_with("otlp", "otlphttp/gone")
    oracle.gateway.config["service"]["shutdown"] = {"drain": "100ms"}
    for sink in oracle.sinks.values():
        await sink.door.close()
    await oracle.gateway.start()
    await oracle.sender.load(seconds=1)

    without(oracle.gateway, "otlphttp/gone")
    gone = oracle.sinks.pop("otlphttp/gone")
    await change(oracle.gateway, way)
    await oracle.sink.door.open()
    await gone.door.open()

    await oracle.check()
    assert not gone.arrivals
    assert not [path for path in oracle.gateway.state.rglob("*.cursor") if "gone" in path.name]


def without(gateway: Gateway, exporter: str) -> dict[str, Any]:
    """Take an exporter out of a config; return its own."""
    gateway.config["service"]["pipelines"]["traces"]["exporters"].remove(exporter)
    removed: dict[str, Any] = gateway.config["exporters"].pop(exporter)
    return removed


def with_it(gateway: Gateway, exporter: str, config: dict[str, Any]) -> None:
    """Put an exporter into a config."""
    gateway.config["exporters"][exporter] = config
    gateway.config["service"]["pipelines"]["traces"]["exporters"].append(exporter)


async def change(gateway: Gateway, way: str) -> None:
    """Let a changed config be the one that runs."""
    if way == "reload":
        await gateway.reload()
    else:
        await gateway.kill()
        await gateway.start()
