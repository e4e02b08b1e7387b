"""What the Collector's `redaction` processor writes about what it has done: `redaction.masked.count` and others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_llm.attributes import Attributes

__all__ = ["SUMMARIES", "Summary"]

_KINDS: Final = ("redacted", "masked", "allowed", "ignored")


def _names(prefix: str, kind: str) -> tuple[str, str]:
    return f"redaction.{prefix}{kind}.keys", f"redaction.{prefix}{kind}.count"


SUMMARIES: Final = frozenset(name for prefix in ("", "body.") for kind in _KINDS for name in _names(prefix, kind))
"""Attributes that are written: a second processor leaves them."""


@dataclass(slots=True)
class Summary:
    """What became of the attributes of one thing, by their keys."""

    prefix: str = ""
    """`body.` for what stood in a log record's body."""
    redacted: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many were removed or masked."""
        return len(self.redacted) + len(self.masked)

    def write(self, attributes: Attributes, verbosity: str) -> None:
        """Write counts with `info` and `debug`, keys with `debug`, added to what a processor before has written."""
        if verbosity not in {"info", "debug"}:
            return
        for kind in _KINDS:
            keys: list[str] = getattr(self, kind)
            if not keys:
                continue
            listed, counted = _names(self.prefix, kind)
            if verbosity == "debug" and kind != "ignored":
                earlier = attributes.get_str(listed)
                attributes.set(listed, ",".join(sorted([*keys, *(earlier.split(",") if earlier else ())])))
            attributes.set(counted, len(keys) + (attributes.get_int(counted) or 0))
