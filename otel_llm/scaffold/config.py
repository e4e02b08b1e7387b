"""The text of a first config, with a comment on everything that one will want to change."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Final

from otel_llm.scaffold.backends import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BUDGETS_FILE", "render"]

_ORDER: Final = {
    "gen_ai_normalizer": "whatever words an instrumentation uses, to the current names of the GenAI conventions",
    "cost": "what each call cost, in USD",
    "guardrail": "prompt injections, schemas, tools",
    "redaction": "secrets and personal data, out of every text",
    "budget": "which budgets a call is charged to",
}
"""Processors in the order in which they belong, and what each does."""

_TEXT: Final = Template("""\
# otel-llm in front of $title. Check it with `otel-llm validate`, run it with `otel-llm run`, and examine what runs with
# `otel-llm doctor`, each with `--config` and the path of this file.
$environment
receivers:
  otlp:
    protocols:
      # Applications send here. To let other machines in: 0.0.0.0 in place of 127.0.0.1, and `auth` or `tls` beside it.
      grpc: {endpoint: 127.0.0.1:4317}
      http: {endpoint: 127.0.0.1:4318$path}

processors:
$processors
exporters:
  $exporter: $settings
$store
extensions:
  # GET /ready on 127.0.0.1:13133 answers 200 while requests are taken.
  health: {}
  # What was taken waits here for the backend, through crashes and outages. In containers: a volume.
  storage: {directory: "$${env:OTEL_LLM_STATE_DIR:-./var}"}
$budgets
service:
  extensions: [$extensions]
  telemetry: {metrics: {endpoint: 127.0.0.1:8888}, logs: {level: info, format: text}}
  pipelines:
    traces: {receivers: [otlp], processors: [$chain], exporters: [$exporters]}
""")

_BUDGETS: Final = """\
  # Calls are charged here, and budgets kept.
  store: {url: "sqlite:///./var/otel-llm.db"}
  budgets: {file: budgets.yml}
"""


BUDGETS_FILE: Final = """\
# Budgets: what may be spent, by model, route, user and conversation. Read again when it changes.
models:
  gpt-4o: {daily_usd: 75}
routes:
  support_bot: {per_user_daily_usd: 0.30, per_conv_cap_usd: 0.06}
alerts:
  notify_over: "80%"
"""
"""Budgets to begin with."""


def render(
    backend: str, processors: Sequence[str], *, traces_url_path: str | None = None, budgets: bool = False
) -> str:
    """Return a config that sends to *backend*.

    Args:
        backend: A key of `BACKENDS`.
        processors: The processors that are installed; those that are known here go into the chain.
        traces_url_path: Where apps send over HTTP, if not to the standard path.
        budgets: Whether calls are charged to budgets.
    """
    chosen = BACKENDS[backend]
    chain = [name for name in _ORDER if name in processors and (budgets or name != "budget")]
    return _TEXT.substitute(
        title=chosen.title,
        path=f", traces_url_path: {traces_url_path}" if traces_url_path else "",
        environment="".join(f"# {name} in the environment: {what}.\n" for name, what in chosen.environment.items()),
        processors="".join(f"  # {_ORDER[name]}\n  {name}: {{}}\n" for name in chain),
        exporter=chosen.exporter,
        settings=chosen.settings,
        store="  store: {} # calls and charges, for `otel-llm spend`\n" if budgets else "",
        budgets=_BUDGETS if budgets else "",
        extensions="health, storage" + (", store, budgets" if budgets else ""),
        chain=", ".join(chain),
        exporters=chosen.exporter + (", store" if budgets else ""),
    ).replace(": \n    ", ":\n    ")
