"""TLS of what listens and of what connects: settings, and what Python and gRPC need to be told of them."""

from otel_llm.tls.client import ANOTHER_NAME, UNTRUSTED, ClientTls, certificate_problem
from otel_llm.tls.config import ClientTlsConfig, ServerTlsConfig
from otel_llm.tls.expiry import OUT_OF_DATE
from otel_llm.tls.server import ServerTls

__all__ = [
    "ANOTHER_NAME",
    "OUT_OF_DATE",
    "UNTRUSTED",
    "ClientTls",
    "ClientTlsConfig",
    "ServerTls",
    "ServerTlsConfig",
    "certificate_problem",
]
