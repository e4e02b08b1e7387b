"""The messages of `proto/otel_llm/budget/v1/budget.proto` on the wire.

No code is generated from it: its compiled description (`make proto`) is read, and messages are read into the same dicts
that JSON is. That costs 20 µs a message, and there is one vocabulary instead of two.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessages

from otel_llm.errors import Refused

__all__ = ["METHODS", "Method", "decode", "encode"]

_PACKAGE: Final = "otel_llm.budget.v1"


class Method(NamedTuple):
    """One method of the service."""

    name: str
    request: str
    response: str

    @property
    def path(self) -> str:
        """How gRPC calls it."""
        return f"/{_PACKAGE}.BudgetService/{self.name}"


METHODS: Final = {
    method.name: method
    for method in (
        Method("Reserve", "ReserveRequest", "ReserveResponse"),
        Method("Check", "ReserveRequest", "ReserveResponse"),
        Method("Settle", "SettleRequest", "SettleResponse"),
        Method("Release", "ReleaseRequest", "SettleResponse"),
        Method("ListBudgets", "ListBudgetsRequest", "ListBudgetsResponse"),
        Method("Watch", "ListBudgetsRequest", "ListBudgetsResponse"),
    )
}


def decode(kind: str, content: bytes) -> dict[str, Any]:
    """Return the fields that a message has.

    Raises:
        Refused: it is no such message.
    """
    try:
        message = _classes()[f"{_PACKAGE}.{kind}"].FromString(content)
    except DecodeError:
        raise Refused(f"the message is not a valid {kind}") from None
    return MessageToDict(message, preserving_proto_field_name=True)


def encode(kind: str, fields: dict[str, Any]) -> bytes:
    """Return a message with those of the fields that it knows."""
    return ParseDict(fields, _classes()[f"{_PACKAGE}.{kind}"](), ignore_unknown_fields=True).SerializeToString()


@cache
def _classes() -> dict[str, type[Message]]:
    content = files("otel_llm.budget").joinpath("budget.binpb").read_bytes()
    return GetMessages(FileDescriptorSet.FromString(content).file)
