"""What holds for every test."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import PostgresServer
    from tests.valkey_server import ValkeyServer

ROOT: Final = Path(__file__).parent.parent

# Machines are noisy: no example fails for its time. The suite says the same of the same code every time; what it has
# not thought of is looked for by `make explore`, with the other profile, and becomes an example of its test.
settings.register_profile("otel-llm", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("otel-llm")


def pytest_sessionstart() -> None:
    """Refuse to test what was compiled from other sources than these."""
    for compiled in (path for root in ("otel_llm", "processors") for path in ROOT.glob(f"{root}/**/*.so")):
        source = compiled.with_name(compiled.name.partition(".")[0] + ".py")
        if not source.exists() or source.stat().st_mtime > compiled.stat().st_mtime:
            pytest.exit(f"{source.relative_to(ROOT)} is newer than what was compiled of it: see `make help`", 4)


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
