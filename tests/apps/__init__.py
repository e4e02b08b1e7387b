"""Apps that know the OpenTelemetry API alone. Start them with `opentelemetry-instrument`."""
