"""`suifang import`: a list from a file, previewed in the terminal, then written with a progress bar."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from care.identifiers import masked_identifier
from db.listed_people import RECORD_NUMBER
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.imports import ImportState, ListImport, ListKind, RowState
from interop.lists.applying import TO_APPLY, NotNowError, apply_import, ask_to_apply
from interop.lists.checking import ListSurroundings, first_people, rules_of
from interop.lists.columns import IGNORED, missing
from interop.lists.error_file import error_file
from interop.lists.faults import in_one_line
from interop.lists.reading import ListRefusedError
from interop.lists.receiving import ListOrder, receive_file
from interop.lists.undoing import ask_to_undo, undo_import
from runtime.content.library import Content
from runtime.settings import Settings

_SHOWN = 8
_COUNTED = {
    "new_person": "new people / 新患者",
    "known": "known / 已有患者",
    "new_numbers": "known people with other numbers / 号码有变化",
    "new_visit": "new visits / 新就诊",
    "undecided": "to be decided / 待人工判定",
    "bad": "rows with errors / 错误行",
}


class ImportCommandError(Exception):
    """The list was not taken; the text says why and what to do."""


def run(
    units: UnitsOfWork,
    settings: Settings,
    file: Path | None,
    kind: ListKind,
    *,
    source: str,
    template: str | None,
    mapping: Sequence[str],
    dry_run: bool,
    undo: str | None,
    agreed: Callable[[], bool],
    console: Console,
) -> int:
    """Bring a list in, or take one back; the exit status: 0 if nothing was parked or left."""
    try:
        if undo is not None:
            return _undo(units, undo, console)
        if file is None:
            console.print("name the file to import, or an import to --undo")
            return 1
        order = _order(settings, file, kind, source=source, template=template, mapping=mapping)
        content = Content(settings.content_dir)
        surroundings = ListSurroundings(zone=settings.zone, templates=frozenset(content.plans), content=content)
        return _bring_in(units, file, order, surroundings, dry_run=dry_run, agreed=agreed, console=console)
    except (ImportCommandError, NotNowError) as refusal:
        console.print(str(refusal), markup=False, highlight=False)
        return 1


def _order(
    settings: Settings,
    file: Path,
    kind: ListKind,
    *,
    source: str,
    template: str | None,
    mapping: Sequence[str],
) -> ListOrder:
    mapped: dict[str, str] = {}
    for each in mapping:
        field, _, header = each.partition("=")
        if not header:
            raise ImportCommandError(f"--mapping {each}: write it as field=header, such as phone=联系电话")
        mapped[header] = field
    return ListOrder(
        kind=kind,
        source=source,
        file_name=file.name[:200],
        template_id=template,
        area_code=settings.area_code,
        mapping=mapped or None,
        rows_kept_days=settings.import_rows_days,
    )


def _bring_in(
    units: UnitsOfWork,
    file: Path,
    order: ListOrder,
    surroundings: ListSurroundings,
    *,
    dry_run: bool,
    agreed: Callable[[], bool],
    console: Console,
) -> int:
    with units() as uow:
        made = _received(uow, file, order, surroundings, console)
        _show(uow, made, surroundings, console)
        if made.state is ImportState.READ:
            raise ImportCommandError(
                f"no column was found for: {', '.join(missing(made.mapping, made.kind))}; name it with --mapping "
                "field=header"
            )
        if dry_run:
            console.print("nothing was written (--dry-run)")
            return 1 if _parked(made) else 0
        if made.counts[RowState.READY.value]:
            if not agreed():
                console.print("nothing was written")
                return 1
            ask_to_apply(uow, made, by=None)
        uow.commit()
    with _bar(console) as bar:
        shown = bar.add_task("writing", total=made.counts.get(TO_APPLY, 0))
        apply_import(units, made.id, surroundings, progress=lambda count: bar.advance(shown, count))
    with units() as uow:
        done = uow.imports.get(made.id)
        if done is None:
            raise ImportCommandError(f"import {made.id} is gone; somebody removed it while it was written")
        console.print(f"{done.counts.get(RowState.APPLIED.value, 0)} rows written; import {done.id}")
        return _leave_errors(uow, done, file, console)


def _undo(units: UnitsOfWork, import_id: str, console: Console) -> int:
    with units() as uow:
        made = uow.imports.locked(import_id)
        if made is None:
            raise ImportCommandError(f"there is no import {import_id}")
        ask_to_undo(uow, made, by=None)
        uow.commit()
    with _bar(console) as bar:
        shown = bar.add_task("taking back", total=made.counts[TO_APPLY])
        undo_import(units, import_id, progress=lambda count: bar.advance(shown, count))
    with units() as uow:
        left = uow.imports.rows(import_id, states=[RowState.LEFT], limit=_SHOWN)
        done = uow.imports.get(import_id)
        counts = done.counts if done else {}
    console.print(f"{counts.get(RowState.UNDONE.value, 0)} rows taken back, {counts.get(RowState.LEFT.value, 0)} stay")
    for row in left:
        console.print(f"  line {row.line}: {in_one_line(row.faults)}", markup=False, highlight=False)
    return 1 if counts.get(RowState.LEFT.value) else 0


def _received(
    uow: UnitOfWork, file: Path, order: ListOrder, surroundings: ListSurroundings, console: Console
) -> ListImport:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ImportCommandError(f"{file} cannot be read: {error.strerror}") from None
    try:
        with _bar(console) as bar:
            shown = bar.add_task("looking at rows", total=None)
            return receive_file(uow, content, order, surroundings, progress=lambda count: bar.advance(shown, count))
    except ListRefusedError as refusal:
        raise ImportCommandError(f"{file}: {refusal}") from None


def _show(uow: UnitOfWork, made: ListImport, surroundings: ListSurroundings, console: Console) -> None:
    console.print(f"{made.total} rows, {made.format} {made.encoding}, headers in line {made.header_line}")
    columns = Table(title="columns", title_justify="left")
    columns.add_column("column")
    columns.add_column("read for")
    for header in made.header:
        columns.add_row(header, made.mapping.get(header, IGNORED) or "(not read)")
    console.print(columns)
    if made.state is ImportState.READ:
        return
    first = Table(title="the first rows as they will be understood", title_justify="left")
    for name in ("line", "name", "record number", "identifiers", "born", "numbers", "visit", "errors"):
        first.add_column(name)
    rows = uow.imports.rows(made.id, limit=_SHOWN)
    for row, person in first_people(rows, rules_of(made, surroundings, uow.now)):
        faults = in_one_line(row.faults)
        if person is None:
            first.add_row(str(row.line), "", "", "", "", "", "", faults)
            continue
        visit = person.visit
        when = f"{visit.department} {visit.occurred_at.astimezone(surroundings.zone):%Y-%m-%d %H:%M}" if visit else ""
        first.add_row(
            str(row.line),
            person.name,
            next((value for kind, value in person.keys if kind == RECORD_NUMBER), ""),
            " ".join(masked_identifier(value) for kind, value in person.keys if kind != RECORD_NUMBER),
            str(person.born or ""),
            " ".join(f"{each.number}{f' ({each.label})' if each.label else ''}" for each in person.numbers),
            when,
            faults,
        )
    console.print(first)
    for name, words in _COUNTED.items():
        console.print(f"{made.counts.get(name, 0):>7} {words}")


def _parked(made: ListImport) -> int:
    return made.counts.get(RowState.BAD.value, 0) + made.counts.get(RowState.UNDECIDED.value, 0)


def _leave_errors(uow: UnitOfWork, made: ListImport, file: Path, console: Console) -> int:
    parked = _parked(made)
    if not parked:
        return 0
    errors = file.with_name(f"{file.stem}-errors.xlsx")
    # Rows of patients: for nobody but whoever brought the list.
    with os.fdopen(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
        written.write(error_file(uow, made, "xlsx"))
    console.print(f"{parked} rows parked: correct {errors} and import it in the same way", markup=False)
    return 1


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
