"""Changes while everything runs: of the config, and of the files that components read."""

from otel_llm.reload.files import Files, Watch, Watched
from otel_llm.reload.reloader import Reloader, Trigger

__all__ = ["Files", "Reloader", "Trigger", "Watch", "Watched"]
