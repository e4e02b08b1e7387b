"""`python -m otel_llm` is `otel-llm`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what to install: the plain installation is for exporting from inside an app."""
    try:
        from otel_llm.cli import main as run
    except ModuleNotFoundError as error:
        sys.exit(f"error: needs the module {error.name}: pip install 'otel-llm[server]'")
    run()


if __name__ == "__main__":
    main()
