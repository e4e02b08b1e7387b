"""Settings of the extension `store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from otel_llm.budget.ledger.crowd import MOST_SUBJECTS
from otel_llm.component import Config, Count, Duration
from otel_llm.endpoint import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AdmissionConfig", "RetentionConfig", "StoreConfig"]

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

    members: Annotated[Days, Field(ge=3_456_000)] = 40 * 86_400.0
    """Whom budgets were counted for: 40 days at least, longer than any window that has an end."""

    budget_events: Days = 400 * 86_400.0
    """Crossings of thresholds, and what became of the alerts."""


class AdmissionConfig(Config):
    """A Valkey or Redis server that decides on reservations, in front of PostgreSQL."""

    url: SecretStr
    """`valkey://[user:password@]host[:port][/database][?name=NAME]`; `valkeys:` with TLS. `redis:` and `rediss:` are
    the same. Gateways of one `name` decide together: all that share a store have to."""

    timeout: Annotated[Duration, Field(gt=0)] = 0.05
    """Longest time for one decision. One that takes longer is asked for once more, and then made as `on_store_error` of
    its budgets says."""

    grace: Annotated[Duration, Field(ge=0.1)] = 1.0
    """When the server has lost what it knew, for how long nothing is granted. In this time every gateway writes down in
    the store what it had granted; it refuses to grant more when it cannot do so within half of it."""


class StoreConfig(Config):
    """Where calls and what was spent are kept."""

    url: SecretStr = SecretStr("sqlite:///./var/otel-llm.db")
    """`sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user:password@host/database`. SQLite is
    for one gateway; PostgreSQL for any number."""

    admission: AdmissionConfig | None = None
    """A server in front, which decides. Without one the store decides itself."""

    max_subjects: Count = MOST_SUBJECTS
    """How many users, conversations or tenants a budget counts one by one in one window. What more of them spend is
    counted together, for `other`, under one limit."""

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
        if self.admission is not None:
            url = urlsplit(self.admission.url.get_secret_value())
            if url.password:
                yield "admission.url: holds a password: use ${env:NAME}"
            if url.scheme in {"valkey", "redis"} and not is_loopback(url.hostname or ""):
                yield "admission.url: is not encrypted: use valkeys: or rediss:"
