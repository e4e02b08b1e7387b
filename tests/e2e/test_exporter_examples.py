"""Every app in `examples` sends the same through its own exporter as through the gateway."""

from __future__ import annotations

import asyncio
import os
import re
import tomllib
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.e2e.gateway import pricing_config, run_gateway
from tests.e2e.otlp import attributes_of
from tests.e2e.program import ROOT
from tests.e2e.sink import Sink
from tests.emitters.environment import programs_of
from tests.fake_provider import FakeProvider, Reply, ToolCall, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

pytestmark = [pytest.mark.backend, pytest.mark.emitters]

ANSWER: Final = (Reply("Potsdam.", usage=Usage(input=1000, output=100)),)
WITH_TOOL: Final = (
    Reply("", (ToolCall("get_weather", {"city": "Potsdam"}),), Usage(input=1000, output=100)),
    Reply("It rains.", usage=Usage(input=1100, output=10)),
)


class Example(NamedTuple):
    """An app, and what the provider answers it."""

    name: str
    answers: tuple[Reply, ...] = ANSWER
    environment: str = "examples"
    """What is installed for it: a file of that name in tests/emitters/environments."""
    disabled: str = ""
    """Instrumentations that are there for another example and would record this one's calls too."""


OPENINFERENCE, OPENLLMETRY, LANGFUSE = "examples_openinference", "examples_openllmetry", "examples_langfuse"
EXAMPLES: Final = (
    Example("openai_chat"),
    Example("openai_chat", environment=OPENINFERENCE, disabled="llama_index"),
    Example("openai_chat", environment=OPENLLMETRY),
    Example("anthropic_chat"),
    Example("anthropic_chat", environment=OPENINFERENCE, disabled="llama_index"),
    Example("anthropic_chat", environment=OPENLLMETRY),
    Example("google_genai_chat"),
    Example("google_genai_chat", environment=OPENINFERENCE, disabled="llama_index"),
    Example("google_genai_chat", environment=OPENLLMETRY),
    Example("langfuse_openai_chat", environment=LANGFUSE),
    Example("llama_index_chat", ANSWER * 2, OPENINFERENCE, disabled="openai"),
    Example("langchain_agent", WITH_TOOL, "examples_langchain"),
    Example("pydantic_ai_agent", WITH_TOOL, disabled="openai"),
    Example("litellm_chat", environment="examples_litellm"),
    Example("openai_agents", WITH_TOOL, disabled="openai"),
)
VOLATILE: Final = ("server.port", "time_to_first", "latency", "duration", "response.id")
"""Parts of keys whose values differ between two runs of one app."""

PASSING: Final = re.compile(
    r"127\.0\.0\.1:\d+|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}|[0-9a-f]{24,}|\b(?:call|chatcmpl|msg|req|run|resp)[_-]+[\w-]+"
)
"""What in a text differs between two runs: ports, dates of HTTP and made-up ids."""


def test_every_example_is_tried() -> None:
    """Also the next one."""
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {example.name for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.name}-{each.environment}")
async def test_both_ways_send_the_same(example: Example, tmp_path: Path, entry_points: Path) -> None:
    """Span by span: names, and attributes with their values."""
    async with Sink() as sink:
        config = pricing_config("otlp", endpoint=sink.grpc_endpoint, tls={"insecure": True})
        async with run_gateway(tmp_path, config) as gateway:
            await run_example(example, "otlp", gateway.http_endpoint, entry_points)
        through_gateway = await sink.spans(1)
    async with Sink() as sink:
        await run_example(example, "otel_llm", sink.http_endpoint, entry_points)
        through_exporter = await sink.spans(1)

    assert [told(span) for span in through_gateway] == [told(span) for span in through_exporter]
    priced = [span for span in through_exporter if "otel_llm.cost.total_usd" in attributes_of(span)]
    assert len(example.answers) == len(priced)


@pytest.fixture
def entry_points(tmp_path: Path) -> Path:
    """Return a directory that makes this checkout an installed distribution for whoever has it on its path."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    directory = tmp_path / "path" / "otel_llm-0.dist-info"
    directory.mkdir(parents=True)
    (directory / "METADATA").write_text("Metadata-Version: 2.1\nName: otel-llm\nVersion: 0\n")
    lines = [
        [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())] for group, points in groups.items()
    ]
    (directory / "entry_points.txt").write_text("\n".join(chain.from_iterable(lines)))
    return directory.parent


async def run_example(example: Example, exporter: str, endpoint: str, entry_points: Path) -> None:
    """Run an app under `opentelemetry-instrument`; it must end well, having made all its calls."""
    programs = await asyncio.to_thread(programs_of, example.environment)
    script = ROOT / "examples" / f"{example.name}.py"
    with FakeProvider() as provider:
        provider.script(*example.answers)
        process = await asyncio.create_subprocess_exec(
            programs / "opentelemetry-instrument", programs / "python", script,
            env=environment(example, provider) | {
                "OTEL_TRACES_EXPORTER": exporter,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "PYTHONPATH": os.pathsep.join(map(str, (entry_points, ROOT, ROOT / "processors"))),
            },
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert 0 == process.returncode, output.decode()
        assert len(example.answers) == len(provider.calls), output.decode()


def environment(example: Example, provider: FakeProvider) -> dict[str, str]:
    """Return what the app's operator would set."""
    return dict(os.environ) | {
        "OPENAI_BASE_URL": provider.openai_url,
        "OPENAI_API_BASE": provider.openai_url,
        "OPENAI_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": "test",
        "GOOGLE_GEMINI_BASE_URL": provider.url,
        "GEMINI_API_KEY": "test",
        "LANGFUSE_BASE_URL": provider.url,
        "LANGFUSE_PUBLIC_KEY": "pk-lf-test",
        "LANGFUSE_SECRET_KEY": "sk-lf-test",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "example",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": example.disabled,
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    }


def told(span: Span) -> tuple[str, dict[str, Any]]:
    """Return what a span says, without what differs between two runs."""
    attributes = attributes_of(span).items()
    return span.name, {key: _lasting(value) for key, value in attributes if not any(part in key for part in VOLATILE)}


def _lasting(value: Any) -> Any:
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    return PASSING.sub("*", value) if isinstance(value, str) else value
