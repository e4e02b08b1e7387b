"""The documentation site is current, builds, and needs nothing from elsewhere."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[2]
RESOURCE: Final = re.compile(r"""<(?:script|link|img)[^>]*\s(?:src|href)=["']?(https?:|//)""")


def test_the_reference_is_current() -> None:
    """What is written about settings, attributes and commands is what the code says: `make reference` writes it."""
    pages: Callable[[], dict[str, str]] = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["pages"]

    written = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert pages() == written


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; a link to what is not there fails it."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return directory


def test_every_page_is_built(site: Path) -> None:
    """Also the decisions, which the navigation does not name one by one."""
    sources = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}

    assert {path.parent / ("index" if path.name == "README" else path.name) for path in sources} <= built


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Neither scripts nor styles nor fonts nor pictures."""
    fetched = [path.name for path in site.rglob("*.html") if _fetches(path.read_text("utf-8"))]

    assert [] == fetched


def _fetches(page: str) -> bool:
    links = [match[0] for match in RESOURCE.finditer(page)]
    return any('rel="canonical"' not in link and "rel=canonical" not in link for link in links)
