"""Certificates for tests: authorities, what they sign, and files of it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import trustme

__all__ = ["EXPIRED", "NOT_YET", "Authority", "Pair"]

EXPIRED = {"not_before": datetime(2019, 1, 1, tzinfo=UTC), "not_after": datetime(2020, 1, 1, tzinfo=UTC)}
NOT_YET = {"not_before": datetime(2900, 1, 1, tzinfo=UTC), "not_after": datetime(2999, 1, 1, tzinfo=UTC)}


class Pair(NamedTuple):
    """Files of a certificate and its key."""

    cert_file: Path
    key_file: Path

    @property
    def settings(self) -> dict[str, str]:
        """What a config says of them."""
        return {"cert_file": str(self.cert_file), "key_file": str(self.key_file)}

    def replace_by(self, other: Pair) -> None:
        """Rotate: put another certificate and key in the place of these, as certbot and Kubernetes do."""
        other.cert_file.replace(self.cert_file)
        other.key_file.replace(self.key_file)

    @property
    def der(self) -> bytes:
        """The certificate as a peer sees it."""
        first = self.cert_file.read_text().partition("-----END CERTIFICATE-----")
        return ssl.PEM_cert_to_DER_cert("".join(first[:2]))


class Authority:
    """Signs certificates, and writes them to a directory."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self._directory = directory
        self._count = 0
        self.pem = self._ca.cert_pem.bytes()
        self.file = self._path("ca")
        self.file.write_bytes(self.pem)

    def issue(self, *names: str, **dates: Any) -> Pair:
        """Sign a certificate for 127.0.0.1, or other names."""
        leaf = self._ca.issue_cert(*names or ("127.0.0.1",), **dates)
        pair = Pair(self._path("cert"), self._path("key"))
        pair.cert_file.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        pair.key_file.touch(0o600)
        pair.key_file.write_bytes(leaf.private_key_pem.bytes())
        return pair

    def context(self, shown: Pair | None = None) -> ssl.SSLContext:
        """Return what a client needs to trust this authority, and to show a certificate of its own."""
        context = ssl.create_default_context(cadata=self.pem.decode())
        if shown is not None:
            context.load_cert_chain(*shown)
        return context

    def _path(self, kind: str) -> Path:
        self._count += 1
        return self._directory / f"{kind}-{id(self):x}-{self._count}.pem"
