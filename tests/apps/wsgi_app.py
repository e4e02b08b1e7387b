"""An app in WSGI, for gunicorn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from otel_llm.sdk import WsgiContext
from tests.apps.calls import call

if TYPE_CHECKING:
    from collections.abc import Iterable


def _chat(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Call a model; answer with the process that did."""
    call(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


app = WsgiContext(_chat, {"user": "x-user"})
