"""Backends, and how each is sent to. What is written for one is the same as in its config in `collector-config`."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["BACKENDS", "Backend"]


class Backend(NamedTuple):
    """Where traces may go."""

    title: str
    exporter: str
    """Its id in the config."""
    settings: str
    """YAML of the exporter."""
    environment: dict[str, str]
    """Variables that must be set, and what each is."""


BACKENDS: Final = {
    "debug": Backend("the terminal", "debug", "{}", {}),
    "jaeger": Backend(
        "Jaeger",
        "otlp",
        """
    endpoint: ${env:JAEGER_ENDPOINT:-127.0.0.1:14317}
    tls: {insecure: true}""",
        {},
    ),
    "tempo": Backend(
        "Grafana Tempo",
        "otlp/tempo",
        """
    endpoint: ${env:TEMPO_ENDPOINT:-127.0.0.1:14317}
    tls: {insecure: true}
    headers: {X-Scope-OrgID: "${env:TEMPO_TENANT:-anonymous}"}""",
        {},
    ),
    "phoenix": Backend(
        "Arize Phoenix",
        "otlphttp/phoenix",
        """
    endpoint: ${env:PHOENIX_ENDPOINT:-http://127.0.0.1:6006}
    headers:
      Authorization: Bearer ${env:PHOENIX_API_KEY:-}
    profile: phoenix""",
        {},
    ),
    "langfuse": Backend(
        "Langfuse",
        "otlphttp/langfuse",
        """
    endpoint: ${env:LANGFUSE_HOST:-https://cloud.langfuse.com}/api/public/otel
    headers:
      Authorization: Basic ${env:LANGFUSE_AUTH}
    profile: langfuse""",
        {"LANGFUSE_AUTH": 'the base64 of "public key:secret key"'},
    ),
    "logfire": Backend(
        "Pydantic Logfire",
        "otlphttp/logfire",
        """
    endpoint: ${env:LOGFIRE_BASE_URL:-https://logfire-us.pydantic.dev}
    headers:
      Authorization: ${env:LOGFIRE_TOKEN}
    profile: logfire""",
        {"LOGFIRE_TOKEN": "a write token of the project"},
    ),
    "openobserve": Backend(
        "OpenObserve",
        "otlphttp/openobserve",
        """
    endpoint: ${env:OPENOBSERVE_URL:-http://127.0.0.1:5080}/api/${env:OPENOBSERVE_ORG:-default}
    headers:
      Authorization: Basic ${env:OPENOBSERVE_AUTH}
      stream-name: ${env:OPENOBSERVE_STREAM:-default}""",
        {"OPENOBSERVE_AUTH": 'the base64 of "user:password"'},
    ),
    "signoz": Backend(
        "SigNoz",
        "otlphttp/signoz",
        """
    endpoint: ${env:SIGNOZ_ENDPOINT:-https://ingest.us.signoz.cloud:443}
    headers:
      signoz-ingestion-key: ${env:SIGNOZ_INGESTION_KEY:-}
    profile: signoz""",
        {},
    ),
    "honeycomb": Backend(
        "Honeycomb",
        "otlphttp/honeycomb",
        """
    endpoint: ${env:HONEYCOMB_ENDPOINT:-https://api.honeycomb.io}
    headers:
      x-honeycomb-team: ${env:HONEYCOMB_API_KEY}
    profile: honeycomb""",
        {"HONEYCOMB_API_KEY": "an ingest key"},
    ),
    "datadog": Backend(
        "Datadog LLM Observability",
        "otlphttp/datadog",
        """
    traces_endpoint: ${env:DD_OTLP_ENDPOINT:-https://otlp.datadoghq.com}/v1/traces
    headers:
      dd-api-key: ${env:DD_API_KEY}
      dd-otlp-source: llmobs
    profile: datadog""",
        {"DD_API_KEY": "an API key"},
    ),
    "grafana-cloud": Backend(
        "Grafana Cloud",
        "otlphttp/grafana-cloud",
        """
    endpoint: ${env:GRAFANA_CLOUD_OTLP_ENDPOINT}
    headers:
      Authorization: Basic ${env:GRAFANA_CLOUD_AUTH}""",
        {
            "GRAFANA_CLOUD_OTLP_ENDPOINT": "the gateway on the stack's page for OpenTelemetry, with /otlp",
            "GRAFANA_CLOUD_AUTH": 'the base64 of "instance id:token"',
        },
    ),
    "mlflow": Backend(
        "MLflow",
        "otlphttp/mlflow",
        """
    endpoint: ${env:MLFLOW_TRACKING_URI:-http://127.0.0.1:5000}
    headers:
      x-mlflow-experiment-id: "${env:MLFLOW_EXPERIMENT_ID:-0}"
    profile: mlflow""",
        {},
    ),
}
"""By the name of the file in `collector-config`; `debug` needs no backend."""
