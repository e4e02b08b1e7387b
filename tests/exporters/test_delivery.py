"""The settings of delivery."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.exporters.delivery import DeliveryConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"sending_queue": {"enabled": False}},
        {"sending_queue": {"queue_size": 1000}},
        {"sending_queue": {"num_consumers": 0}},
        {"sending_queue": {"batch": {"max_size": 0}}},
        {"timeout": 5},
        {"timeout": "0s"},
    ],
    ids=str,
)
def test_settings_without_a_meaning_are_refused(wrong: dict[str, Any]) -> None:
    """What would have no effect here, or none that makes sense, is an error."""
    with pytest.raises(ValueError, match="validation error"):
        DeliveryConfig.model_validate(wrong)


def test_pasted_collector_settings_are_accepted() -> None:
    """What Collector configs usually have is taken."""
    DeliveryConfig.model_validate(
        {
            "timeout": "10s",
            "sending_queue": {"enabled": True, "num_consumers": 10, "storage": "file_storage"},
            "retry_on_failure": {"enabled": True, "initial_interval": "5s", "max_elapsed_time": "5m"},
        }
    )
