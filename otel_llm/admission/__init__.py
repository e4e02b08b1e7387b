"""What a request may cost, asked before anything is made of it.

A sender decides how many bytes it sends; nothing it sends may cost more than a stated multiple of them, hold the event
loop, or end the process. What bounds a request as it arrives (bytes, time, connections) is the transports' business.
This package bounds what becomes of it: how many parts it may have, and how much memory requests may come to together.
"""

from __future__ import annotations

from otel_llm.admission.admission import Admission
from otel_llm.admission.config import MemoryConfig

__all__ = ["Admission", "MemoryConfig"]
