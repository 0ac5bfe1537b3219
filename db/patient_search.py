"""Finding patients by what somebody types: name as written, read or in initials, number or its tail, department."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, cast, exists, func, or_, select, union
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from care.patients import Patient
from db.cards import cards
from db.merges import holds, patient_merges
from db.patients import contact_points, encounters, patients, person_identifiers
from runtime.name_keys import name_query
from runtime.phone_numbers import NumberRefusedError, to_e164

SHORTEST_TAIL = 4
"""Digits of a number's end that find somebody; fewer fit too many."""

_NUMBER = re.compile(r"[+\d][\d\s()-]*[\dXx]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed, and in which department somebody must have been."""

    text: str = ""
    department: str | None = None


class NothingToSearchError(ValueError):
    """What was typed holds nothing to search by."""


class PatientSearch:
    """Looks up every way at once, each by its index; records that went into others are found as those."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, typed: Typed, *, after: str | None = None, limit: int) -> Sequence[Patient]:
        """Patients in order of record number, from behind `after`."""
        person, visit = patients.c, encounters.c
        query = select(Patient).order_by(person.record_number).limit(limit)
        if typed.text:
            # Fenced off, so that it is read from its indexes and not by walking the record numbers.
            found = union(*_ways(typed.text)).cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
            led = select(found.c.id).cte("led", recursive=True)
            led = led.union(
                select(patient_merges.c.into_patient).where(patient_merges.c.from_patient == led.c.id, holds())
            )
            query = query.where(person.id.in_(select(led.c.id)))
        elif typed.department is None:
            raise NothingToSearchError("is empty: give part of a name, a number or its end, or a department")
        if typed.department is not None:
            query = query.where(exists().where(visit.patient_id == person.id, visit.department == typed.department))
        query = query.where(~exists().where(patient_merges.c.from_patient == person.id, holds()))
        if after is not None:
            query = query.where(person.record_number > after)
        return self._session.scalars(query).all()


def _ways(text: str) -> list[Select[Any]]:
    person, point, number, card = patients.c, contact_points.c, person_identifiers.c, cards.c
    written = re.sub(r"[\s-]", "", text)
    ways: list[Select[Any]] = []
    if alternatives := name_query(text):
        words = " | ".join(" & ".join(f"'{key}':*" for key in keys) for keys in alternatives)
        ways.append(select(person.id).where(person.search_keys.bool_op("@@")(cast(words, TSQUERY))))
    if re.search(r"[^\W_]", text):
        begins = {text, text.upper()}
        ways.append(
            select(person.id).where(or_(*(person.record_number.startswith(each, autoescape=True) for each in begins)))
        )
        ways.append(
            select(card.patient_id).where(or_(*(card.number.startswith(each, autoescape=True) for each in begins)))
        )
    if re.fullmatch(r"[A-Za-z0-9]+", written) and len(written) >= SHORTEST_TAIL:
        backwards = written.upper()[::-1]
        ways.append(select(number.patient_id).where(func.reverse(number.value).startswith(backwards, autoescape=True)))
        ways.append(select(card.patient_id).where(func.reverse(card.number).startswith(backwards, autoescape=True)))
    if _NUMBER.fullmatch(text):
        digits = re.sub(r"\D", "", text)
        if len(digits) >= SHORTEST_TAIL:
            ways.append(select(point.patient_id).where(func.reverse(point.number).startswith(digits[::-1])))
        if (whole := _whole_number(text)) is not None:
            ways.append(select(point.patient_id).where(and_(point.number == whole)))
    if not ways:
        raise NothingToSearchError("holds no letter, digit or character: give part of a name, or a number or its end")
    return ways


def _whole_number(text: str) -> str | None:
    try:
        return to_e164(text)
    except NumberRefusedError:
        return None
