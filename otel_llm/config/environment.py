"""Puts environment variables into texts of a config: `${env:NAME}` and `${env:NAME:-default}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Expansion", "expand"]

_REFERENCE: Final = re.compile(r"\$(?:\$|\{([^}]*)(\}?))")
_VARIABLE: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class Expansion(NamedTuple):
    """A text with its references replaced."""

    text: str
    values: list[str]
    """What was taken from the environment."""
    problems: list[str]


def expand(text: str, environ: Mapping[str, str]) -> Expansion:
    """Replace every reference in *text*, and `$$` by `$`, as the Collector does.

    What a variable holds is taken literally: it is neither parsed nor expanded again. The default stands in for a
    variable that is not set; one that is set but empty is empty. Unlike the Collector, a variable that is not set and
    has no default is a problem, and so is a `${` that begins anything else.
    """
    values: list[str] = []
    problems: list[str] = []

    def replace(match: re.Match[str]) -> str:
        body, end = match.groups()
        if body is None:
            return "$"
        variable = _VARIABLE.fullmatch(body)
        if not end or not variable or "${" in body:
            problems.append("expected ${env:NAME} or ${env:NAME:-default} (a literal $ is written $$)")
            return ""
        name, default = variable.groups()
        if name in environ:
            values.append(environ[name])
            return environ[name]
        if default is None:
            problems.append(f"the environment variable {name} is not set (a default is written ${{env:{name}:-...}})")
        return default or ""

    return Expansion(_REFERENCE.sub(replace, text), values, problems)
