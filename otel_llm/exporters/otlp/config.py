"""Settings of the exporter `otlp`."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.exporters.headers import Headers  # noqa: TC001 - pydantic reads the annotation at run time
from otel_llm.exporters.profile import HTTP_ONLY, Profile
from otel_llm.tls import ClientTlsConfig

__all__ = ["OtlpConfig"]

_ENDPOINT: Final = re.compile(r"(?:https?://)?(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):[0-9]{1,5}/?")
_PLAIN: Final = "http://"
_TLS: Final = "https://"


def _is_endpoint(value: str) -> str:
    if not _ENDPOINT.fullmatch(value):
        raise ValueError("must be host:port, such as 127.0.0.1:4317, without a path")
    return value


def _is_metadata(headers: Headers) -> Headers:
    for name in map(str.lower, headers):
        if name.startswith("grpc-") or name.endswith("-bin"):
            raise ValueError("has a name that gRPC keeps to itself or for bytes (grpc-..., ...-bin)")
    return headers


class OtlpConfig(DeliveryConfig):
    """Where to, and how."""

    endpoint: Annotated[str, AfterValidator(_is_endpoint)]
    """`host:port`. With `https://` before it: TLS, whatever `tls.insecure` says."""

    tls: ClientTlsConfig = ClientTlsConfig()
    """Encryption. As in the Collector it is on unless switched off, for this machine too."""

    headers: Annotated[Headers, AfterValidator(_is_metadata)] = Field(default_factory=dict)
    """Metadata sent with every request, such as an API key."""

    compression: Literal["gzip", "none"] = "gzip"
    """`none` costs less time where the network is fast, such as on this machine."""

    profile: Profile = "none"
    """What the backend wants otherwise than the conventions have it: names of costs and tokens, content as texts."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.endpoint.startswith(_PLAIN) and not self.tls.insecure:
            raise ValueError("endpoint: says http://, but TLS is on: add `tls: {insecure: true}`, or write https://")
        if self.profile in HTTP_ONLY:
            raise ValueError("profile: that backend takes OTLP over HTTP only: use otlphttp")
        if self.tls.insecure_skip_verify:
            raise ValueError(
                "tls.insecure_skip_verify: gRPC for Python always verifies: "
                "trust the destination's authority by ca_file, expect another name by server_name_override"
            )
        if self.tls.min_version != "1.2":
            raise ValueError("tls.min_version: gRPC for Python speaks 1.2 and 1.3, and cannot be kept from either")
        return self

    @property
    def address(self) -> str:
        """The endpoint without a scheme, as gRPC wants it."""
        return self.endpoint.removeprefix(_PLAIN).removeprefix(_TLS).removesuffix("/")

    @property
    def plain_text(self) -> bool:
        """Whether to connect without TLS."""
        return self.tls.insecure and not self.endpoint.startswith(_TLS)
