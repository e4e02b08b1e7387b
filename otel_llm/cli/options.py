"""Options that several commands have."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from otel_llm.config import HostConfig

__all__ = ["ConfigOption", "OptionalConfigOption", "StrictOption", "read_config"]

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The YAML file.", show_default=False)]
OptionalConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The YAML file. Without it: the embedded default.", show_default=False),
]

StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse a config that works but is not safe.")]


def read_config(path: Path | None) -> HostConfig:
    """Return the config in *path*, or the embedded default.

    Raises:
        ConfigError: with everything that is wrong.
    """
    from otel_llm.config import load_config  # pydantic and the registry: not for commands that read no config

    if path is None:
        text, source = files("otel_llm").joinpath("default.yaml").read_text("utf-8"), "default.yaml"
    else:
        source = str(path)
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"{source}: cannot be read: {os.strerror(error.errno or 0)}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{source}: is not UTF-8") from None
    return load_config(text, source=source)
