"""Writes docs/reference from the code: settings from their config types, attributes from their constants, commands.

usage: python scripts/reference.py [--check]

With `--check` nothing is written: the exit status tells whether everything is current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer.main

from otel_llm import semconv
from otel_llm.cli.app import make_app
from otel_llm.config.schema import describe
from otel_llm.config.service import ServiceConfig
from otel_llm.registry import Kind, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click
    from pydantic import BaseModel

__all__ = ["pages"]

REFERENCE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
_WRITTEN: Final = "<!-- Written by `make reference`. -->\n"
_MEANINGS: Final = {
    semconv.DIALECT: "the dialect that was recognised, where it is not the current conventions",
    semconv.PROCESSOR_ERRORS: "processors that failed on this span",
    semconv.RETENTION: "how long its content may be kept: `metrics`, `short` or `long`",
    semconv.COST_STATUS: "`priced`, `reported`, `unpriced`, `invalid_usage` or `not_billable`",
    semconv.COST_TOTAL_USD: "what the call cost; the parts below add up to it",
    semconv.COST_INPUT_USD: "of it, input that no cache held",
    semconv.COST_OUTPUT_USD: "of it, output, reasoning included",
    semconv.COST_CACHE_READ_USD: "of it, input out of a cache",
    semconv.COST_CACHE_WRITE_USD: "of it, input into a cache",
    semconv.COST_REQUEST_USD: "of it, the fee for the request",
    semconv.COST_SOURCE: "whose price it is",
    semconv.COST_PRICE_VERSION: "the version of the price list",
    semconv.COST_UNPRICED_REASON: "why there is no price",
    semconv.COST_REPORTED_USD: "what the sender said it cost",
    semconv.GUARDRAIL_VERDICT: "`allow`, `warn` or `deny`, where content was checked",
    semconv.GUARDRAIL_FINDINGS: "rules of the guardrail that were broken",
    semconv.GUARDRAIL_SCORE: "how sure the surest finding is, 0 to 1",
    semconv.GUARDRAIL_FINDING: "an event: one finding, with the attributes below",
    semconv.GUARDRAIL_RULE: "the rule",
    semconv.GUARDRAIL_TARGET: "what was found in, such as `input` or `tool_result`",
    semconv.GUARDRAIL_PART: "the position of the message and of the part in it",
    semconv.GUARDRAIL_SEVERITY: "`warn` or `deny`",
    semconv.GUARDRAIL_CONTENT_HASH: "a keyed digest of the part",
    semconv.ROUTE: "the part of the app that called",
    semconv.TENANT: "the customer that it called for",
    semconv.ENVIRONMENT: "such as `prod` or `eval`",
    semconv.PROMPT: "the managed prompt",
    semconv.APP_VERSION: "the version of the app",
    semconv.EVAL_ID: "the run of an evaluation",
    semconv.USER_KEY: "a keyed digest of the end user's id",
    semconv.CONVERSATION_KEY: "a keyed digest of the conversation's id",
    semconv.RESERVATION_ID: "the hold on a budget that was taken for the call",
}


def pages() -> dict[str, str]:
    """Return every page of the reference by its file's name."""
    registry = Registry()
    written = {f"{kind.section}.md": "\n".join(_components(registry, kind)) for kind in Kind}
    written["service.md"] = "\n".join(("# service", "", *_settings(ServiceConfig)))
    written["attributes.md"] = "\n".join(_attributes())
    written["commands.md"] = "\n".join(_commands())
    return {name: f"{_WRITTEN}{page}\n" for name, page in written.items()}


def _components(registry: Registry, kind: Kind) -> Iterator[str]:
    yield f"# {kind.section}"
    for name in registry.names(kind):
        factory = registry.load(kind, name)
        yield from ("", f"## {name}", "", f"Status: {factory.stability}.", "", *_settings(factory.config))


def _settings(config: type[BaseModel]) -> Iterator[str]:
    fields = describe(config)
    if not fields:
        yield "It has no settings."
        return
    yield from ("| key | type | default | |", "|---|---|---|---|")
    for field in fields:
        default = f"`{_cell(field.default)}`" if field.default not in {"", "required"} else field.default
        yield f"| `{field.path}` | {_cell(field.type)} | {default} | {_cell(field.description)} |"


def _attributes() -> Iterator[str]:
    yield from (
        "# Attributes",
        "",
        "What is written on spans and log records, beside the names of the GenAI conventions.",
        "",
    )
    yield from ("| attribute | a sender may set it | |", "|---|---|---|")
    for name in sorted(name for name in semconv.NAMES if name.startswith(semconv.OTEL_LLM_PREFIX)):
        if name != semconv.OTEL_LLM_PREFIX:
            trusted = "yes" if name in semconv.CONTEXT else ""
            yield f"| `{name}` | {trusted} | {_MEANINGS.get(name, '')} |"


def _commands() -> Iterator[str]:
    yield "# Commands"
    group = typer.main.get_command(make_app())
    for name, command in sorted(_subcommands(group)):
        yield from ("", f"## otel-llm {name}", "", (command.help or "").strip())
        options = [
            param for param in command.params if param.param_type_name == "option" and "--help" not in param.opts
        ]
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        if options or arguments:
            yield from ("", "| | default | |", "|---|---|---|")
        for param in (*arguments, *options):
            names = ", ".join(f"`{each}`" for each in (*param.opts, *param.secondary_opts))
            default = "" if param.default in (None, False, ()) else f"`{_cell(str(param.default))}`"
            yield f"| {names} | {default} | {_cell(getattr(param, 'help', None) or '')} |"


def _subcommands(command: click.Command, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, each in getattr(command, "commands", {}).items():
        if getattr(each, "commands", None):
            yield from _subcommands(each, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", each


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    """Write the pages, or check them."""
    REFERENCE.mkdir(exist_ok=True)
    stale = [name for name, page in pages().items() if _read(name) != page]
    if "--check" in sys.argv:
        sys.exit(f"not current: {', '.join(stale)}: run make reference" if stale else 0)
    for name, page in pages().items():
        (REFERENCE / name).write_text(page, "utf-8")


def _read(name: str) -> str:
    path = REFERENCE / name
    return path.read_text("utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
