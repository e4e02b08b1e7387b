"""OpenAI's words: embeddings."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Final

from tests.fake_provider.openai_chat import error
from tests.fake_provider.reply import Call, Dialect, Json, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EMBEDDINGS"]


def _embeddings(reply: Reply, call: Call) -> Json:
    """Answer each input with a vector of ones, in base64 where asked for, as the `openai` package does by itself."""
    given = call.body["input"]
    texts = given if isinstance(given, list) else [given]
    vector = [1.0] * int(call.body.get("dimensions") or 8)
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    value = packed if call.body.get("encoding_format") == "base64" else vector
    return {
        "object": "list",
        "model": call.model(reply),
        "data": [{"object": "embedding", "index": index, "embedding": value} for index in range(len(texts))],
        "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input},
    }


def _no_events(_reply: Reply, _call: Call) -> Iterator[Json]:
    return iter(())


EMBEDDINGS: Final = Dialect("/v1/embeddings", _embeddings, _no_events, error)
