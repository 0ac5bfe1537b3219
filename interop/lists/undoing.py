"""Taking an import back: what it made and nothing has used since goes, and of the rest each row says why it stays."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from db.import_undo import ImportUndo
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import DomainEvent, EventKind
from followup.imports import ImportRow, ImportState, ImportTrigger, ListImport, ListKind, RowState, next_import_state
from interop.lists.applying import TO_APPLY, NotNowError, progress_ids
from interop.lists.checking import CHUNK, Progress, nobody_looks
from interop.lists.exams import take_back_exams
from interop.lists.faults import Code, fault
from interop.lists.medicines import take_back_medicines

log = structlog.get_logger(__name__)

_TAKING_BACK = {ListKind.EXAM: take_back_exams, ListKind.MEDICINE: take_back_medicines}


def ask_to_undo(uow: UnitOfWork, made: ListImport, *, by: str | None) -> None:
    """Let the import be taken back; one of which nothing is written yet only loses its rows."""
    if made.state in {ImportState.APPLYING, ImportState.UNDOING, ImportState.UNDONE}:
        raise NotNowError(f"the list is {made.state.value}; it can be undone when it is not under way, and once")
    made.state = next_import_state(made.state, ImportTrigger.UNDO)
    made.done = 0
    made.counts = {**made.counts, TO_APPLY: uow.imports.counts(made.id)[RowState.APPLIED.value]}
    made.moved_at = uow.now
    uow.audit.note(
        user_id=by,
        action="import_undone",
        subject_kind="import",
        subject=made.id,
        detail={"kind": made.kind.value, "rows": made.counts[TO_APPLY]},
    )
    uow.emit(DomainEvent(kind=EventKind.IMPORT_TO_UNDO, subject=made.id, ids=progress_ids(made)))


def undo_import(units: UnitsOfWork, import_id: str, *, progress: Progress = nobody_looks) -> None:
    """Take back what is left to take back."""
    while True:
        with units() as uow:
            count = undo_chunk(uow, import_id)
            uow.commit()
        if count == 0:
            return
        progress(count)


def undo_chunk(uow: UnitOfWork, import_id: str, *, limit: int = CHUNK) -> int:
    """Take back the last rows of an import that is being undone; how many, none when it is done."""
    made = uow.imports.locked(import_id)
    if made is None or made.state is not ImportState.UNDOING:
        return 0
    rows = uow.imports.last_applied(made.id, limit=limit)
    if not rows:
        uow.imports.forget(made, uow.now)
        made.state = next_import_state(made.state, ImportTrigger.FINISH)
        made.counts = {**uow.imports.counts(made.id), TO_APPLY: made.counts.get(TO_APPLY, 0)}
        log.info("import_undone", list_import=made.id, rows_count=made.done)
    else:
        take_back = _TAKING_BACK.get(made.kind)
        kept = take_back(uow, made, rows) if take_back is not None else {}
        uow.imports.save(made.id, _taken_back(uow.import_undo, rows, kept), {})
        made.done += len(rows)
    made.moved_at = uow.now
    uow.emit(DomainEvent(kind=EventKind.IMPORT_PROGRESSED, subject=made.id, ids=progress_ids(made)))
    return len(rows)


def _taken_back(undo: ImportUndo, rows: Sequence[ImportRow], results: Mapping[str, str]) -> list[ImportRow]:
    def all_of(kind: str) -> set[str]:
        return {each for row in rows for each in row.made.get(kind, ())}

    kept = {
        **results,
        **undo.encounters(all_of("encounters")),
        **undo.numbers(all_of("numbers")),
        **undo.identifiers(all_of("identifiers")),
    }
    # People last: what of theirs stays keeps them.
    kept |= undo.patients(all_of("patients"), all_of("consents"))
    return [_left(row, kept) for row in rows]


def _left(row: ImportRow, kept: Mapping[str, str]) -> ImportRow:
    still = {kind: [each for each in ids if each in kept] for kind, ids in row.made.items() if kind != "filled"}
    reasons = [fault("", Code.STILL_USED, about=f"{kind}: {kept[each]}") for kind, ids in still.items() for each in ids]
    if row.plan_id is not None and "encounters" not in row.made:
        reasons.append(fault("", Code.PLAN_STAYS))
    elif row.plan_id is not None:
        reasons.append(fault("", Code.PLAN_STOPS))
    if "filled" in row.made:
        reasons.append(fault("", Code.FILLED_STAYS))
    return replace(
        row,
        state=RowState.LEFT if reasons else RowState.UNDONE,
        faults=tuple(reasons),
        made={kind: ids for kind, ids in still.items() if ids},
    )
