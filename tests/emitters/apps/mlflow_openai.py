"""The `openai` package under MLflow, which exports by itself."""

from __future__ import annotations

import sys

import mlflow

from tests.emitters.apps.openai_calls import make

if __name__ == "__main__":
    mlflow.openai.autolog()
    make(sys.argv[1])
