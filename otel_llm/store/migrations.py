"""The steps from an empty database to the present schema. Forward only: what has been applied is never changed."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Literal, NamedTuple

from otel_llm.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Migration", "migrate", "migrations"]

Dialect = Literal["sqlite", "postgres"]


class Migration(NamedTuple):
    """One step."""

    version: int
    sql: str


def migrations(dialect: Dialect) -> list[Migration]:
    """Return all steps, the first one first."""
    directory = files("otel_llm.store") / "sql" / dialect
    steps = (Migration(int(file.name.partition("_")[0]), file.read_text("utf-8")) for file in directory.iterdir())
    return sorted(steps)


def migrate(present: int, steps: Sequence[Migration], apply: Callable[[Migration], None]) -> None:
    """Apply the steps that are missing.

    Args:
        present: The version that the database is at, 0 if it is empty.
        steps: All that there are.
        apply: Applies one and writes its version down, in one transaction.

    Raises:
        StartError: the database is ahead of this program, which does not know how to keep what is in it.
    """
    newest = steps[-1].version
    if present > newest:
        raise StartError(
            f"the store's schema is version {present}, and this program knows versions up to {newest}: "
            "run the version that wrote it, or a newer one"
        )
    for step in steps:
        if step.version > present:
            apply(step)
