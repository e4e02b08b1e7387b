"""A service that judges passages, as it is or as it fails: a real HTTP server on this machine."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = "nightjar"


def scores(request: dict[str, Any]) -> bytes:
    """Answer that passages with a certain word are injections, and all of them a bit rude."""
    results = [
        {"scores": {"injection": 0.9 if WORD in each["text"] else 0.1, "rude": 0.3, "unheard": 1}}
        for each in request["texts"]
    ]
    return json.dumps({"results": results}).encode()


class Judge:
    """The service, and what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], bytes] = scores
        self.status = 200
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.asked = threading.Semaphore(0)
        """Is released with each request."""
        self.go_on = threading.Event()
        """Where it is clear, every answer waits for it."""
        self.go_on.set()
        judge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                judge.headers.append(dict(self.headers))
                judge.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                judge.asked.release()
                judge.go_on.wait()
                body = judge.answer(judge.requests[-1])
                try:
                    self.send_response(judge.status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # nobody waits any more

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # so that closing waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings of a guardrail that asks it, and nothing else."""
        asked = {
            "endpoint": f"http://127.0.0.1:{self._server.server_address[1]}/judge?v=1",
            "labels": {"injection": 0.5, "rude": 0.5},
            "timeout": "20s",
        }
        return {
            "detectors": {"http/judge": asked | settings},
            "phrases": {"enabled": False},
            "sensitive": {"categories": []},
        }
