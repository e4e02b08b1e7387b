"""Which rules a configuration asks for."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_llm.detection import bundled_rules, read_rules
from otel_llm.detection.engines import installed
from otel_llm.errors import ConfigError
from otel_llm_processors.redaction.config import INSTALL

if TYPE_CHECKING:
    from otel_llm.detection import Rule
    from otel_llm_processors.redaction.config import RulesConfig

__all__ = ["selected_rules"]


def selected_rules(config: RulesConfig) -> tuple[Rule, ...]:
    """Return the rules to use. One's own takes the place of a bundled one with its id.

    Raises:
        ConfigError: a name that no rule has, a file that cannot be read, rules where linear time cannot be promised.
    """
    bundled = bundled_rules()
    known = {name for rule in bundled for name in (rule.id, rule.label)}
    problems = [
        f"rules.{field}: no rule is called {name}"
        for field in ("enable", "remove")
        for name in getattr(config, field)
        if name not in known
    ]
    own = list(config.add)
    for path in config.files:
        try:
            own += read_rules(path.read_text("utf-8"), path.name)
        except (OSError, UnicodeDecodeError):
            problems.append("rules.files: a file cannot be read")
        except ConfigError as error:
            problems += error.problems
    if own and installed() == "re":
        problems.append(f"rules: own rules need google-re2, which promises linear time: {INSTALL}")
    if find_spec("phonenumbers") is None:
        problems.append(f"needs phonenumbers: {INSTALL}")
    if problems:
        raise ConfigError(*problems)
    rules = {
        rule.id: rule
        for rule in bundled
        if rule.category in config.categories
        and (rule.enabled or rule.id in config.enable)
        and rule.id not in config.remove
        and rule.label not in config.remove
    }
    return tuple((rules | {rule.id: rule for rule in own}).values())
