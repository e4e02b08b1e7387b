"""Numbers that carry a check of themselves: cards, accounts, addresses of crypto-currencies."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.detection.validators.candidate import Candidate

__all__ = ["ISSUERS", "base58check", "bech32", "card", "iban", "luhn", "luhn_digits", "weighted"]

_DOUBLED: Final = str.maketrans("0123456789", "0246813579")

ISSUERS: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard's second range
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("3095", "3095", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("6011", "6011", (16, 19)),  # Discover
    ("622126", "622925", (16, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("50", "50", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6763", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("6062", "6062", (16,)),  # Hipercard
    ("60", "60", (16,)),  # RuPay
    ("81", "82", (16,)),
    ("9792", "9792", (16,)),  # Troy
)
"""First and last prefix of a range, and the lengths of its numbers (ISO/IEC 7812, as the schemes publish them)."""
_ISSUERS_OF: Final = {
    digit: [each for each in ISSUERS if each[0][0] <= digit <= each[1][0]] for digit in map(str, range(10))
}
"""By the first digit."""
_COMMON: Final = frozenset((15, 16))
_CARD_WORD: Final = re.compile(
    r"(?i)card|credit|debit|visa|master|maestro|amex|express|diners|discover|jcb|payment|\bcc\b|\bccn|\bpan\b|\batm\b"
)
_NUMBERS: Final = re.compile(r"\d+|[1-9]\d{3}(?: [1-9]\d{3})*")
"""One number, or several: none of them begins with a zero."""
_ID_BEFORE: Final = re.compile(r"[A-Za-z0-9][-/#=:]$")
_CONTENT_WORD: Final = re.compile(
    r"(?i)prompt|input|output|content|message|completion|question|answer|query|body|comment|note"
)
_RANDOM_DIGITS: Final = 6
"""So many different digits and more are in hardly any number that a scheme publishes for tests, and in most others."""

_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Characters of an IBAN by country (SWIFT IBAN registry)."""

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_RESIDUES: Final = (1, 0x2BC830A3)
"""Of bech32 and bech32m (BIP 173, BIP 350)."""


def luhn_digits(digits: str) -> bool:
    """Tell whether digits pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def luhn(candidate: Candidate) -> bool:
    """Tell whether the digits pass the Luhn check, and are not one digit repeated."""
    return len(set(candidate.digits)) > 1 and luhn_digits(candidate.digits)


def card(candidate: Candidate) -> bool:
    """Tell whether it is the number of a payment card: issuer, length, Luhn, and what stands around it.

    Of random identifiers of 16 digits one in thirty passes the first three, as do lists of four numbers. What may be
    either, and is all that a text says, is a card where its key says so, or that it is what somebody wrote; so is one
    that schemes publish for tests. One that goes on behind another text's dash or slash is part of an identifier.
    Lengths other than 15 and 16 are rare as cards: written without groups, they need a word before them that says what
    they are.
    """
    digits = candidate.digits
    if len(set(digits)) == 1 or not luhn_digits(digits):
        return False
    grouped = len(digits) != len(candidate.value)
    if _CARD_WORD.search(candidate.before):
        return grouped or _has_issuer(digits)
    if not _has_issuer(digits) or (candidate.after[:1] in {"-", "_"} and candidate.after[1:2].isalnum()):
        return False
    if candidate.is_whole and _NUMBERS.fullmatch(candidate.value):
        told = _CONTENT_WORD.search(candidate.before) is not None or len(set(digits)) < _RANDOM_DIGITS
        return told and (grouped or len(digits) in _COMMON)
    return grouped or (len(digits) in _COMMON and not _ID_BEFORE.search(candidate.before))


def _has_issuer(digits: str) -> bool:
    issuers = _ISSUERS_OF.get(digits[:1], ())
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in issuers)


def iban(candidate: Candidate) -> bool:
    """Tell whether it is an IBAN: country, length, remainder 1 of 97 (ISO 13616)."""
    number = "".join(filter(str.isalnum, candidate.value)).upper()
    if _IBAN_LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def base58check(candidate: Candidate) -> bool:
    """Tell whether the last four bytes are the checksum of the others (Bitcoin's Base58Check)."""
    number = 0
    for sign in candidate.value:
        place = _BASE58.find(sign)
        if place < 0:
            return False
        number = number * 58 + place
    try:
        data = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def bech32(candidate: Candidate) -> bool:
    """Tell whether the checksum is right (BIP 173)."""
    text = candidate.value.lower()
    prefix, _, data = text.rpartition("1")
    values = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    values += [_BECH32.find(sign) for sign in data]
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum in _BECH32_RESIDUES


def weighted(digits: str, weights: Iterable[int]) -> int:
    """Return the sum of digits times weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
