"""Telephone numbers, verified with the numbering plans of `phonenumbers` (Google's libphonenumber)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_llm.detection.validators.candidate import Candidate

__all__ = ["REGIONS", "phone", "phone_beside_word", "phone_national"]

REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "SE", "AU", "BR", "IN", "JP")
"""Whose national forms are recognised: countries with many speakers of their own way to write a number."""
_MIN_DIGITS: Final = 7
_MAX_DIGITS: Final = 15
"""E.164, section 6."""
_DATE: Final = re.compile(r"(?:19|20)\d\d[-./ ]?[01]\d[-./ ]?[0-3]\d|[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d")
_GROUPED: Final = re.compile(
    r"\d(?:[ \-/()]{0,4}\d){5}|\d\d\.\d\d|\d(?:[ \-/()]{0,4}\d){3}\.|\.\d(?:[ \-/()]{0,4}\d){3}"
)
"""Dots part groups of digits: with single ones beside them, as in 10.0.0.255, it is an address. The rule's trigger."""
_ZIP: Final = re.compile(r"\d{5}-\d{4}")
_STATE: Final = re.compile(r"\b[A-Z]{2}[\s#*]{1,8}$")
"""Before a ZIP code of the United States, which is written as telephone numbers are."""
_EXTENSION: Final = re.compile(r"\s*(?:x|ext\.?|#)\s*\d+$")


def phone(candidate: Candidate) -> bool:
    """Tell whether a number with its country's code can be dialled."""
    return len(candidate.digits) > _MIN_DIGITS and _is_possible(_EXTENSION.sub("", candidate.value))


def phone_beside_word(candidate: Candidate) -> bool:
    """Tell whether what stands after a word such as `phone` has a number's length."""
    digits = _EXTENSION.sub("", candidate.value)
    count = sum(map(str.isdigit, digits))
    has_length = _MIN_DIGITS <= count <= _MAX_DIGITS and _GROUPED.search(digits) is not None
    return has_length and not _DATE.fullmatch(digits.strip())


def phone_national(candidate: Candidate) -> bool:
    """Tell whether a number in groups is valid in one of the regions."""
    digits = _EXTENSION.sub("", candidate.value)
    if _ZIP.fullmatch(digits) and _STATE.search(candidate.before):
        return False
    count = sum(map(str.isdigit, digits))
    return (
        _MIN_DIGITS < count <= _MAX_DIGITS and not _DATE.search(digits) and any(_is_valid(digits, r) for r in REGIONS)
    )


@lru_cache(4096)
def _is_possible(number: str) -> bool:
    import phonenumbers  # its tables are large: not for who only reads a config

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(4096)
def _is_valid(number: str, region: str) -> bool:
    import phonenumbers  # as above

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
