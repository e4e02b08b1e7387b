"""Reads rules from YAML: the bundled ones, and files that a configuration names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from otel_llm.config.strict_yaml import parse
from otel_llm.detection.rule import Rule

if TYPE_CHECKING:
    from otel_llm.config.document import Document

__all__ = ["bundled_rules", "read_rules"]

_BUNDLED: Final = Path(__file__).parent / "rules"


@cache
def bundled_rules() -> tuple[Rule, ...]:
    """Return the rules that come with the program, those too that are off by default."""
    return tuple(rule for path in sorted(_BUNDLED.glob("*.yaml")) for rule in read_rules(path.read_text(), path.name))


def read_rules(text: str, source: str) -> tuple[Rule, ...]:
    """Return the rules of a file: a list under `rules`, and `defaults` for fields that they do not give.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        ConfigError: with all that is wrong, each with its line.
    """
    document = parse(text, {}, source=source)
    data: dict[str, Any] = document.data
    for key in data.keys() - {"rules", "defaults"}:
        document.report((key,), "unknown key: a file of rules has `rules` and `defaults`")
    listed = data.get("rules")
    if not isinstance(listed, list):
        document.report(("rules",), "must be a list of rules")
        listed = []
    defaults = data.get("defaults") or {}
    rules = [rule for place, raw in enumerate(listed) if (rule := _rule(document, place, raw, defaults))]
    seen: dict[str, int] = {}
    for place, rule in enumerate(rules):
        if seen.setdefault(rule.id, place) != place:
            document.report(("rules", place, "id"), "another rule has this id")
    document.raise_problems()
    return tuple(rules)


def _rule(document: Document, place: int, raw: Any, defaults: dict[str, Any]) -> Rule | None:
    if not isinstance(raw, dict):
        document.report(("rules", place), "must be a rule")
        return None
    try:
        return Rule.model_validate({**defaults, **raw})
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            message = problem["msg"].removeprefix("Value error, ")
            document.report(("rules", place, *problem["loc"]), message)
        return None
