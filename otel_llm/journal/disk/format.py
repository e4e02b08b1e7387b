"""Bytes of a segment: its header and its records. The layout is in the package's docstring."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from google_crc32c import extend, value

from otel_llm.journal import Entry, Position, Record
from otel_llm.signals import Signal

__all__ = [
    "HEADER_BYTES",
    "MARKER_BYTES",
    "PREFIX_BYTES",
    "VERSION",
    "Header",
    "Prefix",
    "decode_body",
    "decode_header",
    "decode_prefix",
    "encode",
    "encode_header",
    "encoded_bytes",
]

VERSION: Final = 1
_MAGIC: Final = b"\x89OLLMJ\r\n"
_HEADER: Final = struct.Struct("<8sHHQ8s")
_CRC: Final = struct.Struct("<I")
_PREFIX: Final = struct.Struct("<8sII")
_BODY: Final = struct.Struct("<QQIBHH")

HEADER_BYTES: Final = _HEADER.size + _CRC.size
PREFIX_BYTES: Final = _PREFIX.size
MARKER_BYTES: Final = 8

_CODES: Final = {Signal.TRACES: 1, Signal.LOGS: 2, Signal.METRICS: 3}
_SIGNALS: Final = {code: signal for signal, code in _CODES.items()}
_NO_TENANT: Final = 0xFFFF


class Header(NamedTuple):
    """What a segment says of itself."""

    version: int
    base: Position
    marker: bytes


class Prefix(NamedTuple):
    """What stands before a record's body."""

    marker: bytes
    length: int
    """Bytes of the body."""
    crc: int


def encode_header(base: Position, marker: bytes) -> bytes:
    """Return the header of a segment."""
    header = _HEADER.pack(_MAGIC, VERSION, 0, base, marker)
    return header + _CRC.pack(value(header))


def decode_header(data: bytes) -> Header | None:
    """Read a header; None if it is damaged, or not one."""
    if len(data) < HEADER_BYTES or not data.startswith(_MAGIC):
        return None
    if _CRC.unpack_from(data, _HEADER.size)[0] != value(data[: _HEADER.size]):
        return None
    _, version, _, base, marker = _HEADER.unpack_from(data)
    return Header(version, base, marker)


def encoded_bytes(record: Record) -> int:
    """Return how long a record is in a segment."""
    tenant = len(record.tenant.encode()) if record.tenant is not None else 0
    return _PREFIX.size + _BODY.size + len(record.pipeline.encode()) + tenant + len(record.payload)


def encode(entry: Entry, time_ms: int, marker: bytes) -> tuple[bytes, bytes]:
    """Return a record as two strings of bytes, the second of which is its payload."""
    record = entry.record
    pipeline = record.pipeline.encode()
    tenant = b"" if record.tenant is None else record.tenant.encode()
    tenant_length = _NO_TENANT if record.tenant is None else len(tenant)
    signal = _CODES[record.signal]
    head = _BODY.pack(entry.position, time_ms, record.item_count, signal, len(pipeline), tenant_length)
    head += pipeline + tenant
    length = len(head) + len(record.payload)
    crc = extend(extend(value(_CRC.pack(length)), head), record.payload)
    return _PREFIX.pack(marker, length, crc) + head, record.payload


def decode_prefix(data: bytes) -> Prefix:
    """Read `PREFIX_BYTES`, whatever they are."""
    return Prefix(*_PREFIX.unpack(data))


def decode_body(prefix: Prefix, body: bytes) -> tuple[Entry, int] | None:
    """Return a record and its time in milliseconds since 1970; None if a bit of it is not as it was written."""
    if prefix.length < _BODY.size or extend(value(_CRC.pack(prefix.length)), body) != prefix.crc:
        return None
    position, time_ms, item_count, signal, pipeline_length, tenant_length = _BODY.unpack_from(body)
    tenant_at = _BODY.size + pipeline_length
    payload_at = tenant_at + (0 if tenant_length == _NO_TENANT else tenant_length)
    record = Record(
        pipeline=body[_BODY.size : tenant_at].decode(),
        signal=_SIGNALS[signal],
        item_count=item_count,
        payload=body[payload_at:],
        tenant=None if tenant_length == _NO_TENANT else body[tenant_at:payload_at].decode(),
    )
    return Entry(position, record), time_ms
