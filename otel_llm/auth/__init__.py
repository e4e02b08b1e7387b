"""Who may send: bearer tokens, and whom each of them stands for."""

from otel_llm.auth.bearer import BearerTokens, Identity
from otel_llm.auth.config import AuthConfig, TokenConfig

__all__ = ["AuthConfig", "BearerTokens", "Identity", "TokenConfig"]
