from __future__ import annotations

from hashlib import blake2b
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from otel_llm.digest import Digests

KINDS = st.sampled_from(["user", "conversation", "content"])


@given(st.binary(min_size=1), KINDS, st.text(st.characters(codec=None)))
def test_a_digest_is_blake2b_with_the_key(
    key: bytes, kind: Literal["user", "conversation", "content"], value: str
) -> None:
    """It stays the same from one version to the next: rows and budgets know users and conversations by it."""
    hashed = blake2b(key, digest_size=32).digest()
    plain = blake2b(value.encode("utf-8", "surrogatepass"), key=hashed, person=kind.encode(), digest_size=8).hexdigest()

    assert f"k{blake2b(hashed, digest_size=2).hexdigest()}:{plain}" == Digests(key).of(kind, value)
