"""Settings of TLS: the keys of the Collector's `configtls`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from otel_llm.component import Config, Duration
from otel_llm.secret_file import readable_by_others
from otel_llm.tls.expiry import out_of_date

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ClientTlsConfig", "ServerTlsConfig", "TlsVersion"]


def _as_text(value: Any) -> Any:
    """Take `1.2` without quotes too, which is a number in YAML."""
    return str(value) if isinstance(value, float) else value


TlsVersion = Annotated[Literal["1.2", "1.3"], BeforeValidator(_as_text)]


class ServerTlsConfig(Config):
    """TLS of something that listens. Files are in PEM."""

    cert_file: Path
    """Its certificate, followed by those of the authorities in between."""

    key_file: Path
    """The key of that certificate, not encrypted."""

    client_ca_file: Path | None = None
    """Authorities of which every client must show a certificate. Without it any client may connect."""

    min_version: TlsVersion = "1.2"
    """The oldest version of TLS that is spoken."""

    reload_interval: Duration = 0.0
    """Accepted from Collector configs and not needed: changed files are read within seconds, for new connections."""

    def weaknesses(self) -> Iterator[str]:
        """Return what is wrong with the files, though they can be used."""
        return _weak_pair(self.cert_file, self.key_file)


class ClientTlsConfig(Config):
    """TLS of something that connects. Files are in PEM, and read at the start."""

    insecure: bool = False
    """`true`: plain text."""

    insecure_skip_verify: bool = False
    """`true`: whatever certificate the destination shows is good. Encrypted, but perhaps to somebody else."""

    ca_file: Path | None = None
    """Authorities that are trusted, in place of the usual ones."""

    cert_file: Path | None = None
    """Certificate to show to a destination that asks for one, followed by those of the authorities in between."""

    key_file: Path | None = None
    """The key of that certificate, not encrypted."""

    server_name_override: Annotated[str, Field(min_length=1)] | None = None
    """The name to find in the destination's certificate, in place of the host that is connected to."""

    min_version: TlsVersion = "1.2"
    """The oldest version of TLS that is spoken."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: one of them is missing")
        if self.insecure and self.says_how:
            raise ValueError("insecure: is plain text, to which no other key of TLS applies")
        return self

    @property
    def says_how(self) -> bool:
        """Whether anything is said that is of use only with TLS."""
        return bool(self.model_dump(exclude={"insecure"}, exclude_defaults=True))

    def weaknesses(self) -> Iterator[str]:
        """Return what is wrong with the files, though they can be used, and whether nothing is checked."""
        if self.insecure_skip_verify:
            yield "insecure_skip_verify: whoever stands in between can read and change what is sent"
        if self.cert_file is not None and self.key_file is not None:
            yield from _weak_pair(self.cert_file, self.key_file)


def _weak_pair(cert_file: Path, key_file: Path) -> Iterator[str]:
    problem = out_of_date(cert_file, key_file)
    if problem is not None:
        yield f"cert_file: the certificate {problem}"
    if readable_by_others(key_file):
        yield "key_file: others than its owner may read it"
