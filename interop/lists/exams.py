"""Lists of exams: what their rows bring becomes results, what nobody can place is parked, and both can be undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from care.concepts import concept_meant, tidy
from care.observations import Setting
from db.observations import Put
from db.unit_of_work import UnitOfWork
from db.unmapped_results import Settlement
from followup.events import DomainEvent, EventKind
from followup.imports import ImportRow, ListImport, RowState
from interop.lists.faults import Code, Fault, fault
from interop.lists.listed import ListedExam, ListedPerson, ListedResult
from interop.lists.matching import Match
from interop.lists.rows import name_and_unit
from interop.results import SentResult, Unplaced, placed, take_results
from runtime.content.library import Content

RESULTS = "results"
UNMAPPED = "unmapped_results"

_Looked = list[tuple[ImportRow, Match | None]]


def measured_by(content: Content, source: str) -> Callable[[str], bool]:
    """Whether a column's header names something that is measured, as far as the shipped maps know."""

    def measured(header: str) -> bool:
        name, within = name_and_unit(header)
        return any(
            concept_meant(
                _source_named(source), each, "", decided={}, maps=content.code_maps, concepts=content.concepts
            )
            is not None
            for each in (name, within, header)
            if each
        )

    return measured


def parking_remarks(uow: UnitOfWork, content: Content, made: ListImport, looked_at: _Looked) -> _Looked:
    """The rows, each with a remark for every result that will wait for somebody's word."""
    decided = uow.unmapped_results.decided(source_of(made))
    found: _Looked = []
    for row, matched in looked_at:
        exam = matched.row.exam if matched is not None else None
        remarks: list[Fault] = []
        for each in exam.results if exam is not None else ():
            why = placed(content, _sent(content, made, "", exam, each), decided, uow.now) if exam is not None else None
            if isinstance(why, Unplaced):
                remarks.append(_parked(each, why.detail or why.reason.value))
        found.append((replace(row, remarks=(*row.remarks, *remarks)), matched))
    return found


def take_exams(
    uow: UnitOfWork,
    content: Content,
    made: ListImport,
    written: Sequence[ImportRow],
    people: Mapping[int, ListedPerson],
) -> list[ImportRow]:
    """Take the results of rows whose people were just written; the rows with what that made."""
    listed: list[tuple[int, ListedResult, SentResult]] = []
    for row in written:
        exam = people[row.line].exam if row.line in people else None
        if row.state is RowState.APPLIED and row.patient_id is not None and exam is not None:
            listed += [(row.line, each, _sent(content, made, row.patient_id, exam, each)) for each in exam.results]
    # Whoever applies a list means it: what was undone before counts again.
    taken = take_results(uow, content, [sent for _, _, sent in listed], reinstate=True)
    ids: dict[int, dict[str, list[str]]] = {}
    remarks: dict[int, list[Fault]] = {}
    for (line, result, _), each in zip(listed, taken, strict=True):
        of_line = ids.setdefault(line, {})
        if changed := [put.observation.id for put in each.puts if put.changed]:
            of_line.setdefault(RESULTS, []).extend(changed)
        if each.parked is not None:
            of_line.setdefault(UNMAPPED, []).append(each.parked.id)
            remarks.setdefault(line, []).append(_parked(result, each.parked.detail or each.parked.reason.value))
    return [
        replace(
            row,
            made={**row.made, **ids.get(row.line, {})},
            remarks=(*row.remarks, *remarks.get(row.line, ())),
        )
        for row in written
    ]


def take_back_exams(uow: UnitOfWork, made: ListImport, rows: Sequence[ImportRow]) -> dict[str, str]:
    """Undo what rows brought, by further versions; which ids stay, and why."""
    reason = f"import {made.id} undone"
    kept: dict[str, str] = {}
    puts: list[Put] = []
    for row in reversed(rows):
        for observation_id in reversed(row.made.get(RESULTS, [])):
            observation = uow.observations.get(observation_id)
            put = (
                uow.observations.take_back(observation, by=None, reason=reason, now=uow.now)
                if observation is not None
                else None
            )
            if put is None:
                kept[observation_id] = "a newer version"
            else:
                puts.append(put)
        for unmapped_id in row.made.get(UNMAPPED, []):
            parked = uow.unmapped_results.for_update(unmapped_id)
            if parked is not None and parked.settled_at is None:
                parked.settled_at, parked.settlement = uow.now, Settlement.DISMISSED
                parked.settled_reason = reason
            elif parked is not None and parked.settlement is Settlement.APPLIED:
                kept[unmapped_id] = "a result that was named since"
    for patient_id in sorted({put.observation.patient_id for put in puts}):
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))
    return kept


def source_of(made: ListImport) -> str:
    """The source that a list's results bear."""
    return _source_named(made.source)


def _parked(result: ListedResult, why: str) -> Fault:
    return fault(result.header, Code.RESULT_PARKED, about=f"{result.name or result.code}: {why.replace('_', ' ')}")


def _source_named(source: str) -> str:
    return f"list:{source or 'unnamed'}"


def _sent(content: Content, made: ListImport, patient_id: str, exam: ListedExam, result: ListedResult) -> SentResult:
    code, name, unit = result.code, result.name, result.unit
    if unit and content.unit_rules.unit_named(unit) is None and result.header == result.name:
        code, name, unit = unit, code, ""  # 低密度脂蛋白(LDL-C): an abbreviation stands in the brackets, not a unit
    sample = exam.sample or exam.taken_at.isoformat()
    return SentResult(
        patient_id=patient_id,
        source=source_of(made),
        source_key=f"{patient_id}:{sample}:{tidy(result.code) or tidy(result.name)}",
        code=code,
        name=name,
        value=result.value,
        unit=unit,
        reference=result.reference,
        taken_at=exam.taken_at,
        issued_at=exam.issued_at,
        setting=Setting.LABORATORY,
    )
