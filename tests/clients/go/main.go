// Command client sends the three spans of ../README.md with the OpenTelemetry SDK for Go.
package main

import (
	"context"
	"log"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	exporter, err := newExporter(ctx, os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if err != nil {
		return err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "client-go"))),
	)
	record(ctx, provider.Tracer("client"))
	if err := provider.ForceFlush(ctx); err != nil {
		return err
	}
	return provider.Shutdown(ctx)
}

func newExporter(ctx context.Context, protocol string) (*otlptrace.Exporter, error) {
	if protocol == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

func record(ctx context.Context, tracer trace.Tracer) {
	client, server := trace.WithSpanKind(trace.SpanKindClient), trace.WithSpanKind(trace.SpanKindServer)

	ctx, request := tracer.Start(ctx, "GET /api/items", server, trace.WithAttributes(
		attribute.String("http.request.method", "GET"),
		attribute.String("url.path", "/api/items"),
		attribute.Int("http.response.status_code", 200),
	))
	defer request.End()

	_, chat := tracer.Start(ctx, "chat gpt-4o-mini", client, trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", "openai"),
		attribute.String("gen_ai.request.model", "gpt-4o-mini"),
		attribute.String("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{"stop"}),
		attribute.Int("gen_ai.usage.input_tokens", 1200),
		attribute.Int("gen_ai.usage.cache_read.input_tokens", 1024),
		attribute.Int("gen_ai.usage.output_tokens", 300),
	))
	chat.End()

	_, deprecated := tracer.Start(ctx, "chat deprecated", client, trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.system", "openai"),
		attribute.String("gen_ai.request.model", "gpt-4o-mini"),
		attribute.Int("gen_ai.usage.prompt_tokens", 1200),
		attribute.Int("gen_ai.usage.completion_tokens", 300),
	))
	deprecated.End()
}
