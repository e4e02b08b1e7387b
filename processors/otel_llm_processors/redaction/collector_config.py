"""The settings that the Collector's `redaction` processor has, as contrib v0.158 names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, SecretStr, StringConstraints, model_validator

from otel_llm.component import Config
from otel_llm_processors.redaction.linear import compile_linear

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CollectorConfig", "DbSanitizerConfig", "DbSystemConfig", "HashFunction", "UrlSanitizerConfig"]

HashFunction = Literal["", "md5", "sha1", "sha3", "hmac-sha256", "hmac-sha512"]
_MIN_HMAC_KEY: Final = {"hmac-sha256": 32, "hmac-sha512": 64}


def _checked(pattern: str) -> str:
    compile_linear(pattern)
    return pattern


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=16384), AfterValidator(_checked)]
"""A regular expression as RE2 and Go read it: linear time, all Unicode."""


class UrlSanitizerConfig(Config):
    """Takes what varies out of URLs."""

    enabled: bool = False
    """Whether it does."""
    attributes: tuple[str, ...] = ()
    """In the values of these attributes."""
    sanitize_span_name: bool = True
    """In names of spans that clients and servers write, too."""


class DbSystemConfig(Config):
    """Takes literals out of what is sent to one kind of database."""

    enabled: bool = False
    """Whether it does."""
    attributes: tuple[str, ...] = ()
    """In the values of these attributes, on spans with the `db.system` of that kind."""


class DbSanitizerConfig(Config):
    """Takes literals out of what is sent to databases."""

    sanitize_span_name: bool = True
    """In names of spans with a `db.system`, too."""
    allow_fallback_without_system: bool = False
    """Where there is no `db.system`, do all that is enabled, one after the other."""
    sql: DbSystemConfig = DbSystemConfig()
    """Literals of SQL become `?`."""
    redis: DbSystemConfig = DbSystemConfig()
    """Arguments of Redis commands become `?`."""
    valkey: DbSystemConfig = DbSystemConfig()
    """Arguments of Valkey commands become `?`."""
    memcached: DbSystemConfig = DbSystemConfig()
    """Of Memcached commands the first line stays."""
    mongo: DbSystemConfig = DbSystemConfig()
    """Values in MongoDB's JSON become `?`."""
    opensearch: DbSystemConfig = DbSystemConfig()
    """Values in OpenSearch's JSON become `?`."""
    es: DbSystemConfig = DbSystemConfig()
    """Values in Elasticsearch's JSON become `?`."""


class CollectorConfig(Config):
    """What a config of the Collector's processor may say."""

    compat: Literal["", "otelcol"] = ""
    """`otelcol`: the settings of the Collector's processor mean what they mean there, and only they are applied unless
    `rules` says more."""
    allow_all_keys: bool | None = None
    """Whether attributes that are not in `allowed_keys` stay. Unless given: where `allowed_keys` is empty, and with
    `compat` no."""
    allowed_keys: tuple[str, ...] = ()
    """Attributes that stay; others are removed."""
    ignored_keys: tuple[str, ...] = ()
    """Attributes that are not looked at."""
    ignored_key_patterns: tuple[Pattern, ...] = ()
    """Attributes that are not looked at, by a regular expression."""
    blocked_key_patterns: tuple[Pattern, ...] = ()
    """Attributes whose values are masked whole."""
    blocked_values: tuple[Pattern, ...] = ()
    """What is masked in values."""
    allowed_values: tuple[Pattern, ...] = ()
    """What is not masked. With `compat`, a value in which one of these matches anywhere is left as it is."""
    redact_all_types: bool = False
    """Whether numbers, lists and maps are compared as text too, and masked as a whole."""
    hash_function: Annotated[HashFunction, BeforeValidator(lambda name: str(name).lower())] = ""
    """What masks: `****`, or the hexadecimal digest of what stood there."""
    hmac_key: SecretStr | None = None
    """The key of `hmac-sha256` (32 bytes and more) and `hmac-sha512` (64)."""
    summary: Literal["", "silent", "info", "debug"] = ""
    """`info`: write `redaction.masked.count` and others. `debug`: names of attributes too."""
    url_sanitizer: UrlSanitizerConfig = UrlSanitizerConfig()
    """What becomes of URLs."""
    db_sanitizer: DbSanitizerConfig = DbSanitizerConfig()
    """What becomes of queries."""

    @property
    def asks_collector(self) -> bool:
        """Whether any setting of the Collector's is given."""
        return not (self.model_fields_set & CollectorConfig.model_fields.keys()) <= {"summary"}

    def weaknesses(self) -> Iterator[str]:
        """Yield what does not protect as it seems to."""
        if self.hash_function in {"md5", "sha1", "sha3"}:
            yield f"hash_function {self.hash_function} has no key: short values can be found by trying them all"
        if self.asks_collector and self.allow_all_keys is None and not self.allowed_keys and not self.compat:
            yield "allow_all_keys is not given: attributes stay, where the Collector would remove them all"

    @model_validator(mode="after")
    def _has_hmac_key(self) -> Self:
        needed = _MIN_HMAC_KEY.get(self.hash_function, 0)
        if needed > len(self.hmac_key.get_secret_value().encode() if self.hmac_key else b""):
            raise ValueError(f"{self.hash_function} needs an `hmac_key` of at least {needed} bytes")
        return self
