"""Alerts: that a budget is nearly used up, or is. Exactly one for each crossing, however many gateways there are."""

from otel_llm.budget.alerts.crossings import Crossing, find_crossings, record_crossings
from otel_llm.budget.alerts.delivery import Delivery

__all__ = ["Crossing", "Delivery", "find_crossings", "record_crossings"]
