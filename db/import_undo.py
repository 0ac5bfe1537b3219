"""Taking back what a list made: only rows that nothing else has come to refer to, whichever table it is in."""

from collections.abc import Collection, Iterator

from sqlalchemy import Column, Table, delete, or_, select
from sqlalchemy.orm import Session

from care.patients import NumberQuality
from db.metadata import metadata
from db.patients import consents, contact_points, encounters, patients, person_identifiers


class ImportUndo:
    """Removes in bulk what nobody uses; each method answers which ids stayed, and which table holds them.

    Plans are never removed: their history is kept. They are cancelled by the scheduler.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def encounters(self, ids: Collection[str]) -> dict[str, str]:
        """Remove visits."""
        return self._remove(encounters, ids)

    def numbers(self, ids: Collection[str]) -> dict[str, str]:
        """Remove telephone numbers that are as they came."""
        changed = self._session.scalars(
            select(contact_points.c.id).where(
                contact_points.c.id.in_(ids),
                or_(contact_points.c.quality != NumberQuality.UNVERIFIED, contact_points.c.do_not_call),
            )
        )
        kept = dict.fromkeys(changed, contact_points.name)
        return kept | self._remove(contact_points, set(ids) - set(kept))

    def identifiers(self, ids: Collection[str]) -> dict[str, str]:
        """Remove identifiers."""
        return self._remove(person_identifiers, ids)

    def patients(self, ids: Collection[str], consent_ids: Collection[str]) -> dict[str, str]:
        """Remove people with the consents of the same list; those who have anything else stay."""
        kept = self._used(patients, ids, besides=(consents,))
        mine = set(consent_ids)
        for consent_id, patient_id in self._session.execute(
            select(consents.c.id, consents.c.patient_id).where(consents.c.patient_id.in_(ids))
        ):
            if consent_id not in mine:
                kept.setdefault(patient_id, consents.name)
        gone = set(ids) - set(kept)
        self._session.execute(delete(consents).where(consents.c.patient_id.in_(gone)))
        self._session.execute(delete(patients).where(patients.c.id.in_(gone)))
        return kept

    def _remove(self, table: Table, ids: Collection[str]) -> dict[str, str]:
        kept = self._used(table, ids)
        self._session.execute(delete(table).where(table.c.id.in_(set(ids) - set(kept))))
        return kept

    def _used(self, table: Table, ids: Collection[str], *, besides: Collection[Table] = ()) -> dict[str, str]:
        found: dict[str, str] = {}
        if ids:
            for column in _references_to(table):
                if column.table not in besides:
                    rows = self._session.scalars(select(column).distinct().where(column.in_(ids)))
                    found.update(dict.fromkeys(rows, column.table.name))
        return found


def _references_to(target: Table) -> Iterator[Column[str]]:
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is target:
                yield key.parent
