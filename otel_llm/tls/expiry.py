"""Whether a certificate is out of date."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OUT_OF_DATE", "out_of_date"]

OUT_OF_DATE: Final = {9: "is not valid yet", 10: "has expired"}
"""OpenSSL's verification codes for a certificate's dates (x509_vfy.h)."""


def out_of_date(cert_file: Path, key_file: Path) -> str | None:
    """Return what is wrong with a certificate's dates, None where nothing is. The files are known to be usable.

    Python shows the dates of a peer's certificate only. So this one is shown to a peer in memory, who trusts it whoever
    has signed it; and to peers of both kinds, since one that is for clients is refused as a server's, unlooked at.
    """
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        context.load_cert_chain(cert_file, key_file)
        context.load_verify_locations(cert_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.check_hostname = False
    for asking, shown in ((client, server), (server, client)):
        asking.verify_mode, shown.verify_mode = ssl.CERT_REQUIRED, ssl.CERT_NONE
        objection = _handshake(server, client)
        if objection in OUT_OF_DATE:
            return OUT_OF_DATE[objection]
    return None


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> int | None:
    """Return for what an end refuses the other's certificate, None where none does."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True))
    for end in ends * 2:  # hello, hello and certificate, certificate, finished
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return error.verify_code
    return None
