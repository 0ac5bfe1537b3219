"""Who the people on a list are: known by a number that stands for them, new, or for a human to decide; never merged."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from care.identifiers import IdentifierKind
from db.listed_people import RECORD_NUMBER, Key, KnownPerson, KnownVisit, ListedPeople
from followup.imports import ListKind
from interop.lists.columns import ListField
from interop.lists.faults import Code, Fault, fault
from interop.lists.listed import ListedPerson

NEW = "new"
LINE = "line:"

_MANY = frozenset({RECORD_NUMBER, IdentifierKind.MEDICAL_RECORD.value, IdentifierKind.INSURANCE.value})
"""Kinds of which one person may have several: two values are no contradiction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a row comes to: a known patient, a new one, an earlier row's, faults, or candidates."""

    row: ListedPerson
    patient: KnownPerson | None = None
    same_as_line: int | None = None  # a new person whom an earlier row of this list brings
    visit: KnownVisit | None = None
    faults: tuple[Fault, ...] = ()
    candidates: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        """True if the row brings a person nobody knew."""
        return self.patient is None and self.same_as_line is None


@dataclass(slots=True)
class Newcomers:
    """People whom earlier rows of the same list bring, as far as later rows may mean them."""

    by_key: dict[Key, ListedPerson] = field(default_factory=dict)
    by_name_and_number: dict[tuple[str, str], ListedPerson] = field(default_factory=dict)

    def remember(self, row: ListedPerson) -> None:
        """A row that brings somebody new."""
        for key in row.keys:
            self.by_key.setdefault(key, row)
        for number in row.numbers:
            self.by_name_and_number.setdefault((plain_name(row.name), number.number), row)

    def remember_more(self, row: ListedPerson, line: int) -> None:
        """A row that tells more of the newcomer of an earlier line."""
        earlier = next((known for key in row.keys if (known := self.by_key.get(key)) and known.line == line), None)
        if earlier is not None:
            for key in row.keys:
                self.by_key.setdefault(key, earlier)


def match(
    people: ListedPeople,
    rows: Sequence[ListedPerson],
    decisions: Mapping[int, str],
    newcomers: Newcomers,
    *,
    kind: ListKind,
    zone: ZoneInfo,
) -> list[Match]:
    """Match rows against everybody known, and against newcomers of earlier rows; `decisions` are humans' by line."""
    by_key = people.by_keys({key for row in rows for key in row.keys})
    # Every row is looked up by its numbers: whether it has a candidate is known only when its keys are.
    by_number = people.by_numbers(
        {number.number for row in rows if not any(key in by_key for key in row.keys) for number in row.numbers}
    )
    decided = {choice for choice in decisions.values() if choice != NEW and not choice.startswith(LINE)}
    known = people.persons({*by_key.values(), *(one for ids in by_number.values() for one in ids), *decided})
    visits = people.visits_of(set(known), kind.value) if kind.tells_of_a_visit else {}
    matches = []
    for row in rows:
        matched = _match(row, decisions.get(row.line), by_key, by_number, known, visits, newcomers, zone, kind)
        if matched.is_new and not matched.faults and not matched.candidates:
            newcomers.remember(row)
        elif matched.same_as_line is not None and not matched.faults:
            newcomers.remember_more(row, matched.same_as_line)
        matches.append(matched)
    return matches


