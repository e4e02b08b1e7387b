"""Every scenario with the `google-genai` package: generate content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google import genai
from google.genai import types
from google.genai.errors import APIError

from tests.emitters.apps.refusal import expect_refused
from tests.emitters.asked import QUESTION, SYSTEM, TOOL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["make"]

MODEL: Final = "gemini-2.5-flash"
ASKED: Final = types.Content(role="user", parts=[types.Part(text=QUESTION)])
CONFIG: Final = types.GenerateContentConfig(system_instruction=SYSTEM)
WITH_TOOLS: Final = types.GenerateContentConfig(
    system_instruction=SYSTEM,
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name=TOOL,
                    description="Tells the weather.",
                    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}},
                )
            ]
        )
    ],
)


def make(scenario: str) -> None:
    """Make the calls of a scenario."""
    with genai.Client() as client:
        _CALLS[scenario](client)


def _plain(client: genai.Client) -> None:
    client.models.generate_content(model=MODEL, contents=[ASKED], config=CONFIG)


def _streamed(client: genai.Client) -> None:
    for _chunk in client.models.generate_content_stream(model=MODEL, contents=[ASKED], config=CONFIG):
        pass


def _tools(client: genai.Client) -> None:
    first = client.models.generate_content(model=MODEL, contents=[ASKED], config=WITH_TOOLS)
    [candidate] = first.candidates or []
    assert candidate.content is not None
    returned = types.Content(
        role="user", parts=[types.Part.from_function_response(name=TOOL, response={"result": WEATHER})]
    )
    client.models.generate_content(model=MODEL, contents=[ASKED, candidate.content, returned], config=WITH_TOOLS)


def _failing(client: genai.Client) -> None:
    for _ in range(2):
        with expect_refused(APIError):
            _plain(client)


_CALLS: Final[Mapping[str, Callable[[genai.Client], None]]] = {
    "plain": _plain,
    "streamed": _streamed,
    "tools": _tools,
    "cached": _plain,
    "cached_streamed": _streamed,
    "failing": _failing,
}
