"""The rig, ready to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.destination.rig import Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A rig whose destinations are shut down in the end."""
    rig = Rig()
    yield rig
    for destination in rig.destinations:
        await destination.shutdown()
