"""The systemd unit, as systemd reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import ROOT, missing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit, with a program that is there: systemd asks whether it is."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is not installed: nobody has looked at the unit")
    text, times = re.subn(
        r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", (ROOT / "deploy/otel-llm.service").read_text()
    )
    assert 1 == times
    unit = tmp_path / "otel-llm.service"
    unit.write_text(text)
    return unit


def test_systemd_takes_every_line(unit: Path) -> None:
    """An unknown key, or a value that it would ignore, is a line of output."""
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True
    )

    assert (0, "") == (found.returncode, found.stdout + found.stderr)


def test_little_is_exposed(unit: Path) -> None:
    """By systemd's own measure, of which 10 is no confinement at all and the network that a gateway needs costs 1."""
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )
    if "unrecognized option" in found.stderr:
        missing("this systemd-analyze cannot judge a unit that is not loaded")

    assert 0 == found.returncode, found.stdout[-500:]
