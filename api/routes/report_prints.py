"""Prints of stage summaries: asked for, set by a worker, fetched; and sent to the patient by a link that opens once."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.patient_doors import new_link
from api.permissions import Allowed, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.report_checks import CheckedReport, check
from api.summary_desk import audit, in_words, language_for, name_of, notices_of, size_for, summary_named
from api.wiring import wiring_of
from care.patient_links import LIFETIME, LinkKind
from care.report_prints import PrintKind, PrintSize, PrintState, ReportPrint
from care.summaries import StageSummary, SummaryState, SummaryStateError
from db.unit_of_work import UnitOfWork
from db.users import Role
from reports.printing import ask_for_print, overtaken, waits_too_long

router = APIRouter(tags=["summaries"], route_class=Route)

PDF = "application/pdf"


class PrintAsk(Ask):
    """How it looks; what is not said goes by the patient: his language, and large print for the old."""

    language: Literal["zh", "en"] | None = None
    size: PrintSize | None = None


class SendAsk(PrintAsk):
    """How it looks and how long the link waits. `deliver` false writes no message: somebody hands the address over."""

    hours: Annotated[float, Field(gt=0, le=24 * 31)] = LIFETIME / timedelta(hours=1)
    deliver: bool = True


class TokenAsk(Ask):
    """What the code on a print says, or only what follows /v/ in it."""

    token: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class PrintAnswer(Answer):
    """One print. `ahead`: how many were asked for earlier and are not over. A late one can be asked for again."""

    id: str
    summary_id: str
    ordinal: int
    kind: PrintKind
    language: str
    size: PrintSize
    state: PrintState
    ahead: int
    late: bool
    asked_at: Instant
    asked_by: str
    asked_name: str
    began_at: Instant | None
    ended_at: Instant | None
    pages: int
    size_bytes: int
    sha256: str
    reason: str
    keep_until: Instant


class PrintsAnswer(Answer):
    """Every print of a summary, oldest first."""

    prints: list[PrintAnswer]


class ReportLinkAnswer(Answer):
    """A link without its address."""

    id: str
    print_id: str
    created_at: Instant
    created_by: str
    expires_at: Instant
    opened_at: Instant | None
    wrong_answers: int
    ended_at: Instant | None
    end_reason: str


class SentAnswer(ReportLinkAnswer):
    """A new link. Its address is shown only when no message carries it."""

    address: str | None
    message_id: str | None


class ReportLinksAnswer(Answer):
    """The links to a summary, oldest first."""

    links: list[ReportLinkAnswer]


class CheckAnswer(Answer):
    """Whether a print is genuine: nothing about health, and no name but the doctor's."""

    genuine: bool
    withdrawn: bool
    number: str | None
    signer_name: str | None
    signed_at: Instant | None
    ordinal: int | None
    printed_at: Instant | None
    addenda: int


_OF_SUMMARY = (Kind.UNKNOWN_SUMMARY, Kind.UNKNOWN_PATIENT)
_OF_PRINT = (Kind.UNKNOWN_PRINT, Kind.UNKNOWN_SUMMARY, Kind.UNKNOWN_PATIENT)


