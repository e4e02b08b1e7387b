"""What receivers of alerts are sent."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from otel_llm.budget.replies import iso, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_llm.budget.alerts.crossings import Crossing
    from otel_llm.budget.file import AlertsConfig

    Wanted = Callable[[AlertsConfig], bool]
    Make = Callable[[Crossing, AlertsConfig, int], dict[str, Any]]

__all__ = ["RECEIVERS"]


def _sentence(crossing: Crossing, now_ms: int) -> str:
    budget = crossing.charge.budget
    settled, limit = shown(budget, crossing.balance.settled), shown(budget, budget.limit)
    resets = iso(budget.window.at(now_ms).resets_at_ms)
    over = "is used up" if crossing.threshold >= 100 else f"is over {crossing.threshold}%"  # noqa: PLR2004 - per cent
    return f"Budget {crossing.charge.id} {over}: {settled} of {limit}" + (f", resets {resets}" if resets else "")


def _for_log(crossing: Crossing, _alerts: AlertsConfig, now_ms: int) -> dict[str, Any]:
    return {"text": _sentence(crossing, now_ms)}


def _for_slack(crossing: Crossing, alerts: AlertsConfig, now_ms: int) -> dict[str, Any]:
    """Return the body of an incoming webhook (api.slack.com/messaging/webhooks)."""
    channel = {"channel": alerts.slack_channel} if alerts.slack_channel else {}
    return {"text": _sentence(crossing, now_ms), **channel}


def _for_webhook(crossing: Crossing, _alerts: AlertsConfig, now_ms: int) -> dict[str, Any]:
    """Return the body of Alertmanager's webhooks, version 4 (prometheus.io/docs/alerting/latest/configuration)."""
    budget = crossing.charge.budget
    labels = {
        "alertname": "BudgetThreshold",
        "budget": crossing.charge.id,
        "scope": budget.scope,
        "threshold": f"{crossing.threshold}%",
        "severity": "critical" if crossing.threshold >= 100 else "warning",  # noqa: PLR2004 - as above
    }
    annotations = {"summary": _sentence(crossing, now_ms)}
    key = f"{crossing.charge.id}/{crossing.period}/{crossing.threshold}"
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": iso(now_ms),
        "endsAt": iso(budget.window.at(now_ms).resets_at_ms) or "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": sha256(key.encode()).hexdigest()[:16],
    }
    return {
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "otel-llm",
        "groupLabels": {"alertname": labels["alertname"]},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [alert],
    }


def _is_set(secret: Any) -> bool:
    return secret is not None and bool(secret.get_secret_value())


RECEIVERS: Final[Mapping[str, tuple[Wanted, Make]]] = {
    "slack": (lambda alerts: _is_set(alerts.slack_webhook_url), _for_slack),
    "webhook": (lambda alerts: _is_set(alerts.webhook_url), _for_webhook),
    "log": (lambda alerts: not (_is_set(alerts.slack_webhook_url) or _is_set(alerts.webhook_url)), _for_log),
}
"""Who is told: whether a config wants that, and what he is sent. The log where nobody else is."""
