"""Lists of patients come in: preview, mapping, decisions, apply, the rows with errors, undo."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Ask, Id, Limit
from api.import_answers import ImportAnswer, ImportsAnswer, PreviewAnswer, RowsAnswer, import_answer, row_answers
from api.permissions import Registrars, RegistrarsCommanding
from api.problems import Kind, Problem, problems
from api.wiring import Wiring, wiring_of
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Mode
from followup.events import DomainEvent, EventKind
from followup.imports import ImportState, ListImport, ListKind, RowState
from interop.lists.applying import NotNowError, ask_to_apply, progress_ids
from interop.lists.checking import PREVIEWED, ListSurroundings, rules_of
from interop.lists.error_file import MEDIA_TYPES, FileFormat, error_file
from interop.lists.listed import ListRules
from interop.lists.matching import NEW
from interop.lists.reading import ListRefusedError
from interop.lists.receiving import ListOrder, receive_file, receive_rows, remap
from interop.lists.undoing import ask_to_undo

router = APIRouter(tags=["imports"], route_class=Route)

MOST_ROWS = 5000

Source = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
FileName = Annotated[str, StringConstraints(max_length=200)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AreaCode = Annotated[str, StringConstraints(pattern=r"^(0\d{2,3})?$")]
Cell = Annotated[str, StringConstraints(max_length=2000)]
Header = Annotated[str, StringConstraints(min_length=1, max_length=110)]


class RowsAsk(Ask):
    """Rows from another system: each maps columns to texts, as a file would; the columns are mapped in the same way."""

    kind: ListKind
    source: Source = ""
    template: Template | None = None
    area_code: AreaCode = ""
    synthetic: bool = False
    mapping: dict[Header, str] | None = None
    apply: bool = False  # write what is ready at once; rows with errors are parked all the same
    rows: Annotated[tuple[dict[Header, Cell], ...], Field(min_length=1, max_length=MOST_ROWS)]


class MappingAsk(Ask):
    """Header → field, for every column that is to be read; remembered for the source."""

    mapping: Annotated[dict[Header, str], Field(max_length=200)]


class DecisionAsk(Ask):
    """Who the person on an undecided row is: `new`, or the `choice` of one of the candidates."""

    decision: Annotated[str, StringConstraints(min_length=1, max_length=40)]


async def _content(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/imports",
    status_code=201,
    responses=problems(Kind.LIST_REFUSED, Kind.BODY_TOO_LARGE),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
def receive_list(
    caller: RegistrarsCommanding,
    request: Request,
    uow: Work,
    content: Annotated[bytes, Depends(_content)],
    kind: ListKind,
    source: Source = "",
    file_name: FileName = "",
    template: Template | None = None,
    area_code: AreaCode = "",
    synthetic: bool = False,
) -> ImportAnswer:
    """Take in a file (the body: CSV, xls or xlsx) and look at every row; nothing is written before it is applied."""
    wiring = wiring_of(request)
    order = _order(
        wiring,
        caller,
        kind=kind,
        source=source,
        file_name=file_name,
        template=template,
        area_code=area_code,
        synthetic=synthetic,
        mapping=None,
    )
    try:
        made = receive_file(uow, content, order, _surroundings(wiring))
    except ListRefusedError as refusal:
        raise Problem.of(Kind.LIST_REFUSED, "body", str(refusal)) from refusal
    return import_answer(uow, made)


@router.post("/imports/rows", status_code=201, responses=problems(Kind.LIST_REFUSED, Kind.NOT_POSSIBLE_NOW))
def receive_rows_of_system(ask: RowsAsk, caller: RegistrarsCommanding, request: Request, uow: Work) -> ImportAnswer:
    """Take in rows that another system sends, as if they came in a file."""
    wiring = wiring_of(request)
    order = _order(
        wiring,
        caller,
        kind=ask.kind,
        source=ask.source,
        file_name="",
        template=ask.template,
        area_code=ask.area_code,
        synthetic=ask.synthetic,
        mapping=ask.mapping,
    )
    try:
        made = receive_rows(uow, ask.rows, order, _surroundings(wiring))
        if ask.apply and made.state is ImportState.CHECKED and made.counts[RowState.READY.value]:
            ask_to_apply(uow, made, by=caller.user_id)
    except ListRefusedError as refusal:
        raise Problem.of(Kind.LIST_REFUSED, "rows", str(refusal)) from refusal
    return import_answer(uow, made)


@router.get("/imports", responses=problems(Kind.UNKNOWN_IMPORT))
def list_imports(caller: Registrars, uow: Work, before: Id | None = None, limit: Limit = 50) -> ImportsAnswer:  # noqa: ARG001
    """Imports, newest first, from behind `before`."""
    page = uow.imports.page(before=found.list_import(uow, before, "before") if before else None, limit=limit)
    return ImportsAnswer(
        imports=[import_answer(uow, made) for made in page], next=page[-1].id if len(page) == limit else None
    )


@router.get("/imports/{import_id}", responses=problems(Kind.UNKNOWN_IMPORT))
def read_import(import_id: Id, caller: Registrars, uow: Work) -> ImportAnswer:  # noqa: ARG001
    """One import: its state, its counts, and how far it has got."""
    return import_answer(uow, found.list_import(uow, import_id))


@router.get("/imports/{import_id}/preview", responses=problems(Kind.UNKNOWN_IMPORT))
def preview_import(import_id: Id, caller: Registrars, request: Request, uow: Work) -> PreviewAnswer:
    """The first rows as they will be understood."""
    made = found.list_import(uow, import_id)
    _audit(uow, caller, "import_viewed", made)
    rows = uow.imports.rows(made.id, limit=PREVIEWED)
    return PreviewAnswer(
        list_import=import_answer(uow, made), rows=row_answers(uow, caller, _rules(request, uow, made), made, rows)
    )


@router.put(
    "/imports/{import_id}/mapping",
    responses=problems(Kind.UNKNOWN_IMPORT, Kind.LIST_REFUSED),
)
def map_columns(import_id: Id, ask: MappingAsk, caller: Registrars, request: Request, uow: Work) -> ImportAnswer:
    """Say what each column is read for; every row is looked at anew."""
    made = found.list_import_for_update(uow, import_id)
    try:
        remap(uow, made, ask.mapping, _surroundings(wiring_of(request)), by=caller.user_id)
    except ListRefusedError as refusal:
        raise Problem.of(Kind.LIST_REFUSED, "mapping", str(refusal)) from refusal
    return import_answer(uow, made)


@router.get("/imports/{import_id}/rows", responses=problems(Kind.UNKNOWN_IMPORT))
def list_rows(
    import_id: Id,
    caller: Registrars,
    request: Request,
    uow: Work,
    state: RowState | None = None,
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Limit = 50,
) -> RowsAnswer:
    """Rows, of one state if it is named: those to correct, to decide, or left by an undo."""
    made = found.list_import(uow, import_id)
    _audit(uow, caller, "import_viewed", made)
    rows = uow.imports.rows(made.id, states=[state] if state else None, after=after, limit=limit)
    return RowsAnswer(
        rows=row_answers(uow, caller, _rules(request, uow, made), made, rows),
        next=rows[-1].line if len(rows) == limit else None,
    )


@router.put(
    "/imports/{import_id}/rows/{line}/decision",
    responses=problems(Kind.UNKNOWN_IMPORT, Kind.UNKNOWN_ROW, Kind.NOT_POSSIBLE_NOW),
)
def decide_row(import_id: Id, line: int, ask: DecisionAsk, caller: Registrars, uow: Work) -> ImportAnswer:
    """Say who the person on a row is; the row is written with the next apply."""
    made = found.list_import_for_update(uow, import_id)
    row = uow.imports.row(made.id, line) if 0 <= line < 2**31 else None
    if row is None:
        raise Problem.of(Kind.UNKNOWN_ROW, "line", "the list has no such row; GET …/rows?state=undecided lists them")
    choices = [NEW, *row.candidates]
    if row.state is not RowState.UNDECIDED or made.state is ImportState.UNDONE:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "line", f"the row is {row.state.value}; only undecided ones are decided"
        )
    if ask.decision not in choices:
        raise Problem.of(Kind.INVALID_REQUEST, "decision", f"choose one of: {', '.join(choices)}")
    uow.imports.decide(made.id, line, ask.decision)
    made.counts = {**made.counts, **uow.imports.counts(made.id)}
    uow.audit.note(
        user_id=caller.user_id,
        action="import_row_decided",
        subject_kind="import",
        subject=made.id,
        detail={"line": line, "decision": ask.decision},
    )
    return import_answer(uow, made)


@router.post(
    "/imports/{import_id}/apply",
    status_code=202,
    responses=problems(Kind.UNKNOWN_IMPORT, Kind.NOT_POSSIBLE_NOW),
)
def apply_list(import_id: Id, caller: RegistrarsCommanding, uow: Work) -> ImportAnswer:
    """Write the rows that are ready; a worker does it, chunk by chunk."""
    made = found.list_import_for_update(uow, import_id)
    try:
        ask_to_apply(uow, made, by=caller.user_id)
    except NotNowError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(refusal)) from refusal
    return import_answer(uow, made)


@router.post(
    "/imports/{import_id}/undo",
    status_code=202,
    responses=problems(Kind.UNKNOWN_IMPORT, Kind.NOT_POSSIBLE_NOW),
)
def undo_list(import_id: Id, caller: RegistrarsCommanding, uow: Work) -> ImportAnswer:
    """Take back what the list made and nothing has used since; rows that stay say why (state `left`)."""
    made = found.list_import_for_update(uow, import_id)
    try:
        ask_to_undo(uow, made, by=caller.user_id)
    except NotNowError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(refusal)) from refusal
    return import_answer(uow, made)


@router.post(
    "/imports/{import_id}/plans",
    status_code=202,
    responses=problems(Kind.UNKNOWN_IMPORT, Kind.NOT_POSSIBLE_NOW),
)
def start_plans_again(import_id: Id, caller: RegistrarsCommanding, uow: Work) -> ImportAnswer:
    """Try again to start the plans that could not be started (a roster was missing, a queue was not there)."""
    made = found.list_import_for_update(uow, import_id)
    if made.state is not ImportState.APPLIED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the list is {made.state.value}, not applied")
    uow.imports.ask_for_plans_again(made.id)
    uow.emit(DomainEvent(kind=EventKind.IMPORT_PROGRESSED, subject=made.id, ids=progress_ids(made)))
    _audit(uow, caller, "import_plans_wanted", made)
    return import_answer(uow, made)


@router.get(
    "/imports/{import_id}/errors",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {kind: {} for kind in MEDIA_TYPES.values()}},
        **problems(Kind.UNKNOWN_IMPORT),
    },
)
def read_errors(
    import_id: Id,
    caller: Registrars,
    uow: Work,
    file_format: Annotated[FileFormat, Query(alias="format")] = "xlsx",
) -> Response:
    """The rows that were parked, to correct and send again: the same columns, and one that says what is wrong."""
    made = found.list_import(uow, import_id)
    _audit(uow, caller, "import_errors_taken", made)
    return Response(
        error_file(uow, made, file_format),
        media_type=MEDIA_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="errors-{made.id}.{file_format}"'},
    )


def _order(
    wiring: Wiring,
    caller: Caller,
    *,
    kind: ListKind,
    source: str,
    file_name: str,
    template: str | None,
    area_code: str,
    synthetic: bool,
    mapping: dict[str, str] | None,
) -> ListOrder:
    if synthetic and wiring.gate.mode is not Mode.DEMO:
        raise Problem.of(Kind.INVALID_REQUEST, "synthetic", "synthetic people exist only in the demo")
    return ListOrder(
        kind=kind,
        source=source,
        file_name=file_name,
        template_id=template,
        area_code=area_code or wiring.area_code,
        synthetic=synthetic,
        mapping=mapping,
        rows_kept_days=wiring.import_rows_days,
        by=caller.user_id,
    )


def _rules(request: Request, uow: UnitOfWork, made: ListImport) -> ListRules:
    return rules_of(made, _surroundings(wiring_of(request)), uow.now)


def _surroundings(wiring: Wiring) -> ListSurroundings:
    return ListSurroundings(zone=wiring.zone, templates=frozenset(wiring.content.plans), content=wiring.content)


def _audit(uow: UnitOfWork, caller: Caller, action: str, made: ListImport) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="import", subject=made.id, detail={})
