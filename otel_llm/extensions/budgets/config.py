"""Settings of the extension `budgets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from otel_llm.component import Config
from otel_llm.digest import PeopleConfig
from otel_llm.endpoint import ListenEndpoint  # noqa: TC001 - pydantic reads it
from otel_llm.receivers.otlp.config import ProtocolConfig

__all__ = ["BudgetsConfig", "BudgetsGrpcConfig", "BudgetsHttpConfig"]


class BudgetsHttpConfig(ProtocolConfig):
    """The budget service over HTTP."""

    endpoint: ListenEndpoint = "127.0.0.1:4320"
    """Where it listens, `host:port`. Port 0 takes any that is free."""


class BudgetsGrpcConfig(ProtocolConfig):
    """The budget service over gRPC."""

    endpoint: ListenEndpoint = "127.0.0.1:4319"
    """Where it listens, `host:port`. Port 0 takes any that is free."""


def _none_is_off(value: Any) -> Any:
    return None if value == "none" else value


class BudgetsConfig(Config):
    """Where the budgets are, and where they can be asked."""

    file: Path
    """The budgets file. It is read again when it changes."""

    http: Annotated[BudgetsHttpConfig | None, BeforeValidator(_none_is_off)] = BudgetsHttpConfig()
    """HTTP with JSON. `none`: nowhere."""

    grpc: Annotated[BudgetsGrpcConfig | None, BeforeValidator(_none_is_off)] = BudgetsGrpcConfig()
    """gRPC, as `proto/otel_llm/budget/v1/budget.proto` has it. `none`: nowhere."""

    digest: PeopleConfig = PeopleConfig()
    """The key with which users and conversations of reservations are digested, as those of spans are."""
