"""A script that makes calls and ends in the way it is asked to, before the SDK would have sent anything by itself."""

from __future__ import annotations

import logging
import os
import signal
import sys

import otel_llm
from tests.apps.calls import call


def main(end: str) -> None:
    """Make two calls for one user, log, and end."""
    with otel_llm.context(route="script", user="u1"):
        call("first")
        call("second")
        logging.getLogger("app").warning("done")
    if end == "exception":
        raise LookupError
    if end == "exit":
        sys.exit(3)
    if end == "sigterm":
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
