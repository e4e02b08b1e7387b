"""What a test of a component needs: shipped, so that third parties use what the built-ins use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Exporter, Processor, ProcessorFactory, Settings
from otel_llm.values import Writable, write

if TYPE_CHECKING:
    from otel_llm.span import Span

__all__ = ["SinkExporter", "check_processor", "make_request", "make_span"]

Attributes = Mapping[str, Writable | bytes | None]

_TRACE_ID: Final = bytes(range(1, 17))
_START: Final = 1_790_000_000_000_000_000


def make_request(
    *spans: Attributes,
    name: str = "chat gpt-4o",
    kind: int = 3,
    scope: str = "test",
    resource: Attributes | None = None,
    start_time_unix_nano: int = _START,
) -> bytes:
    """Return a trace export request with one span for each mapping of attributes, each a second long.

    A value of None makes an attribute without a value; bytes make a bytes attribute.
    """
    request = ExportTraceServiceRequest()
    envelope = request.resource_spans.add()
    _fill(envelope.resource.attributes, resource or {"service.name": "test"})
    scope_spans = envelope.scope_spans.add()
    scope_spans.scope.name = scope
    for number, attributes in enumerate(spans, start=1):
        span = scope_spans.spans.add(
            trace_id=_TRACE_ID,
            span_id=number.to_bytes(8, "big"),
            name=name,
            start_time_unix_nano=start_time_unix_nano,
            end_time_unix_nano=start_time_unix_nano + 1_000_000_000,
        )
        span.kind = kind  # type: ignore[assignment]  # the stubs want the enum, the wire takes any int
        _fill(span.attributes, attributes)
    return request.SerializeToString()


def make_span(attributes: Attributes | None = None, **request: Any) -> Span:
    """Return one span as a processor sees it; *request* as for `make_request`."""
    return Batch(make_request(attributes or {}, **request)).spans[0]


class SinkExporter(Exporter):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        """Every batch, in order."""

    async def export(self, batch: Batch, /) -> int:
        """Keep a batch."""
        self.batches.append(batch)
        return 0

    @property
    def spans(self) -> list[Span]:
        """The spans of all batches."""
        return [span for batch in self.batches for span in batch.spans]


def check_processor(factory: ProcessorFactory[Any], config: Mapping[str, Any] | None = None) -> None:
    """Check what every processor must do; raise `AssertionError` with a sentence about what it does not.

    Args:
        factory: the object that the entry point names.
        config: its settings as they would stand in YAML, where the defaults do not make a working processor.
    """
    raw = dict(config or {})
    _check_registration(factory)
    _check_config(factory)
    _check_untouched(factory, raw)
    for attributes in _AWKWARD:
        _check_harmless(factory, raw, attributes)
    _make(factory, raw).shutdown()
    twice = _make(factory, raw)
    twice.start()
    twice.shutdown()
    twice.shutdown()


_AWKWARD: Final[Sequence[Attributes]] = (
    {},
    {"gen_ai.operation.name": "chat"},
    {"gen_ai.request.model": 7, "gen_ai.usage.input_tokens": "many", "gen_ai.input.messages": 1.5},
    {"gen_ai.request.model": None, "gen_ai.usage.input_tokens": -1, "gen_ai.response.finish_reasons": "stop"},
    {"gen_ai.provider.name": b"\xff\x00", "gen_ai.usage.output_tokens": float("nan")},
    {"gen_ai.system": ["openai"], "gen_ai.usage.prompt_tokens": True, "": "no key"},
    {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
    },
)


def _check_registration(factory: ProcessorFactory[Any]) -> None:
    names = {point.name for point in entry_points(group="otel_llm.processors") if point.load() is factory}
    assert names <= {factory.name}, f"registered as {sorted(names)}, but the factory calls itself {factory.name!r}"


def _check_config(factory: ProcessorFactory[Any]) -> None:
    properties = factory.config.model_json_schema().get("properties", {})
    undescribed = [key for key, value in properties.items() if "description" not in value]
    assert not undescribed, f"options without a docstring: {undescribed}"
    try:
        factory.config.model_validate({"no_such_option": 1})
    except ValueError:
        return
    raise AssertionError("an unknown option is accepted")


def _check_untouched(factory: ProcessorFactory[Any], raw: dict[str, Any]) -> None:
    request = make_request({"http.request.method": "GET"}, name="GET /")
    batch = Batch(request)
    _chain(factory, raw).run(batch)
    assert batch.to_bytes() is request, "a batch without gen_ai spans does not leave as the very bytes that came"


def _check_harmless(factory: ProcessorFactory[Any], raw: dict[str, Any], attributes: Attributes) -> None:
    first = _run(factory, raw, make_request(attributes))
    assert b"otel_llm.processor.errors" not in first, f"raised on a span with the attributes {dict(attributes)}"
    again = _run(factory, raw, first)
    assert again == first, f"a second run changes a span with the attributes {dict(attributes)}"


def _run(factory: ProcessorFactory[Any], raw: dict[str, Any], request: bytes) -> bytes:
    batch = Batch(request)
    _chain(factory, raw).run(batch)
    return batch.to_bytes()


def _chain(factory: ProcessorFactory[Any], raw: dict[str, Any]) -> Chain:
    return Chain([(factory.name, _make(factory, raw))])


def _make(factory: ProcessorFactory[Any], raw: dict[str, Any]) -> Processor:
    return factory.build(raw, Settings(factory.name))


def _fill(target: Any, attributes: Attributes) -> None:
    for key, value in attributes.items():
        pair = target.add(key=key)
        if isinstance(value, bytes):
            pair.value.bytes_value = value
        elif value is not None:
            write(pair.value, value)
