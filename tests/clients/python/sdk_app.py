"""The three spans of the README with the OpenTelemetry SDK for Python."""

from __future__ import annotations

from opentelemetry.trace import SpanKind

from tests.clients.python.export import tracer_provider


def main() -> None:
    """Send them."""
    provider = tracer_provider("client-python")
    tracer = provider.get_tracer("client")

    with tracer.start_as_current_span(
        "GET /api/items",
        kind=SpanKind.SERVER,
        attributes={"http.request.method": "GET", "url.path": "/api/items", "http.response.status_code": 200},
    ):
        tracer.start_span(
            "chat gpt-4o-mini",
            kind=SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.usage.input_tokens": 1200,
                "gen_ai.usage.cache_read.input_tokens": 1024,
                "gen_ai.usage.output_tokens": 300,
            },
        ).end()
        tracer.start_span(
            "chat deprecated",
            kind=SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.system": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.usage.prompt_tokens": 1200,
                "gen_ai.usage.completion_tokens": 300,
            },
        ).end()

    provider.shutdown()


if __name__ == "__main__":
    main()
