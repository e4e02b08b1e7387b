"""Somebody else's processor: writes on every gen_ai span which team runs the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import Config, Processor, ProcessorFactory, Settings

if TYPE_CHECKING:
    from otel_llm.span import Span

__all__ = ["factory"]


class TeamConfig(Config):
    """Settings of `processors.team`."""

    teams: dict[str, str]
    """Team by `service.name`."""


class TeamProcessor(Processor):
    """Looks the team up."""

    def __init__(self, config: TeamConfig, _settings: Settings) -> None:
        self._teams = config.teams

    def process_span(self, span: Span, /) -> None:
        """Write the team of a service that has one."""
        team = self._teams.get(span.resource.get_str("service.name") or "")
        if team is not None:
            span.set("acme.team", team)


factory = ProcessorFactory("team", TeamConfig, TeamProcessor)
