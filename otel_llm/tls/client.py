"""TLS of something that connects, and why a destination's certificate was refused."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.secret_file import check_readable
from otel_llm.tls.expiry import OUT_OF_DATE
from otel_llm.tls.pem import files_of, load_authorities, load_pair, new_context

if TYPE_CHECKING:
    from otel_llm.tls.config import ClientTlsConfig

__all__ = ["ANOTHER_NAME", "UNTRUSTED", "ClientTls", "certificate_problem"]

ANOTHER_NAME: Final = "is for another name"
UNTRUSTED: Final = "is signed by nobody who is trusted here"
_OBJECTIONS: Final = {
    **OUT_OF_DATE,
    **dict.fromkeys((18, 19, 20, 21), UNTRUSTED),
    **dict.fromkeys((62, 64), ANOTHER_NAME),
}
"""By OpenSSL's verification codes (x509_vfy.h)."""


class ClientTls(NamedTuple):
    """What is in the files of a config."""

    context: ssl.SSLContext
    """What asyncio needs to connect."""
    authorities: bytes | None
    """In PEM, as gRPC wants them; None for the usual ones."""
    key: bytes | None
    certificate: bytes | None

    @classmethod
    def load(cls, config: ClientTlsConfig, place: str) -> ClientTls:
        """Read the files. *place* is where they are configured.

        Raises:
            ConfigError: files cannot be read, or not be used.
        """
        paths = files_of(config)
        check_readable({f"{place}.{key}": path for key, path in paths.items()})
        context = new_context(ssl.PROTOCOL_TLS_CLIENT, config.min_version)
        if config.ca_file is None:
            context.load_default_certs()
        else:
            load_authorities(context, f"{place}.ca_file", config.ca_file)
        if config.cert_file is not None and config.key_file is not None:
            load_pair(context, place, config.cert_file, config.key_file)
        if config.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        pem = {key: path.read_bytes() for key, path in paths.items()}
        return cls(context, pem.get("ca_file"), pem.get("key_file"), pem.get("cert_file"))


def certificate_problem(verify_code: int) -> str:
    """Return what is wrong with a certificate that was refused with one of OpenSSL's verification codes."""
    return _OBJECTIONS.get(verify_code, "cannot be verified")
