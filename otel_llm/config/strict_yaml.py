"""Reads YAML as its authors meant it: the core schema of YAML 1.2, and nothing that surprises or explodes.

`no`, `on` and `12:30` are texts, `010` is ten, `1e3` a thousand. Refused, each with its line: duplicate keys, keys that
are not texts, anchors and aliases, merge keys, tags that make objects, a second document. PyYAML's parser gives the
events; its constructors, which follow YAML 1.1, are not used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml
from yaml.reader import Reader

from otel_llm.config.document import Document, Node, Path
from otel_llm.config.environment import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "load", "parse"]

MAX_CHARACTERS: Final = 1 << 20
MAX_DEPTH: Final = 64

_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = ("!", f"{_TAG}str")

_CORE_SCHEMA: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], int | float | bool | None]], ...]] = (
    ("null", re.compile(r"null|Null|NULL|~|"), lambda _: None),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text in {"true", "True", "TRUE"}),
    # Python refuses to read more than 4300 digits; beyond 400 the float below makes an infinity of them.
    ("int", re.compile(r"[-+]?[0-9]{1,400}"), int),
    ("int", re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    ("float", re.compile(r"\.(nan|NaN|NAN)"), lambda _: float("nan")),
)
"""Tag, form and reading of every scalar that is not a text (YAML 1.2.2, section 10.3.2). The first match is taken."""

_IN_QUOTES: Final = " (inside { } and [ ], ${env:NAME} needs quotes)"

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str, environ: Mapping[str, str], *, source: str = "config") -> Document:
    """Read *text* and expand its references to environment variables.

    Raises:
        ConfigError: with everything that is wrong, each with its line.
    """
    document = parse(text, environ, source=source)
    document.raise_problems()
    return document


def parse(text: str, environ: Mapping[str, str], *, source: str = "config") -> Document:
    """Do as `load`, but leave what is wrong in the document's `problems`, for a caller that goes on looking.

    Raises:
        ConfigError: nothing can be read after what is wrong: the syntax, or a limit.
    """
    document = Document(source, Node(1, {}))
    if len(text) > MAX_CHARACTERS:
        document.give_up(1, f"longer than {MAX_CHARACTERS:,} characters")
    if control := Reader.NON_PRINTABLE.search(text):
        document.give_up(text.count("\n", 0, control.start()) + 1, "not YAML: a character that it does not allow")
    try:
        _Composer(document, text, environ).compose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        quotes = _IN_QUOTES if any("${" in written for written in text.splitlines()[line : line + 1]) else ""
        # The one text of another's exception that is passed on: it says what the operator's own file lacks there, and
        # cannot hold a secret, for nothing has been expanded yet.
        document.give_up(line + 1, f"not YAML: {error.problem}{quotes}")
    except yaml.YAMLError:
        document.give_up(1, "not YAML")
    return document


class _Composer:
    """Makes nodes of the parser's events."""

    def __init__(self, document: Document, text: str, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_Loader)

    def compose(self) -> None:
        """Fill the document."""
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._problem(event, (), "a second document: a file holds one")
                    return
            elif isinstance(event, yaml.NodeEvent):
                self._document.root = self._node(event, ())
        if self._document.root.value is None:
            self._document.root.value = {}

    def _node(self, event: yaml.Event, path: Path) -> Node:
        line = _line(event)
        if len(path) > MAX_DEPTH:
            self._document.give_up(line, f"nested deeper than {MAX_DEPTH} levels")
        if getattr(event, "anchor", None):
            self._problem(event, path, "anchors and aliases are not read: write the value out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, path, "seq")
            return Node(line, self._items(path))
        if isinstance(event, yaml.MappingStartEvent):
            self._check_tag(event, path, "map")
            return Node(line, self._entries(path))
        return Node(line, None)

    def _items(self, path: Path) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _entries(self, path: Path) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            node = self._node(next(self._events), (*path, key or "?"))
            node.line = _line(event)
            if key in entries:
                self._problem(event, (*path, key), f"duplicate key (first on line {entries[key].line})")
            elif key is not None:
                entries[key] = node
        return entries

    def _key(self, event: yaml.Event, path: Path) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self._node(event, (*path, "?"))
            self._problem(event, path, "a key must be a text")
            return None
        key = self._resolve(event, path)
        if not isinstance(key, str):
            self._problem(event, path, "a key must be a text: put it in quotes")
            return None
        if key == "<<" and event.implicit[0]:
            self._problem(event, path, "merge keys are not read: write the entries out")
            return None
        if event.anchor:
            self._problem(event, (*path, key), "anchors and aliases are not read: write the value out")
        if "${" in key:
            self._problem(event, (*path, key), "environment variables are not expanded in keys")
        return key

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Node:
        line = _line(event)
        value = self._resolve(event, path)
        if not isinstance(value, str) or "$" not in value:
            return Node(line, value)
        expansion = expand(value, self._environ)
        for problem in expansion.problems:
            self._problem(event, path, problem)
        self._document.secrets.update(expansion.values)
        return Node(line, expansion.text, from_environment=bool(expansion.values))

    def _resolve(self, event: yaml.ScalarEvent, path: Path) -> str | int | float | bool | None:
        if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
            return event.value
        for name, form, read in _CORE_SCHEMA:
            if event.tag in (None, _TAG + name) and form.fullmatch(event.value):
                return read(event.value)
        if event.tag is not None:
            self._problem(event, path, "a tag that YAML's core schema does not have, or that does not fit")
        return event.value

    def _check_tag(self, event: yaml.CollectionStartEvent, path: Path, name: str) -> None:
        if event.tag not in (None, "!", _TAG + name):
            self._problem(event, path, "a tag that YAML's core schema does not have, or that does not fit")

    def _problem(self, event: yaml.Event, path: Path, text: str) -> None:
        self._document.report_at(_line(event), path, text)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
