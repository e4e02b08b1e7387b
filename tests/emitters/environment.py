"""Environments of the emitters, each with its own packages: made once, and again when what they list changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.program import ROOT, missing

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command_of", "programs_of"]

_HERE: Final = Path(__file__).parent
_HOMES: Final = ROOT / ".emitters"
_Command = list[str | Path]


def command_of(app: str, environment: str) -> _Command:
    """Return how to start *app* with what `environments/<environment>` lists; install that where it is not there.

    Where it cannot be installed the test is skipped, or fails: see `missing`.
    """
    listed = _HERE / "environments" / environment
    if listed.is_dir():
        home = _made(environment, listed / "package-lock.json", _install_node)
        return ["node", shutil.copy(_HERE / "apps" / f"{app}.mjs", home)]
    return [programs_of(environment) / "python", "-m", f"tests.emitters.apps.{app}"]


def programs_of(environment: str) -> Path:
    """Return the directory of Python and of the programs of a Python environment; install it where it is not there."""
    listed = _HERE / "environments" / f"{environment}.txt"
    return _made(environment, listed, _install_python) / "bin"


def _made(environment: str, lock: Path, install: Callable[[Path, Path], None]) -> Path:
    digest = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()[:12]
    home = _HOMES / f"{environment}-{digest}"
    complete = home / "complete"
    if not complete.exists():
        for stale in _HOMES.glob(f"{environment}-*"):
            shutil.rmtree(stale)
        try:
            install(lock, home)
        except (OSError, subprocess.CalledProcessError):
            missing(f"what {lock.relative_to(_HERE)} lists could not be installed: its emitters were not tried")
        complete.touch()
    return home


def _install_python(lock: Path, home: Path) -> None:
    """Install with uv, which takes a tenth of pip's time; it is one of the development dependencies."""
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
    install: _Command = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        home / "bin" / "python",
        "--no-deps",
        "--requirement",
        lock,
    ]
    subprocess.run(install, check=True)


def _install_node(lock: Path, home: Path) -> None:
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock.parent / name, home)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--prefer-offline"], cwd=home, check=True)
