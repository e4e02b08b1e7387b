"""`otel-llm erase`: forget a user or a conversation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from otel_llm.cli.options import ConfigOption
from otel_llm.cli.stored import JsonOption, Stored, print_json, with_store
from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    Kind = Literal["user", "conversation"]

__all__ = ["erase"]


def erase(  # noqa: PLR0917 - its options
    config: ConfigOption,
    user: Annotated[str | None, typer.Option(help="The user, as on spans before it is digested.")] = None,
    conversation: Annotated[str | None, typer.Option(help="The conversation, likewise.")] = None,
    user_key: Annotated[str | None, typer.Option(help="The user's digest.")] = None,
    conversation_key: Annotated[str | None, typer.Option(help="The conversation's digest.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Delete the calls of a user or a conversation. What was spent stays spent, under a name that means nothing."""
    options: tuple[tuple[Kind, str | None, bool], ...] = (
        ("user", user, False),
        ("conversation", conversation, False),
        ("user", user_key, True),
        ("conversation", conversation_key, True),
    )
    given = [(kind, value, digested) for kind, value, digested in options if value]
    if len(given) != 1:
        raise ConfigError("needs one of --user, --conversation, --user-key and --conversation-key")
    ((kind, value, digested),) = given

    async def work(stored: Stored) -> int:
        from otel_llm.store.erasure import erase as erase_from

        key = value if digested else stored.digests.of(kind, value)
        return await erase_from(stored.store, kind, key, time.time_ns() // 10**6)

    erased = with_store(config, work)
    if as_json:
        print_json({"calls": erased})
    else:
        typer.echo(f"{erased} calls erased")
