"""What a validator sees."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Candidate"]


class Candidate(NamedTuple):
    """What a pattern found, and what stands around it."""

    value: str
    """The found text. Bytes that are no ASCII stand as one character each."""
    before: str = ""
    """Up to 48 characters before it; the attribute's or the JSON document's key where it begins the text."""
    after: str = ""
    """Up to 16 characters after it."""
    is_whole: bool = False
    """Whether it is all that the text says, which is no document."""

    @property
    def digits(self) -> str:
        """Its digits alone."""
        return "".join(filter(str.isdigit, self.value))
