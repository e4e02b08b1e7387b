"""Whether answers say where they have it from, and whether that was retrieved at all."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm import semconv
from otel_llm_processors.guardrail.config import EVERY
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_llm.detectors import Target
    from otel_llm_processors.guardrail.content import Call

__all__ = ["Citations", "documents_by_trace"]

_CITATION: Final = re.compile(
    r"\]\((?P<link>https?://[^\s)]{1,2048})\)"
    r"|\[\^?(?P<mark>[\w.:#/-]{1,128})\](?!\()"
    r"|\u3010(?P<source>[^\u3010\u3011\u2020]{1,128})(?:\u2020[^\u3010\u3011]{0,128})?\u3011"
)
_ID: Final = re.compile(r'"(?:id|doc_id|document_id|source|url|uri)"\s{0,9}:\s{0,9}"?([^",}\]]{1,2048})')
"""What tools call what they return."""
_CONTEXT: Final[frozenset[Target]] = frozenset({"system", "input", "tool_result"})


class Citations:
    """Compares what answers cite with what was retrieved."""

    def __init__(self, routes: Iterable[str]) -> None:
        self._routes = frozenset(routes)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield that an answer cites nothing, or something that is not there."""
        if not {call.item.dimensions.route or EVERY, EVERY} & self._routes:
            return
        answers = [frozenset(_cited(answer)) for answer in call.answers.values()]
        if not all(answers):
            yield Finding("citation.missing", "output")
        if any(cited - call.documents - _context(call) for cited in answers):
            yield Finding("citation.unknown", "output")


def documents_by_trace(calls: Iterable[Call]) -> dict[bytes, frozenset[str]]:
    """Return the ids of the documents (`gen_ai.retrieval.documents`) that were retrieved in each trace."""
    found: defaultdict[bytes, set[str]] = defaultdict(set)
    for call in calls:
        documents = call.item.get(semconv.GEN_AI_RETRIEVAL_DOCUMENTS)
        if documents is not None:
            found[call.item.trace_id].update(_ids(documents))
    return {trace: frozenset(ids) for trace, ids in found.items()}


def _ids(documents: Any) -> Iterator[str]:
    """Yield the ids in a list of documents; nothing of what is none."""
    if isinstance(documents, str):
        try:
            documents = orjson.loads(documents)
        except ValueError:
            return
    for document in documents if isinstance(documents, list) else ():
        if isinstance(document, dict) and isinstance(number := document.get("id"), str | int):
            yield str(number)


def _context(call: Call) -> set[str]:
    """Return what the model was given to cite: by the marks that it stands under, or the ids that tools give it."""
    known: set[str] = set()
    for part in call.parts:
        if part.target in _CONTEXT:
            known.update(_cited(part.text))
        if part.target == "tool_result":
            known.update(found.strip() for found in _ID.findall(part.text))
    return known


def _cited(text: str) -> Iterator[str]:
    return (match[match.lastgroup or 0] for match in _CITATION.finditer(text))
