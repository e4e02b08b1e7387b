"""A call that the fake provider must refuse."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["expect_refused"]


@contextmanager
def expect_refused(*errors: type[Exception]) -> Iterator[None]:
    """Pass over one of these errors; without any the app fails."""
    try:
        yield
    except errors:
        return
    sys.exit("the call was expected to be refused")
