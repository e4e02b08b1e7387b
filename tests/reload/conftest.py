"""What tests of reloading share."""

from __future__ import annotations

import pytest

from tests.reload.rig import Rig


@pytest.fixture
def rig() -> Rig:
    """Make configs whose components say what happens to them."""
    return Rig()
