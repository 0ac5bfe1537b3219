"""Looking at every row of an import before anything of it is written: which are ready, bad, or for a human."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from db.unit_of_work import UnitOfWork
from followup.imports import ImportRow, ImportState, ImportTrigger, ListImport, ListKind, RowState, next_import_state
from interop.lists.columns import missing
from interop.lists.exams import parking_remarks
from interop.lists.listed import ListedPerson, ListRules
from interop.lists.matching import Match, Newcomers, match
from interop.lists.rows import understand
from runtime.content.library import Content

CHUNK = 500
PREVIEWED = 20

Progress = Callable[[int], None]


def nobody_looks(_done: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSurroundings:
    """What a list is read against in this hospital."""

    zone: ZoneInfo
    templates: frozenset[str]
    content: Content  # what is measured, for lists of exams


def rules_of(made: ListImport, surroundings: ListSurroundings, now: datetime) -> ListRules:
    """What holds for the rows of an import."""
    return ListRules(
        kind=made.kind,
        header=tuple(made.header),
        mapping=made.mapping,
        zone=surroundings.zone,
        now=now,
        templates=surroundings.templates,
        template_id=made.template_id,
        area_code=made.area_code,
    )


def check(
    uow: UnitOfWork, made: ListImport, surroundings: ListSurroundings, *, progress: Progress = nobody_looks
) -> None:
    """Look at all rows; the import is then checked, or still wants a mapping."""
    if missing(made.mapping, made.kind):
        made.state = next_import_state(made.state, ImportTrigger.MAP_AWAY)
        made.counts = {}
        return
    rules = rules_of(made, surroundings, uow.now)
    newcomers = Newcomers()
    after = 0
    while rows := uow.imports.rows(made.id, after=after, limit=2 * CHUNK):
        looked_at, templates = look_at(uow, rows, rules, newcomers)
        if made.kind is ListKind.EXAM:
            looked_at = parking_remarks(uow, surroundings.content, made, looked_at)
        uow.imports.save(made.id, [row for row, _ in looked_at], templates)
        after = rows[-1].line
        progress(len(rows))
    made.state = next_import_state(made.state, ImportTrigger.CHECK)
    made.counts = uow.imports.counts(made.id)


def look_at(
    uow: UnitOfWork, rows: Sequence[ImportRow], rules: ListRules, newcomers: Newcomers
) -> tuple[list[tuple[ImportRow, Match | None]], dict[int, str]]:
    """Each row with what it comes to, and the plan templates that rows ask for by line."""
    read = {row.line: understand(row.line, row.cells, rules) for row in rows}
    people = [reading for reading in read.values() if isinstance(reading, ListedPerson)]
    matches = {
        matched.row.line: matched
        for matched in match(
            uow.listed_people,
            people,
            {row.line: row.decision for row in rows if row.decision},
            newcomers,
            kind=rules.kind,
            zone=rules.zone,
        )
    }
    found: list[tuple[ImportRow, Match | None]] = []
    for row in rows:
        reading = read[row.line]
        if isinstance(reading, ListedPerson):
            found.append((_judged(row, matches[row.line]), matches[row.line]))
        else:
            found.append((replace(row, state=RowState.BAD, faults=reading, remarks=(), change={}, candidates=()), None))
    return found, {each.line: each.template_id for each in people if each.template_id}


def _judged(row: ImportRow, matched: Match) -> ImportRow:
    person = matched.row
    if matched.faults:
        state = RowState.BAD
    elif matched.candidates:
        state = RowState.UNDECIDED
    else:
        state = RowState.READY
    known = {point.number for point in matched.patient.numbers} if matched.patient else set()
    change = {
        "new_person": matched.is_new and state is RowState.READY,
        "known": not matched.is_new,
        "new_numbers": matched.patient is not None and any(each.number not in known for each in person.numbers),
        "new_visit": person.visit is not None and matched.visit is None,
    }
    return replace(
        row,
        state=state,
        faults=matched.faults,
        remarks=person.remarks,
        change=change,
        candidates=matched.candidates,
        patient_id=matched.patient.id if matched.patient else None,
        encounter_id=matched.visit.id if matched.visit else None,
    )


def first_people(rows: Iterable[ImportRow], rules: ListRules) -> list[tuple[ImportRow, ListedPerson | None]]:
    """Rows with what is understood of them, for the eye."""
    found: list[tuple[ImportRow, ListedPerson | None]] = []
    for row in rows:
        reading = understand(row.line, row.cells, rules)
        found.append((row, reading if isinstance(reading, ListedPerson) else None))
    return found


def may_be_remapped(state: ImportState) -> bool:
    """True while nothing of the list is written."""
    return state in {ImportState.READ, ImportState.CHECKED}
