"""What each source says of the person, in versions, and the word that holds written into the patient's row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Column, Index, Integer, String, Table, Uuid, func, select, text, update
from sqlalchemy.orm import Session

from care.conflicts import PersonField, Settled, SourcePolicy, StatedValue, settle
from care.patients import Patient
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.identifiers import new_id

AS_OPENED = "card"
"""The source of what stands in the patient's row and nobody has stated here."""

stated_values = Table(
    "stated_values",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    closed_set("field", PersonField),
    Column("value", String(200), nullable=True),
    Column("source", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    instant("stated_at"),
    Column("reason", String(500), nullable=False, default=""),
    instant("superseded_at", nullable=True),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    Index("uq_stated_values_version", "patient_id", "field", "source", "version", unique=True),
    Index(
        "uq_stated_values_current",
        "patient_id",
        "field",
        "source",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
)

mapper_registry.map_imperatively(StatedValue, stated_values)


class StatedValueRepository:
    """Words about the person and which of them hold."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def state(
        self,
        patient: Patient,
        values: Mapping[PersonField, str | None],
        *,
        source: str,
        policies: Mapping[PersonField, SourcePolicy],
        at: datetime,
        stated_at: datetime | None = None,
        by: str | None = None,
        reason: str = "",
        late: bool = False,
    ) -> tuple[PersonField, ...]:
        """Take in what a source says; the fields of the patient that are others now. ValueError says what cannot be.

        The same word again is no change. None takes the source's word back. What the source said earlier than its
        last word (`stated_at`) is kept as a version and does not hold; so with `late`, where the caller knows that the
        source has spoken since: a word that it only repeated is not written down anew.
        """
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"stated/{patient.id}", 0))))
        told = {field: (said or "").strip() or None for field, said in values.items()}
        for field, value in told.items():
            if value is not None:
                _check(field, value, at)
        words = self._words(patient.id, told)
        changed = []
        for field, value in told.items():
            self._keep_what_stands(words, patient, field, policies[field], at)
            word = StatedValue(
                id=new_id(),
                patient_id=patient.id,
                field=field,
                value=value,
                source=source,
                stated_at=stated_at or at,
                reason=reason,
                recorded_at=at,
                recorded_by=by,
            )
            if self._take(words, word, late=late) and _write_through(words, patient, field, policies[field]):
                changed.append(field)
        self._session.flush()
        return tuple(changed)

    def settled(self, patient: Patient, policies: Mapping[PersonField, SourcePolicy]) -> dict[PersonField, Settled]:
        """The word that holds for each field, and the words that differ; a field nobody has stated stands as opened."""
        current = self._session.scalars(
            select(StatedValue).where(stated_values.c.patient_id == patient.id, stated_values.c.superseded_at.is_(None))
        ).all()
        found = {
            field: settle([word for word in current if word.field is field], policies[field]) for field in PersonField
        }
        for field, outcome in found.items():
            standing = _as_text(patient, field)
            if outcome.holds is None and standing is not None:
                found[field] = Settled(holds=_as_opened(patient, field, standing, patient.created_at))
        return found

    def versions_of(self, patient_id: str, field: PersonField) -> Sequence[StatedValue]:
        """Everything that was ever said of a field, oldest first."""
        return self._session.scalars(
            select(StatedValue)
            .where(stated_values.c.patient_id == patient_id, stated_values.c.field == field)
            .order_by(stated_values.c.recorded_at, stated_values.c.version, stated_values.c.source)
        ).all()

    def _words(self, patient_id: str, fields: Collection[PersonField]) -> list[StatedValue]:
        """Every version of what was said of these fields, in one journey."""
        return list(
            self._session.scalars(
                select(StatedValue)
                .where(stated_values.c.patient_id == patient_id, stated_values.c.field.in_(fields))
                .order_by(stated_values.c.version)
                .execution_options(populate_existing=True)
            )
        )

    def _keep_what_stands(
        self, words: list[StatedValue], patient: Patient, field: PersonField, policy: SourcePolicy, at: datetime
    ) -> None:
        """What was written into the patient's row past this place becomes a version before anything replaces it."""
        standing = _as_text(patient, field)
        current = _current(words, field)
        holds = settle(current, policy).holds
        if standing is None or (holds is not None and holds.value == standing):
            return
        first = not any(word.source == AS_OPENED for word in current)
        self._take(words, _as_opened(patient, field, standing, patient.created_at if first else at, recorded_at=at))

    def _take(self, words: list[StatedValue], word: StatedValue, *, late: bool = False) -> bool:
        """Make a word its source's newest; False if it changes nothing."""
        story = [each for each in words if (each.field, each.source) == (word.field, word.source)]
        current = next((version for version in story if version.superseded_at is None), None)
        if current is None:
            if word.value is not None:
                self._add(words, replace(word, version=1))
            return word.value is not None
        older = word.stated_at < current.stated_at
        if older or (late and word.value != current.value):
            if not any((version.value, version.stated_at) == (word.value, word.stated_at) for version in story):
                self._add(words, replace(word, version=story[-1].version + 1, superseded_at=word.recorded_at))
            return False
        if word.value == current.value:
            return False
        # Before the next one is added: of each source one word counts at any instant.
        self._session.flush()
        self._session.execute(
            update(stated_values)
            .where(stated_values.c.id == current.id)
            .values(superseded_at=word.recorded_at)
            .execution_options(synchronize_session=False)
        )
        self._session.refresh(current)
        self._add(words, replace(word, version=story[-1].version + 1))
        return True

    def _add(self, words: list[StatedValue], word: StatedValue) -> None:
        self._session.add(word)
        words.append(word)


def _current(words: Sequence[StatedValue], field: PersonField) -> Sequence[StatedValue]:
    return [word for word in words if word.field is field and word.superseded_at is None]


def _write_through(words: Sequence[StatedValue], patient: Patient, field: PersonField, policy: SourcePolicy) -> bool:
    holds = settle(_current(words, field), policy).holds
    value = holds.value if holds else None
    if value == _as_text(patient, field) or (value is None and field in _NEVER_EMPTY):
        return False
    setattr(patient, field.value, date.fromisoformat(value) if value and field is PersonField.BORN else value)
    return True


def _check(field: PersonField, value: str, at: datetime) -> None:
    if field is PersonField.BORN:
        try:
            born = date.fromisoformat(value)
        except ValueError:
            raise ValueError("born: is no day of the calendar; write one such as 1958-03-02") from None
        if born.year < 1880 or born > at.date() + _A_DAY:
            raise ValueError("born: cannot be a birthday, it lies before 1880 or in the future; correct the year")
    longest = _LONGEST[field]
    if len(value) > longest:
        raise ValueError(f"{field.value}: has {len(value)} characters; at most {longest} can be kept")
    if field is PersonField.SEX and value not in SEXES:
        raise ValueError(f"sex: is not known; write one of {', '.join(SEXES)}")


_A_DAY = timedelta(days=1)  # it is tomorrow somewhere already
_LONGEST = {
    PersonField.NAME: 200,
    PersonField.BORN: 10,
    PersonField.SEX: 16,
    PersonField.LANGUAGE: 16,
    PersonField.DIALECT: 40,
}
SEXES = ("female", "male", "other", "unknown")
_NEVER_EMPTY = frozenset({PersonField.NAME, PersonField.LANGUAGE})


def _as_text(patient: Patient, field: PersonField) -> str | None:
    value = getattr(patient, field.value)
    return value.isoformat() if isinstance(value, date) else value


def _as_opened(
    patient: Patient, field: PersonField, value: str, stated_at: datetime, *, recorded_at: datetime | None = None
) -> StatedValue:
    return StatedValue(
        id=new_id(),
        patient_id=patient.id,
        field=field,
        value=value,
        source=AS_OPENED,
        stated_at=stated_at,
        recorded_at=recorded_at or stated_at,
    )
