"""Records that may be one person's: candidates by indexed columns, pairs to look at, and rulings that two are two."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, ColumnElement, String, Table, Uuid, and_, exists, insert, or_, select
from sqlalchemy.orm import Session

from care.duplicates import Particulars
from db.listed_people import KnownPerson, ListedPeople
from db.merges import holds, patient_merges
from db.metadata import id_column, instant, metadata, reference
from db.patients import contact_points, patients
from runtime.identifiers import new_id
from runtime.name_keys import name_sound, plain_name

rulings_two_persons = Table(
    "rulings_two_persons",
    metadata,
    id_column(),
    reference("one", "patients.id"),
    reference("other", "patients.id"),
    Column("reason", String(500), nullable=False),
    Column("ruled_by", Uuid(as_uuid=False), nullable=False),
    instant("ruled_at"),
    CheckConstraint("one <> other", name="of_two"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two records that were born on one day and are read alike."""

    one: str
    other: str


def particulars_of(person: KnownPerson) -> Particulars:
    """What of a known person can be compared."""
    return Particulars(
        name=plain_name(person.name),
        sound=name_sound(person.name),
        born=person.born,
        sex=person.sex,
        identifiers=person.keys,
        numbers=frozenset(each.number for each in person.numbers),
    )


class DuplicateRepository:
    """Who may be whom."""

    def __init__(self, session: Session, people: ListedPeople) -> None:
        self._session = session
        self._people = people

    def candidates(self, *, name: str, born: date | None, numbers: Collection[str], limit: int = 200) -> Sequence[str]:
        """Ids of records read alike and born on the day, or with one of the numbers; merged ones are left out."""
        person = patients.c
        sound = name_sound(name)
        found = set()
        if born is not None:
            query = select(person.id).where(person.born == born, person.name_sound == sound, _own())
            found |= set(self._session.scalars(query.limit(limit)))
        if numbers:
            query = (
                select(person.id)
                .join(contact_points, contact_points.c.patient_id == person.id)
                .where(contact_points.c.number.in_(numbers), person.name_sound == sound, _own())
            )
            found |= set(self._session.scalars(query.limit(limit)))
        return sorted(found)

    def known(self, ids: Collection[str]) -> dict[str, KnownPerson]:
        """These people, as far as they can be compared."""
        return self._people.persons(ids)

    def pairs(self, *, after: Pair | None, limit: int) -> Sequence[Pair]:
        """Pairs nobody has ruled on, in order of ids, from behind `after`."""
        one, other = patients.alias("one"), patients.alias("another")
        ruling = rulings_two_persons.c
        ruled = exists().where(
            or_(
                and_(ruling.one == one.c.id, ruling.other == other.c.id),
                and_(ruling.one == other.c.id, ruling.other == one.c.id),
            )
        )
        gone = [exists().where(patient_merges.c.from_patient == each.c.id, holds()) for each in (one, other)]
        query = (
            select(one.c.id, other.c.id)
            .join(
                other,
                and_(other.c.born == one.c.born, other.c.name_sound == one.c.name_sound, one.c.id < other.c.id),
            )
            .where(one.c.name_sound != "", ~ruled, *(~each for each in gone))
            .order_by(one.c.id, other.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(or_(one.c.id > after.one, and_(one.c.id == after.one, other.c.id > after.other)))
        return [Pair(one=row[0], other=row[1]) for row in self._session.execute(query)]

    def rule(self, pair: Pair, *, reason: str, by: str, at: datetime) -> None:
        """Two records are two persons'."""
        self._session.execute(
            insert(rulings_two_persons).values(
                id=new_id(), one=pair.one, other=pair.other, reason=reason, ruled_by=by, ruled_at=at
            )
        )

    def ruled_apart_from(self, patient_id: str) -> frozenset[str]:
        """Records of which somebody said that they are not this patient's."""
        ruling = rulings_two_persons.c
        rows = self._session.execute(
            select(ruling.one, ruling.other).where(or_(ruling.one == patient_id, ruling.other == patient_id))
        )
        return frozenset(each for row in rows for each in row if each != patient_id)


def _own() -> ColumnElement[bool]:
    return ~exists().where(patient_merges.c.from_patient == patients.c.id, holds())
