"""What a destination has refused for good, kept until an operator has looked at it."""

from otel_llm.dead_letters.store import DeadLetter, DeadLetters, find

__all__ = ["DeadLetter", "DeadLetters", "find"]
