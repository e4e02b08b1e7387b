"""Trains the guardrail's linear model, and measures it and the phrases on texts that it was not trained on.

`python scripts/train_guardrail.py --data DIR [--write]`, where DIR holds `*.jsonl.gz` with `text`, `corpus` and `label`
(`injection`, `benign`; other labels are measured alone). Needs numpy. The same data gives the same model.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.testing import make_request
from otel_llm_processors.guardrail import factory
from otel_llm_processors.guardrail.model.linear import BITS, WEIGHTS, features, scores, windows
from otel_llm_processors.guardrail.words import words_of

HELD_OUT: Final = 4
"""One text in so many is not trained on."""
ROUNDS: Final = 300
RATE: Final = 2.0
DECAY: Final = 1e-4
THRESHOLDS: Final = (0.5, 0.8, 0.9, 0.95)
DEFAULT: Final = 0.8


def main() -> None:
    """Train, tell, and write the weights where asked to."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    files = sorted(given.data.glob("*.jsonl.gz"))
    rows = [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]
    weights, bias = train([row for row in rows if not is_held_out(row["text"])])
    scale = float(np.abs(weights).max() / 127)
    stored = np.round(weights / scale).astype(np.int8)
    report(rows, stored.astype(np.float32) * np.float32(scale), bias)
    if given.write:
        np.savez_compressed(WEIGHTS, weights=stored, scale=np.float32(scale), bias=np.float32(bias))


def is_held_out(text: str) -> bool:
    """Tell by how it begins: variants of one text are then on one side."""
    beginning = next(words_of(text)).decode("utf-8", "replace").replace(" ", "")[:40]
    return blake2b(beginning.encode(), digest_size=4).digest()[0] % HELD_OUT == 0


def train(rows: list[dict[str, Any]]) -> tuple[Any, float]:
    """Return weights and bias of a logistic regression; both classes weigh the same."""
    labelled = [row for row in rows if row["label"] in {"benign", "injection"}]
    samples = [(features(window), row["label"] == "injection") for row in labelled for window in windows(row["text"])]
    sizes = np.array([len(indices) for indices, _ in samples])
    columns = np.concatenate([indices for indices, _ in samples])
    rows_of = np.repeat(np.arange(len(samples)), sizes)
    values = (1 / np.sqrt(sizes))[rows_of]
    wanted = np.array([label for _, label in samples], float)
    share = wanted.mean()
    importance = np.where(wanted == 1, 0.5 / share, 0.5 / (1 - share)) / len(samples)
    weights, bias = np.zeros(1 << BITS), 0.0
    for _ in range(ROUNDS):
        logits = np.bincount(rows_of, weights[columns] * values, len(samples)) + bias
        wrong = (1 / (1 + np.exp(-logits)) - wanted) * importance
        gradient = np.bincount(columns, wrong[rows_of] * values, 1 << BITS)
        weights -= RATE * 10 * (gradient + DECAY * weights)
        bias -= RATE * wrong.sum()
    return weights, float(bias)


def report(rows: list[dict[str, Any]], weights: Any, bias: float) -> None:
    """Print the share of texts that are told, for each corpus."""
    phrases = Chain([("guardrail", factory.build({"sensitive": {"categories": []}, "output": {"refusals": False}}))])
    told: dict[tuple[str, str], list[list[bool]]] = defaultdict(list)
    for row in rows:
        best = max(scores(windows(row["text"]), weights, bias), default=0.0)
        batch = Batch(make_request({"gen_ai.input.messages": row["text"]}))
        phrases.run(batch)
        by_phrase = batch.spans[0].get_str("otel_llm.guardrail.verdict") == "deny"
        part = "held out" if is_held_out(row["text"]) else "trained on"
        told[row["corpus"], part].append(
            [by_phrase, *(best >= each for each in THRESHOLDS), by_phrase or best >= DEFAULT]
        )
    print("| corpus | texts | | phrases |", " | ".join(map(str, THRESHOLDS)), f"| phrases or {DEFAULT} |")  # noqa: T201 - a command
    print("|---|---|---|---|", "---|" * (len(THRESHOLDS) + 1), sep="")  # noqa: T201 - as above
    for (corpus, part), results in sorted(told.items()):
        shares = " | ".join(f"{100 * share:.1f} %" for share in np.mean(results, axis=0))
        print(f"| {corpus} | {len(results)} | {part} | {shares} |")  # noqa: T201 - as above


if __name__ == "__main__":
    main()
