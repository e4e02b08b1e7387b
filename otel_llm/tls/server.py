"""TLS of something that listens. What connects after the files have changed gets the new certificate."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import grpc

from otel_llm.secret_file import watch_files
from otel_llm.tls.pem import files_of, load_authorities, load_pair, new_context

if TYPE_CHECKING:
    from otel_llm.reload import Watch, Watched
    from otel_llm.tls.config import ServerTlsConfig

__all__ = ["ServerTls"]


class ServerTls:
    """A certificate to show, and whose certificates to ask for."""

    def __init__(self, config: ServerTlsConfig, place: str, watch: Watch) -> None:
        """Read the files. *place* is where they are configured.

        Raises:
            ConfigError: files cannot be read, or not be used.
        """
        files = {f"{place}.{key}": path for key, path in files_of(config).items()}
        self._loaded = watch_files(watch, partial(_load, config, place), files)
        self._asks_for_certificate = config.client_ca_file is not None

    def context(self) -> ssl.SSLContext:
        """Return what asyncio needs to listen."""
        return _Renewed(self._loaded)

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return what gRPC needs to listen."""
        served = self._loaded.value

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            """Return what is new. gRPC's core asks at every connection, from a thread of its own."""
            nonlocal served
            loaded = self._loaded.value
            if loaded is served:
                return None
            served = loaded
            return loaded.for_grpc()

        return grpc.dynamic_ssl_server_credentials(served.for_grpc(), fetch, self._asks_for_certificate)  # type: ignore[arg-type]  # the stubs know no None, which means unchanged


class _Loaded(NamedTuple):
    """One reading of the files."""

    context: ssl.SSLContext
    pem: dict[str, bytes]

    def for_grpc(self) -> grpc.ServerCertificateConfiguration:
        pair = self.pem["key_file"], self.pem["cert_file"]
        return grpc.ssl_server_certificate_configuration([pair], self.pem.get("client_ca_file"))


def _load(config: ServerTlsConfig, place: str, *contents: bytes) -> _Loaded:
    context = new_context(ssl.PROTOCOL_TLS_SERVER, config.min_version)
    load_pair(context, place, config.cert_file, config.key_file)
    context.set_alpn_protocols(["http/1.1"])
    if config.client_ca_file is not None:
        load_authorities(context, f"{place}.client_ca_file", config.client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return _Loaded(context, dict(zip(files_of(config), contents, strict=True)))


class _Renewed(ssl.SSLContext):
    """Begins every connection in the newest context.

    To change a context that is in use, as with `load_cert_chain`, would leave its sessions: who has been let in by an
    authority that is no longer trusted could resume one.
    """

    def __new__(cls, _loaded: Watched[_Loaded]) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, loaded: Watched[_Loaded]) -> None:
        self._loaded = loaded

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self._loaded.value.context.wrap_bio(*arguments, **named)
