"""Makes the workloads: seeded, so that every run sends the same bytes.

usage: python -m bench.workloads DIRECTORY [W1 ...]

A file holds frames for bench/load: two big-endian uint32, a request's length and its number of spans, and the request.
"""

from __future__ import annotations

import json
import random
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WORKLOADS", "write"]

MARK: Final = b"otelload"
"""Begins every trace id: bench/load's sink counts it."""
START: Final = 1_790_000_000_000_000_000
SECOND: Final = 1_000_000_000
Value = str | int | float | list[str]

WORDS: Final = Path(__file__).with_name("words.txt").read_text().split()
SECRETS: Final = (
    "erika.mustermann@example.org",
    "+49 30 901820",
    "5555 5555 5555 4444",
    "GB82 WEST 1234 5698 7654 32",
    "AKIAIOSFODNN7EXAMPLE",
    "198.51.100.23",
)
"""What redaction is there for. All from documentation ranges and examples."""
SECRET_SHARE: Final = 0.001
"""How many of the words are one of them."""


class Generator:
    """Makes spans as instrumentations write them; no two carry the same text."""

    def __init__(self, name: str) -> None:
        self._random = random.Random(name)
        self._text = ""

    def request(self, *spans: Callable[[Span], None]) -> ExportTraceServiceRequest:
        """Return a request with one span for each function that fills one in."""
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.add(key="service.name").value.string_value = "helpdesk"
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "bench"
        for fill in spans:
            begun = START + self._random.randrange(3600) * SECOND
            span = scope_spans.spans.add(
                trace_id=MARK + self._random.randbytes(8),
                span_id=self._random.randbytes(8),
                start_time_unix_nano=begun,
                end_time_unix_nano=begun + self._random.randrange(SECOND),
            )
            fill(span)
        return request

    def plain(self, span: Span) -> None:
        """Fill in a span of an HTTP server."""
        span.name, span.kind = "GET /api/orders/{id}", Span.SpanKind.SPAN_KIND_SERVER
        number = self._random.randrange(10_000)
        _set(
            span,
            {
                "http.request.method": "GET",
                "http.route": "/api/orders/{id}",
                "http.response.status_code": 200,
                "url.scheme": "https",
                "url.path": f"/api/orders/{number}",
                "server.address": "orders.example.org",
                "server.port": 8443,
                "client.address": f"10.0.0.{number % 256}",
                "network.protocol.version": "1.1",
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
            },
        )

    def gen_ai(self, span: Span) -> None:
        """Fill in a span of a model call, without content."""
        span.name, span.kind = "chat gpt-4o-mini", Span.SpanKind.SPAN_KIND_CLIENT
        input_tokens = self._random.randrange(100, 4000)
        number = self._random.randrange(1 << 40)
        _set(
            span,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.request.max_tokens": 1024,
                "gen_ai.request.temperature": 0.2,
                "gen_ai.response.id": f"chatcmpl-{number}",
                "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.usage.input_tokens": input_tokens,
                "gen_ai.usage.output_tokens": self._random.randrange(800),
                "gen_ai.usage.cache_read.input_tokens": self._random.randrange(input_tokens),
                "gen_ai.conversation.id": f"conv_{number % 100_000}",
                "server.address": "api.openai.com",
                "server.port": 443,
                "http.route": "/v1/helpdesk",
                "session.id": f"s-{number % 10_000}",
                "user.id": f"user-{number % 5_000}",
            },
        )

    def gen_ai_with_content(self, characters: int) -> Callable[[Span], None]:
        """Return what fills in a model call that was asked so much, in messages of 2,000, and answered with 1,000."""

        def fill(span: Span) -> None:
            self.gen_ai(span)
            asked = [_message("user", self._words(2000)) for _ in range(characters // 2000)]
            answered = _message("assistant", self._words(1000)) | {"finish_reason": "stop"}
            _set(span, {"gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps([answered])})

        return fill

    def any(self) -> Callable[[Span], None]:
        """Return a plain span or a model call with content, one as often as the other."""
        return self._random.choice([self.plain, self.gen_ai_with_content(4000)])

    def few(self) -> int:
        """Return how many spans an app's exporter sends that flushes often."""
        return self._random.choice([1, 1, 2, 3, 4, 8])

    def _words(self, length: int) -> str:
        """Return a text of *length* characters that has not been used before."""
        while len(self._text) < length:
            self._text += " ".join(self._word() for _ in range(10_000)) + " "
        text, self._text = self._text[:length], self._text[length:]
        return text

    def _word(self) -> str:
        return self._random.choice(SECRETS if self._random.random() < SECRET_SHARE else WORDS)


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _set(span: Span, attributes: dict[str, Value]) -> None:
    for key, value in attributes.items():
        target = span.attributes.add(key=key).value
        match value:
            case str():
                target.string_value = value
            case int():
                target.int_value = value
            case float():
                target.double_value = value
            case list():
                for element in value:
                    target.array_value.values.add().string_value = element


def _w1(make: Generator) -> Iterator[ExportTraceServiceRequest]:
    return (make.request(*[make.plain] * 100) for _ in range(64))


def _w2(make: Generator) -> Iterator[ExportTraceServiceRequest]:
    return (make.request(*[make.gen_ai] * 100) for _ in range(64))


def _w3(make: Generator) -> Iterator[ExportTraceServiceRequest]:
    return (make.request(*[make.gen_ai_with_content(4000)] * 50) for _ in range(64))


def _w4(make: Generator) -> Iterator[ExportTraceServiceRequest]:
    return (make.request(*[make.gen_ai_with_content(100_000)] * 8) for _ in range(24))


def _w5(make: Generator) -> Iterator[ExportTraceServiceRequest]:
    return (make.request(*(make.any() for _ in range(make.few()))) for _ in range(256))


WORKLOADS: Final[dict[str, Callable[[Generator], Iterator[ExportTraceServiceRequest]]]] = {
    "W1": _w1,
    "W2": _w2,
    "W3": _w3,
    "W4": _w4,
    "W5": _w5,
}
"""By name, see bench/README.md."""


def write(name: str, path: Path) -> None:
    """Write a workload."""
    with path.open("wb") as file:
        for request in WORKLOADS[name](Generator(name)):
            body = request.SerializeToString()
            file.write(struct.pack(">II", len(body), len(request.resource_spans[0].scope_spans[0].spans)) + body)


if __name__ == "__main__":
    for workload in sys.argv[2:] or WORKLOADS:
        write(workload, Path(sys.argv[1]) / f"{workload}.frames")
