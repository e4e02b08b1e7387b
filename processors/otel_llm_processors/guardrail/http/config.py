"""Settings of the detector over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from otel_llm.component import Config, Count, Duration
from otel_llm.detection.rule import Id
from otel_llm.detectors import Target
from otel_llm.endpoint import is_loopback
from otel_llm.exporters.headers import Headers
from otel_llm.tls import ClientTlsConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BreakerConfig", "HttpDetectorConfig"]

Score = Annotated[float, Field(gt=0, le=1)]
Some = Annotated[Count, Field(ge=1)]


class BreakerConfig(Config):
    """When the service is left alone."""

    failures: Some = 5
    """After so many failures in a row."""
    open_for: Duration = 30.0
    """For so long; then one request tries."""


class HttpDetectorConfig(Config):
    """Settings of `detectors.http`."""

    endpoint: str
    """The URL of a service that takes passages and answers with scores, as this folder's README says."""
    labels: Annotated[dict[Id, Score], Field(min_length=1)]
    """What the service tells of, each with the score, 0 to 1, from which it is found. Other labels are not heard."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = ("input", "tool_call", "tool_result")
    """What it is shown."""
    timeout: Annotated[Duration, Field(gt=0)] = 0.5
    """How long a batch waits for it at most. What has not been judged by then goes on as `unscanned.<name>`."""
    max_concurrency: Some = 4
    """How many requests are under way at once. A batch that comes while there are as many goes on, not judged."""
    max_request_bytes: Some = 4 << 20
    """A batch with more text is not sent."""
    breaker: BreakerConfig = BreakerConfig()
    """When the service is left alone."""
    headers: Headers = Field(default_factory=dict)
    """Sent with every request, such as an API key."""
    tls: ClientTlsConfig = ClientTlsConfig()
    """How to connect to `https://`."""

    def weaknesses(self) -> Iterator[str]:
        """Return whether what calls say can be read on its way."""
        parts = urlsplit(self.endpoint)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            yield "endpoint: without https:// whoever is on the way can read what calls say"

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, endpoint: str) -> str:
        try:
            parts = urlsplit(endpoint)
            is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url or "@" in parts.netloc:
            raise ValueError("must be an http:// or https:// URL without credentials: those belong into headers")
        return endpoint

    @model_validator(mode="after")
    def _has_use_for_tls(self) -> Self:
        if self.endpoint.startswith("http:") and self.tls.says_how:
            raise ValueError("tls: http:// is plain text")
        return self
