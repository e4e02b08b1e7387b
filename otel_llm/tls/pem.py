"""Putting PEM files into a TLS context, and telling which of them cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from otel_llm.component import Config
    from otel_llm.tls.config import TlsVersion

__all__ = ["files_of", "load_authorities", "load_pair", "new_context"]

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_OF_ANOTHER: Final = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
_NO_PASSWORD: Final = ""
"""Without any, OpenSSL would ask for it on the terminal."""


def files_of(config: Config) -> dict[str, Path]:
    """Return the files that *config* names, by key."""
    return {key: value for key, value in config if isinstance(value, Path)}


def new_context(side: int, oldest: TlsVersion) -> ssl.SSLContext:
    """Return a context for `ssl.PROTOCOL_TLS_SERVER` or `ssl.PROTOCOL_TLS_CLIENT`."""
    context = ssl.SSLContext(side)
    context.minimum_version = _VERSIONS[oldest]
    return context


def load_pair(context: ssl.SSLContext, place: str, cert_file: Path, key_file: Path) -> None:
    """Make *context* show a certificate.

    Raises:
        ConfigError: it is none, its key is none, or they do not belong together.
    """
    load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), f"{place}.cert_file", cert_file)
    try:
        context.load_cert_chain(cert_file, key_file, _NO_PASSWORD)
    except ssl.SSLError as error:
        problem = (
            "is not the key of the certificate in cert_file"
            if error.reason in _OF_ANOTHER
            else "holds no key in PEM that can be used without a password"
        )
        raise ConfigError(f"{place}.key_file: {problem}") from None


def load_authorities(context: ssl.SSLContext, place: str, ca_file: Path) -> None:
    """Make *context* trust what is in *ca_file*, which is configured at *place*.

    Raises:
        ConfigError: there is no certificate in it.
    """
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise ConfigError(f"{place}: holds no certificate in PEM") from None