@router.post("/summaries/{summary_id}/prints", status_code=202, responses=problems(*_OF_SUMMARY, Kind.NOT_POSSIBLE_NOW))
def print_summary(
    summary_id: Id, ask: PrintAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> PrintAnswer:
    """Ask for a PDF: a draft says so across every page, the first signed one is the original, later ones are copies."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        _printable(summary)
    made = ask_for_print(
        uow,
        summary,
        language=language_for(uow, summary, ask.language),
        size=size_for(request, summary, ask.size),
        by=caller.user_id,
        name=name_of(uow, caller),
    )
    return _answer(uow, made)


@router.get("/summaries/{summary_id}/prints", responses=problems(*_OF_SUMMARY))
def list_prints(summary_id: Id, caller: CareTeam, uow: Work) -> PrintsAnswer:  # noqa: ARG001
    """Who printed it, when, in which size and language, and what became of it."""
    summary = summary_named(uow, summary_id)
    return PrintsAnswer(prints=[_answer(uow, made) for made in uow.summaries.prints_of(summary.id)])


@router.get("/prints/{print_id}", responses=problems(*_OF_PRINT))
def read_print(print_id: Id, caller: CareTeam, uow: Work) -> PrintAnswer:  # noqa: ARG001
    """How far a print is."""
    return _answer(uow, _print(uow, print_id))


@router.get(
    "/prints/{print_id}/file",
    response_class=Response,
    responses={
        200: {"content": {PDF: {}}, "description": "The PDF"},
        **problems(*_OF_PRINT, Kind.NOT_POSSIBLE_NOW, Kind.REPORT_FILE_GONE),
    },
)
def fetch_print(print_id: Id, caller: CareTeam, uow: Work) -> Response:
    """The PDF of a print that is ready."""
    made = _print(uow, print_id)
    if made.state is PrintState.FAILED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the print failed: {made.reason}")
    if made.state is not PrintState.READY:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "state",
            f"the print is {made.state.value}; ask again in a second",
            headers={"Retry-After": "1"},
        )
    summary = summary_named(uow, made.summary_id)
    if reason := overtaken(summary, made):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", reason)
    body = uow.summaries.file_of(made.id)
    if body is None:
        raise Problem.of(
            Kind.REPORT_FILE_GONE,
            "print_id",
            f"its file was kept until {made.keep_until:%Y-%m-%d %H:%M} UTC; print the summary again",
        )
    audit(uow, caller, "report_fetched", summary, print=made.id, ordinal=made.ordinal)
    name = f"{summary.number}-{made.ordinal}.pdf"
    return Response(
        body, media_type=PDF, headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    )


@router.post("/summaries/{summary_id}/send", status_code=201, responses=problems(*_OF_SUMMARY, Kind.NOT_POSSIBLE_NOW))
def send_summary(summary_id: Id, ask: SendAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> SentAnswer:
    """Let the patient read a signed summary: a neutral message with a link that opens once, after his birthday."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        summary.must_be_signed("sent")
    patient = found.patient(uow, summary.patient_id)
    if patient.born is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "born", "the page asks for the birthday, and it is not known; add it to the patient"
        )
    lifetime = timedelta(hours=ask.hours)
    language = language_for(uow, summary, ask.language)
    made = ask_for_print(
        uow,
        summary,
        language=language,
        size=size_for(request, summary, ask.size),
        by=caller.user_id,
        name=name_of(uow, caller),
        electronic=True,
        kept_for=lifetime + timedelta(hours=1),
    )
    uow.links.end_of_summary(summary.id, "replaced", uow.now)
    wiring = wiring_of(request)
    address, link = new_link(
        uow,
        wiring,
        LinkKind.REPORT,
        patient,
        by=caller.user_id,
        language=language,
        lifetime=lifetime,
        summary_id=summary.id,
        print_id=made.id,
    )
    message_id = None
    if ask.deliver:
        message = notices_of(wiring).write(
            uow, patient=patient, key="report_link", values={"link": address}, good_until=link.expires_at
        )
        if message is None:
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW,
                "patient_id",
                "no message can go to the patient now: look at his consent to messages, his number, the do-not-call "
                "list and the hospital's name and number in the settings; or print the summary",
            )
        message_id = message.id
    audit(uow, caller, "report_sent", summary, link=link.id, print=made.id, message=message_id)
    return SentAnswer(
        **ReportLinkAnswer.model_validate(link).model_dump(),
        address=None if ask.deliver else address,
        message_id=message_id,
    )


@router.get("/summaries/{summary_id}/links", responses=problems(*_OF_SUMMARY))
def list_report_links(summary_id: Id, caller: CareTeam, uow: Work) -> ReportLinksAnswer:  # noqa: ARG001
    """What became of the links to a summary."""
    summary = summary_named(uow, summary_id)
    return ReportLinksAnswer(links=[ReportLinkAnswer.model_validate(link) for link in uow.links.of_summary(summary.id)])


@router.post("/summaries/{summary_id}/links/end", responses=problems(*_OF_SUMMARY))
def end_report_links(summary_id: Id, caller: CareTeamCommanding, uow: Work) -> ReportLinksAnswer:
    """Close every link to a summary."""
    summary = summary_named(uow, summary_id, locked=True)
    uow.links.end_of_summary(summary.id, "ended", uow.now)
    audit(uow, caller, "report_links_ended", summary)
    return ReportLinksAnswer(links=[ReportLinkAnswer.model_validate(link) for link in uow.links.of_summary(summary.id)])


@router.post("/report-checks")
def check_print(
    ask: TokenAsk,
    caller: Annotated[Caller, Depends(Allowed(*Role, repeatable="it only reads"))],  # noqa: ARG001
    request: Request,
    uow: Work,
) -> CheckAnswer:
    """Whether a print that somebody shows us is ours."""
    token = ask.token.rstrip("/").rsplit("/", 1)[-1]
    checked = check(uow, wiring_of(request).report_keys, token)
    return _checked(checked)


def _checked(checked: CheckedReport | None) -> CheckAnswer:
    if checked is None:
        return CheckAnswer(
            genuine=False,
            withdrawn=False,
            number=None,
            signer_name=None,
            signed_at=None,
            ordinal=None,
            printed_at=None,
            addenda=0,
        )
    summary, made = checked.summary, checked.made
    return CheckAnswer(
        genuine=True,
        withdrawn=summary.state is SummaryState.WITHDRAWN,
        number=summary.number,
        signer_name=summary.signer_name,
        signed_at=summary.signed_at,
        ordinal=made.ordinal,
        printed_at=made.asked_at,
        addenda=checked.later_addenda,
    )


def _printable(summary: StageSummary) -> None:
    if summary.state is SummaryState.DISCARDED:
        raise SummaryStateError("the draft was discarded; make a new summary of the period")


def _print(uow: UnitOfWork, print_id: str) -> ReportPrint:
    made = uow.summaries.print(print_id)
    if made is None:
        raise Problem.of(
            Kind.UNKNOWN_PRINT,
            "print_id",
            "there is no such print; GET /api/v1/summaries/{summary_id}/prints lists a summary's",
        )
    summary_named(uow, made.summary_id)
    return made


def _answer(uow: UnitOfWork, made: ReportPrint) -> PrintAnswer:
    return PrintAnswer.model_validate(
        {
            **{name: getattr(made, name) for name in PrintAnswer.model_fields if name not in ("ahead", "late")},
            "ahead": 0 if made.over else uow.summaries.ahead_of(made),
            "late": waits_too_long(made, uow.now),
        }
    )
