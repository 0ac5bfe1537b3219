"""A list comes in: as a file, or as rows by API; its rows are kept, its columns mapped, every row looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from db.imports import kept_until
from db.unit_of_work import UnitOfWork
from followup.imports import ListImport, ListKind
from interop.lists.checking import ListSurroundings, Progress, check, may_be_remapped, nobody_looks
from interop.lists.columns import IGNORED, REPEATABLE, Mapped, checked_mapping, find_header, guess, named_headers
from interop.lists.exams import measured_by
from interop.lists.file_formats import read_list
from interop.lists.reading import LONGEST_LIST, Line, ListRefusedError, RawList, lines_of
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrder:
    """What somebody says about a list when he brings it."""

    kind: ListKind
    source: str = ""
    file_name: str = ""
    template_id: str | None = None
    area_code: str = ""
    synthetic: bool = False
    mapping: Mapping[str, str] | None = None
    rows_kept_days: float = 30.0
    by: str | None = None


def receive_file(
    uow: UnitOfWork,
    content: bytes,
    order: ListOrder,
    surroundings: ListSurroundings,
    *,
    progress: Progress = nobody_looks,
) -> ListImport:
    """Keep a file's rows and look at them; ListRefusedError in words if it is no list."""
    raw = read_list(content)
    at = find_header(raw.lines)
    return _receive(uow, raw, at, order, surroundings, progress)


def receive_rows(
    uow: UnitOfWork, rows: Sequence[Mapping[str, str]], order: ListOrder, surroundings: ListSurroundings
) -> ListImport:
    """Keep rows that another system sends; their keys are the columns, line 1 is the first row."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    grid = [(place, [row.get(name, "") for name in header]) for place, row in enumerate(rows, start=1)]
    raw = RawList(format="rows", encoding="utf-8", lines=(Line(number=0, cells=tuple(header)), *lines_of(grid)))
    return _receive(uow, raw, 0, order, surroundings, nobody_looks)


def remap(
    uow: UnitOfWork, made: ListImport, mapping: Mapping[str, str], surroundings: ListSurroundings, *, by: str | None
) -> None:
    """Read the columns in another way; remembered for the next list of the same source."""
    if not may_be_remapped(made.state):
        raise ListRefusedError("rows of this list are written already; undo it and send the file again")
    made.mapping = checked_mapping(made.header, mapping)
    _remember(uow, made, by)
    check(uow, made, surroundings)
    _note(uow, made, "import_mapped", by)


def _receive(
    uow: UnitOfWork, raw: RawList, at: int, order: ListOrder, surroundings: ListSurroundings, progress: Progress
) -> ListImport:
    if order.template_id is not None and order.template_id not in surroundings.templates:
        raise ListRefusedError(
            f"there is no plan template {order.template_id}; there are: {', '.join(sorted(surroundings.templates))}"
        )
    header = named_headers(raw.lines[at].cells)
    lines = [line for line in raw.lines[at + 1 :] if line.cells != raw.lines[at].cells]
    if len(lines) > LONGEST_LIST:
        raise ListRefusedError(f"the list has {len(lines)} rows; send at most {LONGEST_LIST} at once, in several files")
    if not lines:
        raise ListRefusedError("there is no row below the headers; look whether it is the right file or sheet")
    made = ListImport(
        id=new_id(),
        kind=order.kind,
        source=order.source,
        file_name=order.file_name,
        format=raw.format,
        encoding=raw.encoding,
        header=header,
        header_line=raw.lines[at].number,
        mapping=_mapping(uow, header, order, surroundings),
        template_id=order.template_id,
        area_code=order.area_code,
        synthetic=order.synthetic,
        total=len(lines),
        created_by=order.by,
        created_at=uow.now,
        moved_at=uow.now,
        rows_kept_until=kept_until(uow.now, order.rows_kept_days),
    )
    uow.imports.add(made, [(line.number, line.cells) for line in lines])
    if order.mapping is not None:
        _remember(uow, made, order.by)
    check(uow, made, surroundings, progress=progress)
    _note(uow, made, "import_received", order.by)
    log.info("import_received", list_import=made.id, kind=made.kind.value, rows_count=made.total, state=made.state)
    return made


def _mapping(uow: UnitOfWork, header: Sequence[str], order: ListOrder, surroundings: ListSurroundings) -> Mapped:
    remembered = uow.imports.remembered_mapping(order.source, order.kind) if order.source else {}
    known = {**remembered, **(order.mapping or {})}
    guessed = guess(header, order.kind, known, measured_by(surroundings.content, order.source))
    if order.mapping is None:
        return guessed
    # What is not named keeps its guess, so that one column can be set right by naming it alone.
    taken = set(order.mapping.values()) - REPEATABLE
    others = {name: IGNORED if field in taken else field for name, field in guessed.items()}
    return checked_mapping(header, {**others, **order.mapping})


def _remember(uow: UnitOfWork, made: ListImport, by: str | None) -> None:
    if made.source:
        uow.imports.remember_mapping(made.source, made.kind, made.mapping, by=by, now=uow.now)


def _note(uow: UnitOfWork, made: ListImport, action: str, by: str | None) -> None:
    uow.audit.note(
        user_id=by,
        action=action,
        subject_kind="import",
        subject=made.id,
        detail={"kind": made.kind.value, "rows": made.total, **made.counts},
    )
