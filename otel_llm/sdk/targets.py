"""Where an app sends: the SDK's own OTLP exporters, as a config or the standard environment variables say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL,
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
)

from otel_llm.errors import ConfigError
from otel_llm.exporters.headers import plain
from otel_llm.exporters.otlp.config import OtlpConfig
from otel_llm.exporters.otlphttp.config import OtlpHttpConfig
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.config import Component
    from otel_llm.sdk.outlet import SdkExporter
    from otel_llm.tls import ClientTlsConfig

__all__ = ["open_targets"]

_PROTOCOLS: Final = {
    Signal.TRACES: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    Signal.LOGS: OTEL_EXPORTER_OTLP_LOGS_PROTOCOL,
}


def open_targets(signal: Signal, exporters: Sequence[Component]) -> list[SdkExporter[Any]]:
    """Return the SDK's exporters for those of a config; where it has none, the one that the environment asks for.

    Raises:
        ConfigError: the SDK's exporters cannot do what is asked for.
    """
    if not exporters:
        return [_from_environment(signal)]
    return [_from_config(signal, component) for component in exporters]


def _from_environment(signal: Signal) -> SdkExporter[Any]:
    """Return what `otlp` is in the SDK: gRPC unless something else is asked for. It reads its variables itself."""
    asked = os.environ.get(_PROTOCOLS[signal]) or os.environ.get(OTEL_EXPORTER_OTLP_PROTOCOL) or "grpc"
    match asked.strip():
        case "grpc":
            return _grpc(signal)
        case "http/protobuf":
            return _http(signal)
    raise ConfigError(f"{OTEL_EXPORTER_OTLP_PROTOCOL}: must be grpc or http/protobuf")


def _from_config(signal: Signal, component: Component) -> SdkExporter[Any]:
    place, config = f"exporters.{component.id}", component.config
    if isinstance(config, OtlpConfig):
        return _grpc_to(signal, config, place)
    if isinstance(config, OtlpHttpConfig):
        return _http_to(signal, config, place)
    raise ConfigError(f"{place}: inside an app only otlp and otlphttp can be used")


def _grpc_to(signal: Signal, config: OtlpConfig, place: str) -> SdkExporter[Any]:
    import grpc  # as heavy as the exporter, for which it is needed anyway

    from otel_llm.tls import ClientTls

    options: dict[str, Any] = {}
    if not config.plain_text:
        tls = ClientTls.load(config.tls, f"{place}.tls")
        options["credentials"] = grpc.ssl_channel_credentials(tls.authorities, tls.key, tls.certificate)
    if config.tls.server_name_override is not None:
        options["channel_options"] = (("grpc.ssl_target_name_override", config.tls.server_name_override),)
    return _grpc(
        signal,
        endpoint=config.address,
        insecure=config.plain_text,
        headers=tuple(plain(config.headers).items()),
        timeout=config.timeout,
        compression=grpc.Compression.Gzip if config.compression == "gzip" else grpc.Compression.NoCompression,
        **options,
    )


def _http_to(signal: Signal, config: OtlpHttpConfig, place: str) -> SdkExporter[Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    if signal not in config.urls:
        raise ConfigError(f"{place}: has no endpoint for {signal}")
    _check_tls(config.tls, f"{place}.tls")
    return _http(
        signal,
        endpoint=config.urls[signal],
        certificate_file=_path(config.tls.ca_file),
        client_key_file=_path(config.tls.key_file),
        client_certificate_file=_path(config.tls.cert_file),
        headers=plain(config.headers),
        timeout=config.timeout,
        compression=Compression.Gzip if config.compression == "gzip" else Compression.NoCompression,
    )


def _check_tls(tls: ClientTlsConfig, place: str) -> None:
    if tls.insecure_skip_verify or tls.server_name_override is not None or tls.min_version != "1.2":
        raise ConfigError(
            f"{place}: inside an app insecure_skip_verify, server_name_override and min_version cannot be used"
        )


def _path(path: Any) -> str | None:
    return None if path is None else str(path)


def _grpc(signal: Signal, **options: Any) -> SdkExporter[Any]:
    if signal is Signal.TRACES:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(**options)
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

    return OTLPLogExporter(**options)


def _http(signal: Signal, **options: Any) -> SdkExporter[Any]:
    if signal is Signal.TRACES:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(**options)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(**options)
