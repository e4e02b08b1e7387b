"""All budgets, and which of them a call is charged to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.budget.definition import Budget, Section
from otel_llm.budget.ledger.crowd import OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.budget.definition import Per
    from otel_llm.budget.file import AlertsConfig, Defaults
    from otel_llm.dimensions import Dimensions

__all__ = ["NOBODY", "BudgetBook", "Charge"]

ANY: Final = "*"
"""The key of an entry for all values of its section together."""
NOBODY: Final = "-"
"""The subject of calls of which nobody said whose they are: they share one counter, instead of having none."""
_SNAPSHOT: Final = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})$")
"""The date at the end of a model's name that tells one version of it from another."""
_SUBJECTS: Final[Mapping[Per, str]] = {"user": "u", "conversation": "c", "tenant": "t"}


class Charge(NamedTuple):
    """A budget, and whom a call counts for there."""

    budget: Budget
    subject: str
    """Such as `u:k1:3f9a...`; empty where all are counted together."""

    @property
    def id(self) -> str:
        """`<section>/<key>/<limit>`, with the subject after it where there is one."""
        return f"{self.budget.id}/{self.subject}" if self.subject else self.budget.id


@dataclass(frozen=True, slots=True)
class BudgetBook:
    """The budgets of one version of a budgets file."""

    budgets: list[Budget]
    defaults: Defaults
    alerts: AlertsConfig
    _index: dict[tuple[Section, str], list[Budget]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the budgets by whom they are for."""
        for budget in self.budgets:
            self._index.setdefault((budget.section, budget.key), []).append(budget)

    def charge(self, charge_id: str) -> Charge | None:
        """Return what `Charge.id` names; None if there is no such budget, or it is not counted like that."""
        for budget in self.budgets:
            if budget.per is None and charge_id == budget.id:
                return Charge(budget, "")
            if budget.per is not None and charge_id == f"{budget.id}/{OTHER}":
                return Charge(budget, OTHER)
            prefix = f"{budget.id}/{_SUBJECTS[budget.per]}:" if budget.per else ""
            if prefix and charge_id.startswith(prefix) and charge_id != prefix:
                return Charge(budget, charge_id.removeprefix(f"{budget.id}/"))
        return None

    def charges(self, model: str | None, dimensions: Dimensions) -> list[Charge]:
        """Return what a call is charged to, each budget once.

        Args:
            model: As it was asked for. A budget for `gpt-4o` counts `gpt-4o-2024-08-06` and `openai/gpt-4o` too, unless
                there is one of exactly that name.
            dimensions: Whom it is for.
        """
        named = (
            (Section.MODELS, self._model(model)),
            (Section.ROUTES, dimensions.route),
            (Section.TENANTS, dimensions.tenant),
            (Section.ENVIRONMENTS, dimensions.environment),
            (Section.PROMPTS, dimensions.prompt),
            (Section.APP_VERSIONS, dimensions.app_version),
            (Section.USERS, dimensions.user_key),
        )
        places = ((section, each) for section, key in named for each in (key, ANY) if each is not None)
        return [
            Charge(budget, _subject(budget, dimensions))
            for place in places
            for budget in self._index.get(place, ())
            if self._counts(budget, dimensions.environment)
        ]

    def _model(self, model: str | None) -> str | None:
        if model is None or (Section.MODELS, model) in self._index:
            return model
        bare = model.rpartition("/")[2]
        return bare if (Section.MODELS, bare) in self._index else _SNAPSHOT.sub("", bare)

    def _counts(self, budget: Budget, environment: str | None) -> bool:
        if budget.environments is not None:
            return environment in budget.environments
        is_its_own = (budget.section, budget.key) == (Section.ENVIRONMENTS, environment)
        return is_its_own or environment not in self.defaults.separate_environments


def _subject(budget: Budget, dimensions: Dimensions) -> str:
    match budget.per:
        case None:
            return ""
        case "user":
            value = dimensions.user_key
        case "conversation":
            value = dimensions.conversation_key
        case "tenant":
            value = dimensions.tenant
    return f"{_SUBJECTS[budget.per]}:{value or NOBODY}"
