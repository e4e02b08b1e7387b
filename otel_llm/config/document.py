"""A file that an operator wrote: its data, the line of every part of it, and what is wrong with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, NoReturn

from otel_llm.errors import ConfigError

__all__ = ["Document", "Node", "Path", "Problem", "dotted"]

Path = tuple[str | int, ...]
"""Where something stands: keys, and positions in lists."""

Scalar = str | int | float | bool | None

_PLAIN: Final = re.compile(r"[\w./-]+")


@dataclass(slots=True)
class Node:
    """One value, with the line of its key, or its own in a list."""

    line: int
    value: Scalar | dict[str, Node] | list[Node]
    from_environment: bool = False
    """It holds what an environment variable holds, and so may be a secret: not to be shown."""

    @property
    def data(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.data for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data for node in self.value]
        return self.value

    def child(self, part: str | int) -> Node | None:
        """Return what stands under a key or at a position."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None


class Problem(NamedTuple):
    """Something that the operator has to change."""

    line: int
    path: Path
    text: str


@dataclass(slots=True)
class Document:
    """A parsed file. Its nodes may be changed; each keeps the line that it was written on."""

    source: str
    """What to call it in messages: its path as the operator gave it."""
    root: Node
    problems: dict[Path, list[Problem]] = field(default_factory=dict)
    """What is wrong, by where."""
    secrets: set[str] = field(default_factory=set)
    """What came from environment variables. No message may hold any of it."""

    @property
    def data(self) -> Any:
        """The whole file as dicts, lists and scalars."""
        return self.root.data

    def at(self, path: Path) -> Node | None:
        """Return what stands at *path*, None where nothing does."""
        node: Node | None = self.root
        for part in path:
            node = node.child(part) if node else None
        return node

    def entries(self, path: Path) -> dict[str, Node]:
        """Return the entries of the mapping at *path*; none where there is no mapping."""
        node = self.at(path)
        return node.value if node and isinstance(node.value, dict) else {}

    def line(self, path: Path) -> int:
        """Return the line of *path*, or of the nearest part above it that was written."""
        node = self.root
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node.line

    def report(self, path: Path, text: str) -> None:
        """Note a problem, unless something at that place has been reported: this would only follow from it."""
        if path not in self.problems:
            self.report_at(self.line(path), path, text)

    def report_at(self, line: int, path: Path, text: str) -> None:
        """Note a problem that has a line of its own."""
        self.problems.setdefault(path, []).append(Problem(line, path, text))

    def message(self, path: Path, text: str) -> str:
        """Return *text* with the place that it is about."""
        return self._message(Problem(self.line(path), path, text))

    def raise_problems(self) -> None:
        """Raise `ConfigError` with all problems, in the order of their lines, if there are any."""
        if self.problems:
            raise self._error()

    def give_up(self, line: int, text: str) -> NoReturn:
        """Raise `ConfigError` with this problem, after which nothing more can be read, and those found before."""
        self.report_at(line, (), text)
        raise self._error()

    def _error(self) -> ConfigError:
        found = [problem for same_place in self.problems.values() for problem in same_place]
        return ConfigError(*map(self._message, sorted(found, key=lambda problem: problem.line)))

    def _message(self, problem: Problem) -> str:
        place = f"{dotted(problem.path)}: " if problem.path else ""
        return f"{self.source}:{problem.line}: {place}{problem.text}"


def dotted(path: Path) -> str:
    """Return *path* as one writes it, with keys that are more than a word in quotes."""
    return ".".join(str(part) if _PLAIN.fullmatch(str(part)) else json.dumps(part) for part in path)
