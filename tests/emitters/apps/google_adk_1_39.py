"""The same agent in version 1.39, whose inner span of a call leaves out what was thought."""

from __future__ import annotations

import sys

from tests.emitters.apps.google_adk_agent import run

if __name__ == "__main__":
    run(sys.argv[1])
