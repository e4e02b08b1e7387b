"""Regular expressions of users, which RE2 alone runs: in linear time, or not at all."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Linear", "compile_linear"]


class Linear(Protocol):
    """A compiled expression over text."""

    def search(self, text: str) -> Any:
        """Return the first match, None without one."""
        ...

    def sub(self, replacement: Callable[[Any], str], text: str) -> str:
        """Return *text* with every match replaced."""
        ...

    def finditer(self, text: str) -> Any:
        """Yield matches, left to right."""
        ...


def compile_linear(pattern: str) -> Linear:
    """Compile an expression in the syntax of RE2.

    Raises:
        ValueError: RE2 is not installed or does not read it; the message does not quote it.
    """
    if find_spec("re2") is None:
        raise ValueError("needs google-re2, which promises linear time: pip install 'otel-llm[redaction]'")
    import re2  # the extra may not be installed

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Linear = re2.compile(pattern, options=options)
    except re2.error:
        raise ValueError("not a regular expression as RE2 reads it") from None
    return compiled
