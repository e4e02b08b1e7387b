"""The list of cases is whole, and what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROWS: Final = re.findall(r"^\| ([LG]\d+) \| (.+?) \| (.+) \|$", (HERE / "CASES.md").read_text("utf-8"), re.MULTILINE)
TESTS: Final = sorted({test for _, _, shown_by in ROWS for test in re.findall(r"`(\S+?::\w+)`", shown_by)})

LAST: Final = {"L": 13, "G": 14}


def test_every_number_has_its_row() -> None:
    """In order, each once."""
    every = [f"{kind}{number}" for kind, last in LAST.items() for number in range(1, last + 1)]

    assert every == [number for number, _, _ in ROWS]


def test_every_row_names_a_test() -> None:
    """Or several."""
    assert [] == [number for number, _, shown_by in ROWS if "::" not in shown_by]


def test_every_test_is_there() -> None:
    """Each is defined in the file that is named."""
    missing = []
    for test in TESTS:
        path, _, name = test.partition("::")
        tree = ast.parse((HERE.parent / path).read_text("utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if name not in functions | names:
            missing.append(test)

    assert [] == missing
