"""The lists of cases are whole, and what they name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

TESTS: Final = Path(__file__).parent


class Cases(NamedTuple):
    """A list of cases: a folder's CASES.md."""

    folder: str
    last: dict[str, int]
    """The last number of each letter."""
    elsewhere: frozenset[str] = frozenset()
    """Those that other lists have."""

    def rows(self) -> list[tuple[str, str]]:
        """Return each case's number, and what it is shown by."""
        text = (TESTS / self.folder / "CASES.md").read_text("utf-8")
        return re.findall(rf"^\| ([{''.join(self.last)}]\d+) \| .+? \| (.+) \|$", text, re.MULTILINE)


every_list = pytest.mark.parametrize(
    "cases",
    [
        Cases("budget", {"L": 13, "G": 14}),
        Cases("faults", {"I": 35, "B": 17, "P": 18, "C": 13, "S": 15}, frozenset({"I32", "I33", "C13", "S9", "S10"})),
    ],
    ids=lambda cases: cases.folder,
)


@every_list
def test_every_number_has_its_row(cases: Cases) -> None:
    """In order, each once, but for those that other lists have."""
    every = [f"{letter}{number}" for letter, last in cases.last.items() for number in range(1, last + 1)]

    assert [number for number in every if number not in cases.elsewhere] == [number for number, _ in cases.rows()]


@every_list
def test_every_row_names_a_test(cases: Cases) -> None:
    """Or several."""
    assert [] == [number for number, shown_by in cases.rows() if "::" not in shown_by]


@every_list
def test_every_test_is_there(cases: Cases) -> None:
    """Each is defined in the file that is named."""
    missing = []
    for test in sorted({test for _, shown_by in cases.rows() for test in re.findall(r"`(\S+?::\w+)`", shown_by)}):
        path, _, name = test.partition("::")
        tree = ast.parse((TESTS / path).read_text("utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if name not in functions | names:
            missing.append(test)

    assert [] == missing
