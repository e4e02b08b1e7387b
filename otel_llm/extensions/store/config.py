"""Settings of the extension `store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from otel_llm.component import Config, Duration

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RetentionConfig", "StoreConfig"]

Days = Annotated[Duration, Field(ge=172_800)]
"""Two days at least: for so long a call may be sent again."""


class RetentionConfig(Config):
    """How long rows are kept. What was spent, the ledger and its counters, is kept for ever."""

    llm_traces: Days = 30 * 86_400.0
    """Calls."""

    sightings: Days = 7 * 86_400.0
    """Ids of calls. One that is sent again after that is charged again."""

    holds: Days = 30 * 86_400.0
    """Reservations that are over."""

    budget_events: Days = 400 * 86_400.0
    """Crossings of thresholds, and what became of the alerts."""


class StoreConfig(Config):
    """Where calls and what was spent are kept."""

    url: SecretStr = SecretStr("sqlite:///./var/otel-llm.db")
    """`sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user:password@host/database`. SQLite is
    for one gateway; PostgreSQL for any number."""

    retention: RetentionConfig = RetentionConfig()
    """How long rows are kept."""

    def needs_one_process(self) -> str:
        """Return that SQLite is for one gateway that is one process."""
        if self.url.get_secret_value().startswith("sqlite:"):
            return "SQLite is for one process: with service.workers above 1 the store has to be PostgreSQL"
        return ""

    def weaknesses(self) -> Iterator[str]:
        """Return whether a password stands in the config."""
        if urlsplit(self.url.get_secret_value()).password:
            yield "url: holds a password: use ${env:NAME}, or a password file of PostgreSQL's"
