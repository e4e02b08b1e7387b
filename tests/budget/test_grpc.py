"""The budget service over gRPC: the same answers as over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from otel_llm.budget.protobuf import METHODS, decode, encode
from tests.budget.rig import endpoint, gateway
from tests.certificates import Authority

ROOT = Path(__file__).parents[2]
CALL: dict[str, Any] = {"reservation_id": "r1", "model": "gpt-4o", "input_tokens": 1000, "max_output_tokens": 100}
BUDGETS = "models: {gpt-4o: {daily_usd: 0.004}}"


async def ask(channel: grpc.aio.Channel, name: str, fields: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Call one method."""
    method = METHODS[name]
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
    return decode(method.response, await call(encode(method.request, fields), **options))


async def test_reserve_settle_list(tmp_path: Path) -> None:
    """A refusal is an answer with an error; what is unknown is said so."""
    async with gateway(tmp_path, BUDGETS) as host:
        target = endpoint(host, "extensions.budgets.grpc").removeprefix("http://")
        async with grpc.aio.insecure_channel(target) as channel:
            granted = await ask(channel, "Reserve", CALL)
            refused = await ask(channel, "Reserve", {**CALL, "reservation_id": "r2"})
            checked = await ask(channel, "Check", {**CALL, "reservation_id": "r2"})
            settled = await ask(channel, "Settle", {"reservation_id": "r1", "cost_usd": "0.001"})
            unknown = await ask(channel, "Release", {"reservation_id": "r2"})
            (listed,) = (await ask(channel, "ListBudgets", {}))["budgets"]

    assert ("allow", "0.0035", "100") == (granted["decision"], granted["held_usd"], granted["allowed_max_tokens"])
    assert "budget_exceeded" == refused["error"] == checked["error"]
    assert ("settled", "0.001") == (settled["state"], settled["charged_usd"])
    assert {"error": "unknown_reservation"} == unknown
    assert ("models/gpt-4o/daily_usd", "0.004", "0.001") == tuple(
        listed[key] for key in ("id", "limit_usd", "settled_usd")
    )


async def test_watch(tmp_path: Path) -> None:
    """The state now, and again when it has changed."""
    method = METHODS["Watch"]
    async with gateway(tmp_path, BUDGETS) as host:
        target = endpoint(host, "extensions.budgets.grpc").removeprefix("http://")
        async with grpc.aio.insecure_channel(target) as channel:
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method.path)
            call = stream(encode(method.request, {}))
            seen = [decode(method.response, await call.read())]  # type: ignore[arg-type]  # no end comes first
            await ask(channel, "Reserve", CALL)
            seen.append(decode(method.response, await call.read()))  # type: ignore[arg-type]  # as above
            call.cancel()

    assert ["0", "0.0035"] == [each["budgets"][0]["held_usd"] for each in seen]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (encode("ReserveRequest", {"input_tokens": 1}), grpc.StatusCode.INVALID_ARGUMENT),
        (encode("ReserveRequest", {**CALL, "input_tokens": -1}), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_messages_that_are_none(tmp_path: Path, body: bytes, status: grpc.StatusCode) -> None:
    """They are refused, and nothing is held."""
    async with gateway(tmp_path, BUDGETS) as host:
        target = endpoint(host, "extensions.budgets.grpc").removeprefix("http://")
        async with grpc.aio.insecure_channel(target) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS["Reserve"].path)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(body)

    assert status is caught.value.code()


GRPC: Final = """grpc:
      endpoint: "127.0.0.1:0"
      tls: {tls}
      auth: {{tokens: [{{name: acme, token: of-acme, tenant: acme}}, {{name: ops, token: of-ops}}]}}"""


async def test_a_token_stands_for_its_tenant_over_tls(tmp_path: Path) -> None:
    """Who shows one over TLS reserves for its tenant and sees its budgets; without one, or without TLS, nobody does."""
    authority = Authority(tmp_path)
    tls = json.dumps(authority.issue("127.0.0.1", "localhost").settings)
    change = ('grpc: {endpoint: "127.0.0.1:0"}', GRPC.format(tls=tls))
    text = "tenants: {acme: {rpm: 1}, other: {rpm: 9}}\nmodels: {gpt-4o: {tpm: 90000}}"
    acme, ops = ([("authorization", f"Bearer of-{name}")] for name in ("acme", "ops"))
    forged = {**CALL, "dimensions": {"tenant": "other"}}
    credentials = grpc.ssl_channel_credentials(authority.pem)
    async with gateway(tmp_path, text, change=change) as host:
        target = endpoint(host, "extensions.budgets.grpc").removeprefix("http://")
        async with grpc.aio.secure_channel(target, credentials) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as nobody:
                await ask(channel, "Reserve", forged)
            with pytest.raises(grpc.aio.AioRpcError) as stranger:
                await ask(channel, "Reserve", forged, metadata=[("authorization", "Bearer of-nobody")])
            granted = await ask(channel, "Reserve", forged, metadata=acme)
            refused = await ask(channel, "Reserve", {**forged, "reservation_id": "r2"}, metadata=acme)
            seen = (await ask(channel, "ListBudgets", {}, metadata=acme))["budgets"]
            everything = (await ask(channel, "ListBudgets", {}, metadata=ops))["budgets"]
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(METHODS["Watch"].path)
            watch = stream(encode(METHODS["Watch"].request, {}), metadata=acme)
            watched = decode(METHODS["Watch"].response, await watch.read())  # type: ignore[arg-type]  # no end comes first
            watch.cancel()
        async with grpc.aio.insecure_channel(target) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as plain:
                await ask(channel, "ListBudgets", {}, metadata=ops)

    assert [grpc.StatusCode.UNAUTHENTICATED] * 2 == [nobody.value.code(), stranger.value.code()]
    assert grpc.StatusCode.UNAVAILABLE is plain.value.code()
    assert ["models/gpt-4o/tpm", "tenants/acme/rpm"] == sorted(granted["budgets"])
    assert ("budget_exceeded", "tenants/acme/rpm") == (refused["error"], refused["budget"])
    assert ["tenants/acme/rpm"] == [each["id"] for each in seen] == [each["id"] for each in watched["budgets"]]
    assert 3 == len(everything)


def test_the_description_is_compiled_from_the_proto(tmp_path: Path) -> None:
    """Whoever changes the one runs `make proto`."""
    pytest.importorskip("grpc_tools", reason="grpcio-tools compiles it")
    made = tmp_path / "budget.binpb"
    command = ["-m", "grpc_tools.protoc", "-I", "proto", f"--descriptor_set_out={made}"]
    subprocess.run([sys.executable, *command, "otel_llm/budget/v1/budget.proto"], cwd=ROOT, check=True)

    assert made.read_bytes() == (ROOT / "otel_llm" / "budget" / "budget.binpb").read_bytes()
