"""Delivery to one destination: reading what waits, merging, trying again, giving up, counting."""

from otel_llm.destination.destination import Destination, merge
from otel_llm.destination.sender import Sender

__all__ = ["Destination", "Sender", "merge"]
