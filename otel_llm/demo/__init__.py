"""Made-up traffic that looks like a real one's, so that a newcomer sees what the gateway does."""

from otel_llm.demo.sender import send

__all__ = ["send"]
