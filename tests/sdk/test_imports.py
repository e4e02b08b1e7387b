"""What importing costs, told by what is imported: times and sizes are other machines' to measure."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

HEAVY: Final = (
    "aiohttp", "genai_prices", "google.protobuf", "grpc", "opentelemetry.exporter", "orjson", "otel_llm_processors",
    "prometheus_client", "pydantic", "requests", "typer", "uvloop", "yaml",
)  # fmt: skip
"""Packages that an app pays for at its first export, or never."""

SERVER: Final = ("aiohttp", "google_crc32c", "rich", "typer", "uvloop")
"""What only the extra `server` brings."""

WITHOUT_SERVER: Final = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {SERVER!r}:
            raise ModuleNotFoundError("not installed: " + name, name=name)

sys.meta_path.insert(0, Missing())
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("imported", ["otel_llm", "otel_llm.sdk"])
def test_importing_is_light(imported: str) -> None:
    """Neither the exporter nor `otel_llm.context` brings more than the SDK has."""
    done = python(f"import sys, {imported}; print(*sys.modules, sep='\\n')")

    modules = done.stdout.split()
    assert imported in modules
    assert [] == [name for name in modules if name.startswith(tuple(f"{heavy}." for heavy in HEAVY)) or name in HEAVY]


def test_making_an_exporter_is_light() -> None:
    """The SDK makes it when the app starts: that must not wait for prices."""
    done = python("import sys; from otel_llm.sdk import OtelLlmSpanExporter as E; E(); print(*sys.modules, sep='\\n')")

    assert [] == [name for name in done.stdout.split() if name in HEAVY]
    assert "" == done.stderr


@pytest.mark.parametrize("exporter", ["otlp: {endpoint: '127.0.0.1:1'}", "otlphttp: {endpoint: 'http://127.0.0.1:1'}"])
def test_the_plain_installation_exports(exporter: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the gateway's libraries a config is read, its exporter made, and a span processed."""
    path = tmp_path_factory.mktemp("config") / "otel-llm.yaml"
    path.write_text(f"""
processors: {{gen_ai_normalizer: {{}}, cost: {{}}}}
exporters: {{{exporter}}}
service: {{pipelines: {{traces: {{processors: [gen_ai_normalizer, cost], exporters: [{exporter.partition(":")[0]}]}}}}}}
""")
    done = python(f"""{WITHOUT_SERVER}
import os
os.environ["OTEL_LLM_CONFIG"] = {str(path)!r}
from otel_llm.sdk.setup import open_outlet
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
opened = open_outlet(Signal.TRACES, Meter(), ())
print(type(opened.exporters[0]).__module__)
""")

    assert "opentelemetry.exporter.otlp.proto" in done.stdout, done.stderr


def test_without_the_server_the_command_line_says_what_to_install() -> None:
    """One line, and no traceback."""
    done = python(f"{WITHOUT_SERVER}\nfrom otel_llm.__main__ import main\nmain()")

    assert (1, "error: needs the module typer: pip install 'otel-llm[server]'\n") == (done.returncode, done.stderr)
