"""A program that calls a model, waits until that is exported, and forks workers that call it too."""

from __future__ import annotations

import multiprocessing

from opentelemetry import trace

from tests.apps.calls import call


def work(number: int) -> None:
    """Call a model, and be done."""
    call(f"worker {number}")


def main() -> None:
    """Fork two workers from a process whose exporter is already connected."""
    call("parent")
    trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]  # the SDK's provider has it
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    call("parent again")


if __name__ == "__main__":
    main()
