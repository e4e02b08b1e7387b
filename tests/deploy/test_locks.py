"""What is installed is what was looked at: the locks, by version and by hash."""

from __future__ import annotations

import re
import tomllib
from typing import Final

import pytest

from tests.e2e.program import ROOT

LOCKS: Final = sorted(path.name for path in ROOT.glob("requirements*.lock"))
REQUIREMENT: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; [^\\]*?)??(?P<hashes>(?: +--hash=\S+)*) *"
)


def requirements(lock: str) -> list[re.Match[str]]:
    """Return the requirements of a lock, each in one piece."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    found = [REQUIREMENT.fullmatch(line) for line in "\n".join(lines).replace("\\\n", "").splitlines()]
    assert found
    assert None not in found
    return [match for match in found if match]


def test_all_are_here() -> None:
    """For development, for the image, and for what looks at both."""
    assert ["requirements-audit.lock", "requirements-runtime.lock", "requirements.lock"] == LOCKS


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_has_hashes(lock: str) -> None:
    """Nothing can take the place of what was resolved, wherever it is fetched from."""
    for match in requirements(lock):
        assert re.fullmatch(r"(?: +--hash=sha256:[0-9a-f]{64})+", match["hashes"]), match["name"]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_is_in_a_lock(lock: str) -> None:
    """Where packages come from is for those who install them to say."""
    assert not re.findall(r"(?m)://|^-|@ ", (ROOT / lock).read_text())


def test_the_image_has_what_was_tested() -> None:
    """What runs is in both locks, in the same versions."""
    tested = {(match["name"], match["version"]) for match in requirements("requirements.lock")}

    assert {(match["name"], match["version"]) for match in requirements("requirements-runtime.lock")} <= tested


IMAGE: Final = ("server", "redaction", "guardrail", "postgres")
"""The extras that are in the image."""


def test_the_image_has_all_that_is_needed() -> None:
    """A dependency that was added without `make lock` would be missing where nothing may be resolved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for name in IMAGE for each in project["optional-dependencies"][name]]
    locked = {match["name"] for match in requirements("requirements-runtime.lock")}

    assert {re.split(r"[<>=~!;\[ ]", each)[0] for each in project["dependencies"] + extras} <= locked
