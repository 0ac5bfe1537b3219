"""Numbers that stand for a person: ID card, insurance, passport, medical record; each belongs to one patient only."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from care.patients import PatientId


class IdentifierKind(StrEnum):
    """Who gave the number."""

    ID_CARD = "id_card"  # 居民身份证, GB 11643
    INSURANCE = "insurance"
    PASSPORT = "passport"
    MEDICAL_RECORD = "medical_record"  # a record number besides the patient's own: another campus, another system


@dataclass(kw_only=True, eq=False)
class PersonIdentifier:
    """One such number of a patient (FHIR Patient.identifier)."""

    id: str
    patient_id: PatientId
    kind: IdentifierKind
    value: str


class IdNumberRefusedError(ValueError):
    """A text that is no ID card number; `code` says why: lost_digits, form, birth or checksum."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class IdCard:
    """An ID card number of 18 places, and what it tells of its holder."""

    number: str
    born: date
    sex: str


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_ROUNDED = re.compile(r"[+-]?\d(\.\d+)?E\+?\d+|\d{16,18}\.0*", re.IGNORECASE)


def check_place(first_seventeen: str) -> str:
    """The eighteenth place of an ID card number (GB 11643, ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_seventeen, strict=True)) % 11]


def id_card(text: str) -> IdCard:
    """The ID card of what somebody wrote; one of fifteen digits gets its century and check place."""
    written = re.sub(r"[\s-]", "", text).upper()
    if _ROUNDED.fullmatch(written):
        raise IdNumberRefusedError("lost_digits")
    if re.fullmatch(r"\d{15}", written):
        written = f"{written[:6]}19{written[6:]}"
        written += check_place(written)
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", written):
        raise IdNumberRefusedError("form")
    try:
        born = date(int(written[6:10]), int(written[10:12]), int(written[12:14]))
    except ValueError:
        raise IdNumberRefusedError("birth") from None
    if check_place(written[:17]) != written[17]:
        raise IdNumberRefusedError("checksum")
    return IdCard(number=written, born=born, sex="male" if int(written[16]) % 2 else "female")


def masked_identifier(value: str) -> str:
    """The last four places, if that leaves most of it hidden."""
    shown = 4 if len(value) > 8 else 1
    return "*" * (len(value) - shown) + value[-shown:]
