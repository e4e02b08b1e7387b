"""The `anthropic` package under MLflow, which exports by itself."""

from __future__ import annotations

import sys

import mlflow

from tests.emitters.apps.anthropic_calls import make

if __name__ == "__main__":
    mlflow.anthropic.autolog()
    make(sys.argv[1])
