"""The extension `storage`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from otel_llm.extensions.storage import factory
from otel_llm.journal import JournalProvider
from otel_llm.journal.memory import MemoryJournal


@pytest.mark.parametrize(("config", "mib"), [({}, 64), ({"max_size_mib": 3}, 3)])
def test_brings_a_journal_of_the_size_that_is_configured(config: dict[str, int], mib: int) -> None:
    """The journal has the configured capacity; by default the one that a host without the extension has."""
    storage = factory.build(config)

    assert isinstance(storage, JournalProvider)
    assert mib * 1024 * 1024 == storage.journal().capacity_bytes
    assert 64 * 1024 * 1024 == MemoryJournal().capacity_bytes


@pytest.mark.parametrize(
    "wrong", [{"max_size_mib": 0}, {"max_size_mib": True}, {"mode": "disk"}, {"fsync": "batch"}], ids=str
)
def test_bad_settings_are_refused(wrong: dict[str, object]) -> None:
    """No room at all, a journal on no disk, and keys that have no effect, are errors."""
    with pytest.raises(ValidationError):
        factory.build(wrong)


async def test_shutdown_without_start() -> None:
    """It can be shut down twice, and without having been started."""
    storage = factory.build()
    await storage.shutdown()
    await storage.shutdown()
