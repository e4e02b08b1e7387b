// Sends the three spans of ../README.md with the OpenTelemetry SDK for JavaScript.
import { context, SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const Exporter = process.env.OTEL_EXPORTER_OTLP_PROTOCOL === "grpc" ? GrpcExporter : HttpExporter;
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "client-js" }),
  spanProcessors: [new BatchSpanProcessor(new Exporter())],
});
const tracer = provider.getTracer("client");

const request = tracer.startSpan("GET /api/items", {
  kind: SpanKind.SERVER,
  attributes: {
    "http.request.method": "GET",
    "url.path": "/api/items",
    "http.response.status_code": 200,
  },
});
const parent = trace.setSpan(context.active(), request);

tracer
  .startSpan(
    "chat gpt-4o-mini",
    {
      kind: SpanKind.CLIENT,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.usage.output_tokens": 300,
      },
    },
    parent,
  )
  .end();

tracer
  .startSpan(
    "chat deprecated",
    {
      kind: SpanKind.CLIENT,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.prompt_tokens": 1200,
        "gen_ai.usage.completion_tokens": 300,
      },
    },
    parent,
  )
  .end();

request.end();
await provider.forceFlush();
await provider.shutdown();
