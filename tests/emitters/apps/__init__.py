"""Apps, each under one instrumentation: `python -m tests.emitters.apps.<name> <scenario>` in its environment.

They call the models of `OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL` or `GOOGLE_GEMINI_BASE_URL`, and send what the
instrumentation recorded to `OTEL_EXPORTER_OTLP_ENDPOINT`.
"""