def plain_name(name: str) -> str:
    """A name without width, case, blanks and dots, for comparison."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _match(
    row: ListedPerson,
    decision: str | None,
    by_key: Mapping[Key, str],
    by_number: Mapping[str, list[str]],
    known: Mapping[str, KnownPerson],
    visits: Mapping[str, list[KnownVisit]],
    newcomers: Newcomers,
    zone: ZoneInfo,
    kind: ListKind,
) -> Match:
    found = {by_key[key] for key in row.keys if key in by_key}
    if len(found) > 1:
        return Match(row=row, faults=(fault("", Code.TWO_PERSONS),))
    if found:
        return _of_known(row, known[found.pop()], visits, zone, kind)
    if decision is not None and decision in known:
        return _of_known(row, known[decision], visits, zone, kind, decided=True)
    if decision is not None and decision.startswith(LINE):
        return Match(row=row, same_as_line=int(decision.removeprefix(LINE)))
    earlier = next((newcomers.by_key[key] for key in row.keys if key in newcomers.by_key), None)
    if earlier is not None:
        faults = _contradictions(row, earlier.name, earlier, frozenset(earlier.keys))
        return Match(row=row, same_as_line=earlier.line, faults=faults)
    candidates = () if decision == NEW else _candidates(row, by_number, known, newcomers)
    faults = ()
    if not candidates and not row.numbers and not kind.brings_findings:
        faults = (fault(ListField.PHONE.value, Code.NO_NUMBER),)
    return Match(row=row, candidates=candidates, faults=faults)


def _of_known(
    row: ListedPerson,
    person: KnownPerson,
    visits: Mapping[str, list[KnownVisit]],
    zone: ZoneInfo,
    kind: ListKind,
    *,
    decided: bool = False,
) -> Match:
    faults = () if decided else _contradictions(row, person.name, person, person.keys)
    if kind.brings_findings:
        return Match(row=row, patient=person, faults=faults)
    if person.deceased:
        faults = (*faults, fault("", Code.DECEASED))
    if not row.numbers and not person.numbers:
        faults = (*faults, fault(ListField.PHONE.value, Code.NO_NUMBER))
    visit = _known_visit(row, visits.get(person.id, ()), zone)
    if visit is not None and row.visit and row.visit.number and visit.visit_number == row.visit.number:
        apart = abs(visit.occurred_at - row.visit.occurred_at)
        if apart >= timedelta(days=1) or (visit.kind == ListKind.APPOINTMENT.value and apart):
            faults = (*faults, fault(ListField.DATE.value, Code.VISIT_DIFFERS))
    return Match(row=row, patient=person, visit=visit, faults=faults)


def _contradictions(
    row: ListedPerson, name: str, other: KnownPerson | ListedPerson, keys: frozenset[Key]
) -> tuple[Fault, ...]:
    faults = []
    if plain_name(row.name) != plain_name(name):
        faults.append(fault(ListField.NAME.value, Code.NAME_DIFFERS))
    if row.born and other.born and row.born != other.born:
        faults.append(fault(ListField.BORN.value, Code.KNOWN_BIRTH_DIFFERS))
    if not _identifiers_agree(row, keys):
        faults.append(fault(ListField.ID_CARD.value, Code.ID_DIFFERS))
    return tuple(faults)


def _identifiers_agree(row: ListedPerson, keys: frozenset[Key]) -> bool:
    single = {kind: value for kind, value in keys if kind not in _MANY}
    return all(single.get(kind, value) == value for kind, value in row.keys if kind not in _MANY)


def _candidates(
    row: ListedPerson, by_number: Mapping[str, list[str]], known: Mapping[str, KnownPerson], newcomers: Newcomers
) -> tuple[str, ...]:
    """People of the same name and number whose birth and identifiers do not speak against it."""
    name = plain_name(row.name)
    found: list[str] = []
    for number in row.numbers:
        for patient_id in by_number.get(number.number, ()):
            person = known[patient_id]
            if plain_name(person.name) == name and _may_be(row, person, person.keys):
                found.append(patient_id)
        earlier = newcomers.by_name_and_number.get((name, number.number))
        if earlier is not None and _may_be(row, earlier, frozenset(earlier.keys)):
            found.append(f"{LINE}{earlier.line}")
    return tuple(dict.fromkeys(found))


def _may_be(row: ListedPerson, other: KnownPerson | ListedPerson, keys: frozenset[Key]) -> bool:
    return (row.born is None or other.born is None or row.born == other.born) and _identifiers_agree(row, keys)


def _known_visit(row: ListedPerson, visits: Sequence[KnownVisit], zone: ZoneInfo) -> KnownVisit | None:
    told = row.visit
    if told is None:
        return None
    for visit in visits:
        if told.number and visit.visit_number:
            if visit.visit_number == told.number:
                return visit
            continue
        if visit.kind == ListKind.APPOINTMENT.value:
            same = visit.occurred_at == told.occurred_at and visit.department == told.department
        else:
            same = visit.occurred_at.astimezone(zone).date() == told.on_day
        if same:
            return visit
    return None
