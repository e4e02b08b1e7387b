"""Made-up texts in the shape of secrets, for tests: written as shapes, so that no file holds what looks like a key."""

from __future__ import annotations

import random
import re
import string
from typing import Final

__all__ = ["made_up"]

_ALPHABETS: Final = {
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "w": string.ascii_letters + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "u": string.ascii_uppercase + string.digits,
    "a": string.ascii_lowercase,
    "A": string.ascii_uppercase,
    "b": string.ascii_letters + string.digits + "+/",
    "s": string.ascii_letters + string.digits + "-_",
    "2": string.ascii_uppercase + "234567",
}
_SHAPE: Final = re.compile(r"<([dhHwluaAbs2])(\d+)>")


def made_up(shape: str, seed: int = 0) -> str:
    """Return *shape* with each `<w20>` replaced by 20 random characters, always the same for one *seed*.

    Alphabets: `d` digits, `h` and `H` hexadecimal, `w` letters and digits, `l` and `u` those of one case, `a` and `A`
    letters of one case, `b` base64, `s` its URL-safe kind, `2` base32. None begins or ends with a sign.
    """
    source = random.Random(f"{seed} {shape}")  # noqa: S311 - not for keys: it must be the same at every run

    def fill(match: re.Match[str]) -> str:
        alphabet, length = _ALPHABETS[match[1]], int(match[2])
        signs = "".join(source.choice(alphabet) for _ in range(length))
        edge = next(sign for sign in alphabet[::-1] if sign.isalnum())
        return "".join(
            edge if place in (0, length - 1) and not sign.isalnum() else sign for place, sign in enumerate(signs)
        )

    return _SHAPE.sub(fill, shape)
