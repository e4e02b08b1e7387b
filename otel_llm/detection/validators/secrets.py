"""What looks random, and what only stands where a secret would."""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_llm.detection.validators.candidate import Candidate

__all__ = ["bits", "credential", "entropy", "ethereum", "high_entropy", "jwt", "mixed", "not_sample", "password"]

_SAMPLE: Final = re.compile(
    r"(?i)^(?:x{3,}|\*{2,}|\.{2,}|-+|_+|\?+|<.*>|\{\{?.*\}?\}|\$\{?.*|%.*%?|\[[A-Z_ ]+\]|null|none|nil|undefined|"
    r"true|false|yes|no|on|off|string|text|required|optional|password|passwd|secret|token|example|sample|dummy|redacted|"
    r"masked|hidden|unknown|empty|default|value|n/a|tbd|todo)$"
)
_SAMPLE_PART: Final = re.compile(
    r"(?i)(?<![a-z])example|example(?![a-z])|sample|dummy|placeholder|changeme|change[_-]me|your[_-]|_here\b|-here\b"
    r"|insert|xxxx|\*\*\*|redacted|fake|<[a-z_ -]+>|\.\.\.|test[_-]?(?:key|token|secret|password)"
)
"""Not `abcdef` or `1234`: what somebody made up to try it out is not told from what somebody made up to use it."""
_CODE: Final = re.compile(
    r"(?:os\.|process\.|env\[|getenv|self\.|this\.|config[.\[]|settings\.|request\.|args\.|ctx\.|params\.|event\.|"
    r"[\w.]+\(|[A-Za-z_]\w*\.[a-z_]\w*$|[A-Za-z_]+(?:\.[A-Za-z_]+)+[,;]?$|(?:[a-z_][a-z0-9_]*\.)+[A-Za-z_]\w*[,;]?$|"
    r"[A-Za-z_]\w*\[|@\w+$|\w+::|&\w|func|lambda|async|await|return|import|None\b|new )"
)
_WORD: Final = re.compile(r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,})+(?:[_-](?:[A-Z]?[a-z]+\d{0,2}|[A-Z]+\d{0,2})+)*")
_NAME: Final = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
"""What stands where the value of a variable of that name would."""
_SIGNS: Final = re.compile(r"[^A-Za-z0-9\s_./:,\-]")
_MANY_SIGNS: Final = 4
"""So many different signs are in no name, call or path."""
_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LONG_HEX: Final = re.compile(r"(?i)[0-9a-f]{16,}")
_SECRET_BITS: Final = 3.0
_RANDOM_BITS: Final = 4.3
_HEX_BITS: Final = 3.0
_OF_POSSIBLE: Final = 0.75
_MIN_LENGTH: Final = 8


def bits(text: str) -> float:
    """Return the Shannon entropy of *text*, in bits per character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values()) if size else 0.0


def _is_random(value: str, enough: float = _SECRET_BITS) -> bool:
    """Tell whether a text has so many bits per character, or as many as one of its length easily has."""
    return bits(value) >= min(enough, _OF_POSSIBLE * math.log2(len(value) or 1))


def not_sample(candidate: Candidate) -> bool:
    """Tell whether it is more than one sign repeated, or the name of what should stand there."""
    value = candidate.value
    return len(set(value)) > 4 and not _SAMPLE.match(value)  # noqa: PLR2004 - XXXXyyyy


def entropy(candidate: Candidate) -> bool:
    """Tell whether it looks made by a machine, not written by a person."""
    return _is_random(candidate.value) and not _SAMPLE_PART.search(candidate.value)


def mixed(candidate: Candidate) -> bool:
    """Tell whether it has letters and digits and looks random."""
    value = candidate.value
    return (
        any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and _is_random(value) and
        not _SAMPLE_PART.search(value)
    )  # fmt: skip


def high_entropy(candidate: Candidate) -> bool:
    """Tell whether a long run of characters is as random as a key, and no identifier of a common form."""
    value = candidate.value
    if _UUID.search(value) or _SAMPLE_PART.search(value) or _CODE.match(value):
        return False
    if _LONG_HEX.fullmatch(value):
        return bits(value.lower()) >= _HEX_BITS
    kinds = sum(any(map(test, value)) for test in (str.isdigit, str.isupper, str.islower))
    return kinds == 3 and bits(value) >= _RANDOM_BITS  # noqa: PLR2004 - digits, upper and lower case


def password(candidate: Candidate) -> bool:
    """Tell whether what stands after `password =` is one, not a reference, a type or a sample."""
    value = candidate.value.strip()
    if len(value) < 4 or _SAMPLE.match(value) or _CODE.match(value) or _NAME.fullmatch(value):  # noqa: PLR2004 - nobody's password is `x`
        return False
    return len(set(value)) > 2 and not value.startswith(("/", "./", "${", "{{", "<"))  # noqa: PLR2004 - xx, 1212


def credential(candidate: Candidate) -> bool:
    """Tell whether what stands after `token =` is one: made by a machine, not a name, a call or a path."""
    value = candidate.value
    if len(value) < _MIN_LENGTH or not password(candidate) or _WORD.fullmatch(value):
        return False
    if len({*_SIGNS.findall(value)}) >= _MANY_SIGNS:
        return True
    if not any(map(str.isdigit, value)) and not any(map(str.isupper, value)):
        return False
    return _is_random(value) and not _SAMPLE_PART.search(value)


def jwt(candidate: Candidate) -> bool:
    """Tell whether the first part is a JSON object with `alg` or `typ` (RFC 7515, section 4.1)."""
    head = candidate.value.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and not header.keys().isdisjoint({"alg", "typ", "enc"})


def ethereum(candidate: Candidate) -> bool:
    """Tell whether 40 hexadecimal digits after 0x are not zeros or another constant."""
    return len(set(candidate.value[2:].lower())) > 6  # noqa: PLR2004 - 0xdeadbeef...
