"""The `openai` package as Langfuse wraps it."""

from __future__ import annotations

import sys

import langfuse
from langfuse.openai import openai

from tests.emitters.apps import openai_calls

if __name__ == "__main__":
    openai_calls.make(sys.argv[1], openai.OpenAI(max_retries=0))
    langfuse.get_client().shutdown()
