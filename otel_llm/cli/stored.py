"""What commands about budgets have in common: the store and the budgets that a config names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from otel_llm.cli.options import read_config
from otel_llm.errors import ConfigError
from otel_llm.units import parse_duration

if TYPE_CHECKING:
    from otel_llm.budget.book import BudgetBook
    from otel_llm.budget.estimate import Estimator
    from otel_llm.digest import Digests
    from otel_llm.store.store import Store

__all__ = ["JsonOption", "Stored", "print_json", "print_table", "since_ms", "with_store"]

R = TypeVar("R")
T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, with amounts as decimal texts.")]


@dataclass(frozen=True)
class Stored:
    """What a config names."""

    store: Store
    _config: Any

    @property
    def book(self) -> BudgetBook:
        """The budgets.

        Raises:
            ConfigError: there are none, or their file cannot be used.
        """
        from otel_llm.budget.file import read_budgets
        from otel_llm.reload import Watched

        path: Path = self._budgets.file
        return Watched(lambda content: read_budgets(str(path), content), path).value

    @property
    def digests(self) -> Digests:
        """The digests of users and conversations.

        Raises:
            ConfigError: their key cannot be read.
        """
        from otel_llm.digest import load_digests

        return load_digests(self._budgets.digest, "extensions.budgets.digest")

    @property
    def estimate(self) -> Estimator:
        """What knows the prices of the config.

        Raises:
            ConfigError: nothing does, or they cannot be used.
        """
        from otel_llm.budget.estimate import make_estimate
        from otel_llm.component import Settings

        configs = [each.config for each in self._config.processors.values()]

        def find(kind: type[T]) -> T | None:
            return next((each for each in configs if isinstance(each, kind)), None)

        return make_estimate(Settings("prices", find=find))

    @property
    def _budgets(self) -> Any:
        from otel_llm.extensions.budgets import BudgetsConfig

        return _config_of(self._config, BudgetsConfig, "budgets")


def with_store(path: Path, work: Callable[[Stored], Awaitable[R]]) -> R:
    """Return what *work* makes of the store that a config names.

    Raises:
        ConfigError: there is none.
        StartError, Retryable: it cannot be used.
    """
    from otel_llm.extensions.store import StoreConfig
    from otel_llm.store.store import open_store

    config = read_config(path)
    store = open_store(_config_of(config, StoreConfig, "store").url.get_secret_value())

    async def run() -> R:
        try:
            await store.start()
            return await work(Stored(store, config))
        finally:
            await store.shutdown()

    return asyncio.run(run())


def since_ms(since: str) -> int:
    """Return when a time ago was, in milliseconds since 1970.

    Raises:
        ConfigError: it is no time.
    """
    try:
        return round((time.time() - parse_duration(since)) * 1000)
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from None


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table; the columns *right* are aligned so."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def _config_of(config: Any, kind: type[R], name: str) -> R:
    for component in config.extensions.values():
        if isinstance(component.config, kind):
            return component.config
    raise ConfigError(f"the config has no extension {name}")
