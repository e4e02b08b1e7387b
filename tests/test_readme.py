"""What the documents show is what works."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from otel_llm.config import load_config

ROOT = Path(__file__).parents[1]
INSTALLED = {".venv", ".backends", ".audit", ".emitters", "node_modules"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not INSTALLED & set(path.parts))
ENVIRONMENT = {"TEMPO_TOKEN": "x", "LANGFUSE_AUTH": "x"}


def blocks(path: Path, language: str) -> list[str]:
    """Return the code blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_readmes_config_is_valid() -> None:
    """A reader may paste it."""
    (shown,) = (block for block in blocks(ROOT / "README.md", "yaml") if "service:" in block)

    assert [] == load_config(shown, environ=ENVIRONMENT).warnings


def test_the_readmes_processor_passes_the_check_that_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is a processor, and the test beside it runs."""
    tmp_path.joinpath("acme_team.py").write_text("\n\n".join(blocks(ROOT / "README.md", "python")))
    monkeypatch.syspath_prepend(tmp_path)

    import_module("acme_team").test_team()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that is there."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))

    assert [] == [target for target in targets if not (path.parent / target).exists()]


def test_the_embedded_default_is_the_one_that_is_shown() -> None:
    """`collector-config/default.yaml` is what `otel-llm run` does without a file."""
    assert (ROOT / "collector-config" / "default.yaml").read_text() == (ROOT / "otel_llm" / "default.yaml").read_text()
