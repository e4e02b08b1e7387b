"""Suggests the known name that somebody who mistyped one may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)`, to stand behind a sentence; nothing where no known name is near."""
    nearest = get_close_matches(name, known, n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
