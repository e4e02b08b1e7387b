"""Settings of the exporter `otlphttp`."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.exporters.headers import Headers  # noqa: TC001 - pydantic reads the annotation at run time
from otel_llm.exporters.profile import Profile  # noqa: TC001 - pydantic reads the annotation at run time
from otel_llm.signals import Signal
from otel_llm.tls import ClientTlsConfig

__all__ = ["OtlpHttpConfig"]

_URL: Final = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?(?:/[^\s?#]*)?")


def _is_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("must be a URL such as http://127.0.0.1:4318, without user, query or fragment")
    return value


Url = Annotated[str, AfterValidator(_is_url)]


class OtlpHttpConfig(DeliveryConfig):
    """Where to, and how."""

    endpoint: Url | None = None
    """Base URL, such as `http://127.0.0.1:4318`: `/v1/traces`, `/v1/logs` and `/v1/metrics` are added to it."""

    traces_endpoint: Url | None = None
    """Whole URL for traces, in place of the one made of `endpoint`."""

    logs_endpoint: Url | None = None
    """Whole URL for logs."""

    metrics_endpoint: Url | None = None
    """Whole URL for metrics."""

    tls: ClientTlsConfig = ClientTlsConfig()
    """How to connect to `https://`. `http://` is plain text, and `tls.insecure` neither needed nor of effect."""

    headers: Headers = Field(default_factory=dict)
    """Sent with every request, such as an API key."""

    compression: Literal["gzip", "none"] = "gzip"
    """`none` costs less time where the network is fast, such as on this machine."""

    profile: Profile = "none"
    """What the backend wants otherwise than the conventions have it: names of costs and tokens, content as texts."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not self.urls:
            raise ValueError("endpoint: is missing (or one of traces_endpoint, logs_endpoint, metrics_endpoint)")
        if not self.encrypted and self.tls.says_how:
            raise ValueError("tls: has no effect, because nothing is sent to https://")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether anything is sent over TLS."""
        return any(url.startswith("https:") for url in self.urls.values())

    @property
    def urls(self) -> dict[Signal, str]:
        """Where requests of a signal go. A signal that has no URL is not in it."""
        whole = {
            Signal.TRACES: self.traces_endpoint,
            Signal.LOGS: self.logs_endpoint,
            Signal.METRICS: self.metrics_endpoint,
        }
        base = None if self.endpoint is None else self.endpoint.rstrip("/")
        urls = {signal: whole[signal] or (base and base + signal.http_path) for signal in Signal}
        return {signal: url for signal, url in urls.items() if url}
