"""Numbers that states give to people, each with its own check, and dates of birth."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_llm.detection.validators.checksums import luhn_digits, weighted

if TYPE_CHECKING:
    from otel_llm.detection.validators.candidate import Candidate

__all__ = [
    "aadhaar",
    "bsn",
    "codice_fiscale",
    "cpf",
    "date",
    "dni",
    "hetu",
    "itin",
    "nino",
    "nir",
    "nric",
    "pesel",
    "resident_cn",
    "rrn",
    "sin",
    "ssn",
    "steuer_id",
    "swiss_ahv",
    "tfn",
]

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_SIGNS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_FISCALE_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
_NINO_NOT: Final = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_VERHOEFF: Final = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
        "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
    )
)  # fmt: skip
_VERHOEFF_TURN: Final = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
    )
)  # fmt: skip
_DATES: Final = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %B %Y", "%B %d %Y",
    "%d %b %Y", "%b %d %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y%m%d",
)  # fmt: skip


def ssn(candidate: Candidate) -> bool:
    """United States: no area 000, 666 or 900 and up, no group 00, no serial 0000."""
    digits = candidate.digits
    return (
        digits[:3] not in {"000", "666"}
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and len(set(digits)) > 1
    )


def itin(candidate: Candidate) -> bool:
    """United States, taxpayers: 9xx with a group of 50 to 65, 70 to 88, 90 to 92 or 94 to 99."""
    group = int(candidate.digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99  # noqa: PLR2004 - IRS


def nino(candidate: Candidate) -> bool:
    """United Kingdom: prefixes that are given out."""
    return candidate.value[:2].upper() not in _NINO_NOT


def dni(candidate: Candidate) -> bool:
    """Spain, DNI and NIE: the letter is the remainder of the number by 23."""
    number = "".join(filter(str.isalnum, candidate.value)).upper()
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return digits.isdigit() and number[-1] == _DNI_LETTERS[int(digits) % 23]


def nir(candidate: Candidate) -> bool:
    """France: 97 less the remainder of the first 13 by 97."""
    number = "".join(filter(str.isalnum, candidate.value)).upper().replace("2A", "19").replace("2B", "18")
    return number.isdigit() and len(number) == 15 and int(number[13:]) == 97 - int(number[:13]) % 97  # noqa: PLR2004


def codice_fiscale(candidate: Candidate) -> bool:
    """Italy: the last letter is a sum over the others."""
    code = candidate.value.upper()
    even = sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in code[1:15:2])
    return chr(65 + (sum(_FISCALE_ODD[sign] for sign in code[0:15:2]) + even) % 26) == code[15]


def steuer_id(candidate: Candidate) -> bool:
    """Germany, tax identification number: ISO 7064, MOD 11, 10; one digit stands two or three times."""
    digits = candidate.digits
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return len(set(digits[:10])) in {8, 9} and (11 - product) % 10 == int(digits[10])


def bsn(candidate: Candidate) -> bool:
    """Netherlands: the sum of weights 9 to 2 and -1 is divisible by 11."""
    digits = candidate.digits.zfill(9)
    return len(set(digits)) > 1 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pesel(candidate: Candidate) -> bool:
    """Poland: weights 1, 3, 7, 9, and a month that there is."""
    digits = candidate.digits
    return (
        1 <= int(digits[2:4]) % 20 <= 12  # noqa: PLR2004 - the century is added to the month
        and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def cpf(candidate: Candidate) -> bool:
    """Brazil: two digits that are each a sum over those before."""
    digits = candidate.digits
    checks = (weighted(digits[:n], range(n + 1, 1, -1)) * 10 % 11 % 10 for n in (9, 10))
    return len(set(digits)) > 1 and [int(digit) for digit in digits[9:]] == list(checks)


def sin(candidate: Candidate) -> bool:
    """Canada: Luhn; no number begins with 0 or 8."""
    return candidate.digits[0] not in "08" and luhn_digits(candidate.digits)


def tfn(candidate: Candidate) -> bool:
    """Australia, tax file number: weights, divisible by 11."""
    return weighted(candidate.digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def aadhaar(candidate: Candidate) -> bool:
    """India: Verhoeff's check."""
    check = 0
    for place, digit in enumerate(reversed(candidate.digits)):
        check = _VERHOEFF[check][_VERHOEFF_TURN[place % 8][int(digit)]]
    return check == 0


def hetu(candidate: Candidate) -> bool:
    """Finland: the last sign is the remainder of the digits by 31."""
    value = candidate.value
    return _HETU_SIGNS[int(value[:6] + value[7:10]) % 31] == value[10]


def nric(candidate: Candidate) -> bool:
    """Singapore: weights 2, 7, 6, 5, 4, 3, 2, and a letter."""
    value = candidate.value.upper()
    total = weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
    place = 10 - total % 11 if value[0] == "M" else total % 11
    return letters[value[0]][place] == value[8]


def resident_cn(candidate: Candidate) -> bool:
    """China: ISO 7064, MOD 11-2."""
    value = candidate.value.upper()
    return "10X98765432"[weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11] == value[17]


def rrn(candidate: Candidate) -> bool:
    """South Korea: a date, and weights."""
    digits = candidate.digits
    if not (1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31):  # noqa: PLR2004 - a month and a day
        return False
    return (11 - weighted(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(digits[12])


def swiss_ahv(candidate: Candidate) -> bool:
    """Switzerland: the check digit of EAN-13."""
    return weighted(candidate.digits, (1, 3) * 6 + (1,)) % 10 == 0


def date(candidate: Candidate) -> bool:
    """Tell whether it is a date on which somebody who lives may have been born."""
    text = candidate.value.replace(",", " ").replace(".", " ") if any(map(str.isalpha, candidate.value)) else (
        candidate.value
    )  # fmt: skip
    text = " ".join(text.split())
    today = datetime.now(UTC)
    for form in _DATES:
        try:
            born = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if today.year - 125 <= born.year and born <= today:
            return True
    return False
