"""Why a destination is out of reach, as far as gRPC says it."""

from __future__ import annotations

from typing import Final

from otel_llm.tls import ANOTHER_NAME, OUT_OF_DATE, UNTRUSTED

__all__ = ["reason"]

_SIGNS: Final = {
    "certificate is not yet valid": f"the destination's certificate {OUT_OF_DATE[9]}",
    "certificate has expired": f"the destination's certificate {OUT_OF_DATE[10]}",
    "Hostname Verification Check failed": f"the destination's certificate {ANOTHER_NAME}",
    "CERTIFICATE_VERIFY_FAILED": f"the destination's certificate {UNTRUSTED}",
    "WRONG_VERSION_NUMBER": "the destination does not speak TLS",
    "handshake failed": "TLS with the destination is not possible",
}
"""What gRPC's core writes, the more precise first, and what is said for it."""


def reason(details: str) -> str:
    """Return a sentence for a status of UNAVAILABLE. Of its *details*, which may hold anything, nothing is repeated."""
    found = (sentence for sign, sentence in _SIGNS.items() if sign in details)
    return next(found, "the destination is out of reach, unavailable, or its TLS is not as configured")
