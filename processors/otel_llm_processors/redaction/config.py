"""Settings of the redaction processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from otel_llm.component import Config, Count
from otel_llm.detection.engines import installed
from otel_llm.detection.rule import Category, Id, Rule
from otel_llm_processors.redaction.collector_config import CollectorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INSTALL", "ContentConfig", "KeyConfig", "Mode", "RedactionConfig", "RulesConfig"]

Mode = Literal["mask", "pseudonym", "partial", "drop", "encrypt"]
INSTALL: Final = "pip install 'otel-llm[redaction]'"
ContentMode = Literal["keep", "redact", "drop", "hash"]


class RulesConfig(Config):
    """Which rules are used."""

    categories: tuple[Category, ...] = ("secret", "pii")
    """Of the bundled rules, those of these kinds."""
    add: tuple[Rule, ...] = ()
    """Rules of your own. Needs an engine that promises linear time: `hyperscan` or `google-re2`."""
    files: tuple[Path, ...] = ()
    """Files of rules of your own, in the form of the bundled ones."""
    enable: tuple[Id, ...] = ()
    """Bundled rules to use that are off by default."""
    remove: tuple[Id, ...] = ()
    """Bundled rules not to use, by id or type."""


class KeyConfig(Config):
    """A key, and the name under which it stands in markers."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{1,8}$")] = "k1"
    """What markers call it, so that values made with an older key can be told apart."""
    environment: str = ""
    """The environment variable that holds it: at least 32 characters."""
    file: Path | None = None
    """The file that holds it, instead."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.environment) == bool(self.file):
            raise ValueError("give either `environment` or `file`: a key never stands in a configuration")
        return self


class ContentConfig(Config):
    """What becomes of the content of model calls: messages, instructions, tool arguments and results."""

    mode: ContentMode = "redact"
    """`redact`: what rules find is replaced. `drop`: the content goes, the rest stays. `hash`: a keyed digest takes its
    place. `keep`: nothing in it is replaced."""
    routes: dict[str, ContentMode] = Field(default_factory=dict)
    """Another mode by the span's route."""
    environments: dict[str, ContentMode] = Field(default_factory=dict)
    """Another mode by the span's environment; a route's comes first."""
    retention: dict[ContentMode, Literal["metrics", "short", "long"]] = Field(default_factory=dict)
    """What to write to `otel_llm.retention` for spans of each mode, for routers and backends."""


class RedactionConfig(CollectorConfig):
    """Settings of `processors.redaction`."""

    rules: RulesConfig = RulesConfig()
    """Which rules are used: by default all that are bundled, but for a few that find identifiers too."""
    replace: Mode = "mask"
    """What takes the place of what was found. `mask`: `[REDACTED:email]`. `pseudonym`: the same with a keyed digest,
    so that one value can be followed without being known. `partial`: a card keeps its last four digits, all else is
    masked. `drop`: nothing. `encrypt`: AES-SIV, for who holds the key to read again."""
    replace_by_type: dict[Id, Mode] = Field(default_factory=dict)
    """Another replacement for what a marker calls by this type, such as `card: partial`."""
    pseudonym_key: KeyConfig | None = None
    """The key of `pseudonym` and of `hash`."""
    encryption_key: KeyConfig | None = None
    """The key of `encrypt`: 32, 48 or 64 bytes in hexadecimal."""
    content: ContentConfig = ContentConfig()
    """What becomes of the content of model calls."""
    max_value_bytes: Count = 4 << 20
    """A longer text is not scanned but replaced by `[UNSCANNED:oversize]`."""

    def weaknesses(self) -> Iterator[str]:
        """Yield what does not protect as it seems to, and where a text can be made that takes long to scan."""
        yield from super().weaknesses()
        if installed() == "re":
            yield f"scans with Python's own `re`, which some texts keep busy for long: {INSTALL}"

    content_cache: Count = 0
    """Of how many texts of 256 bytes and more the findings are remembered, by keyed digests, for conversations that are
    sent again with every turn; about 200 bytes each and thread."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        modes = {self.replace, *self.replace_by_type.values()}
        contents = {self.content.mode, *self.content.routes.values(), *self.content.environments.values()}
        if ("pseudonym" in modes or "hash" in contents) and self.pseudonym_key is None:
            raise ValueError("needs `pseudonym_key`")
        if "encrypt" in modes and self.encryption_key is None:
            raise ValueError("needs `encryption_key`")
        return self
