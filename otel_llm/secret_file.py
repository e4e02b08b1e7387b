"""Files that hold keys, certificates and tokens: watching them, and who else may read them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, TypeVar

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otel_llm.reload import Watch, Watched

__all__ = ["check_readable", "readable_by_others", "watch_files"]

T = TypeVar("T")

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def watch_files(watch: Watch, read: Callable[..., T], files: Mapping[str, Path]) -> Watched[T]:
    """Return what *read* makes of the bytes of *files*, now and after each change.

    Args:
        watch: the one of the component's settings.
        read: as for `Watched`.
        files: by where they are configured.

    Raises:
        ConfigError: files cannot be read, with all of them, or not be used. It names no path: whoever puts a key where
            the path to it belongs must not find the key in the log.
    """
    check_readable(files)
    return watch(read, *files.values())


def check_readable(files: Mapping[str, Path]) -> None:
    """Raise `ConfigError` with every file that cannot be read; *files* by where they are configured."""
    problems = [f"{place}: {problem}" for place, path in files.items() for problem in _unreadable(path)]
    if problems:
        raise ConfigError(*problems)


def readable_by_others(path: Path) -> bool:
    """Tell whether more than the owner of *path* may do anything with it."""
    return bool(path.stat().st_mode & _OTHERS)


def _unreadable(path: Path) -> Iterator[str]:
    try:
        path.read_bytes()
    except OSError as error:
        yield f"cannot be read: {os.strerror(error.errno or 0)}"
    except ValueError:  # a NUL in the path
        yield "is not a path"
