"""Processors for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import Processor

if TYPE_CHECKING:
    from otel_llm.resource import Resource
    from otel_llm.span import Span

__all__ = ["ClosedSteps", "Steps"]


class Steps(Processor):
    """Does to every span what its name asks for."""

    applies_to = "all"

    def process_resource(self, resource: Resource, /) -> None:
        if "secret" in resource:
            resource.set("secret", "***")

    def process_span(self, span: Span, /) -> None:
        if span.name == "drop":
            span.drop("unwanted")
        elif span.name == "fail":
            raise LookupError
        elif span.name == "mask":
            for text in span.texts():
                if text.kind != "key" and isinstance(text.value, str):
                    text.replace("***")


class ClosedSteps(Steps):
    """The same, but nothing goes on that it has not seen."""

    on_error = "drop"
