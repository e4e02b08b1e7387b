"""What holds for every test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import PostgresServer
    from tests.valkey_server import ValkeyServer

settings.register_profile("otel-llm", deadline=None)  # machines are noisy: no example fails for its time
settings.load_profile("otel-llm")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Commands that run in this process configure its log: the next test finds it as it was."""
    root, own = logging.getLogger(), logging.getLogger("otel_llm")
    handlers, levels = root.handlers[:], (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when the first test asks for it."""
    from tests.postgres_server import PostgresServer  # most tests need no driver of it

    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey server, started when the first test asks for it."""
    from tests.valkey_server import ValkeyServer  # as above

    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    yield server
    server.kill()
