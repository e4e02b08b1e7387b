"""A third party's component, installed as one is: a distribution with an entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["install"]


def install(directory: Path, group: str, name: str, source: str) -> tuple[str, ...]:
    """Put a distribution into a directory; return the command that runs others with it.

    Args:
        directory: where it goes, for it alone.
        group: such as `processors`.
        name: of the component, of its module and of the distribution.
        source: of the module, which must define `factory`.
    """
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (directory / f"{name}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[otel_llm.{group}]\n{name} = {name}:factory\n")
    return "sh", "-c", f'PYTHONPATH="{directory}:$PYTHONPATH" exec "$@"', "sh"
