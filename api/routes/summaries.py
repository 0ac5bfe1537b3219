"""Stage summaries: gathered as a draft, completed by the care team, signed by a doctor, then only added to."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Words
from api.permissions import CareTeam, CareTeamCommanding, DoctorCommanding
from api.problems import Kind, Problem, problems
from api.summary_desk import audit, in_words, name_of, summary_named, tell
from api.wiring import wiring_of
from care.patients import Patient
from care.stage_facts import StageFacts
from care.summaries import StageSummary, SummaryAddendum, SummaryState
from db.unit_of_work import UnitOfWork
from reports.gathering import Period, gather
from reports.signing import content_digest
from reports.typesetting import NotPrintableError, refuse_unprintable
from runtime.identifiers import new_id

router = APIRouter(tags=["summaries"], route_class=Route)

LONGEST_YEARS = 10

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class PeriodAsk(Ask):
    """Whole days of the hospital's calendar, the last one counted."""

    since: date
    until: date


class VersionAsk(Ask):
    """The version that was read: nobody signs or overwrites what he has not seen."""

    version: int


class TextAsk(VersionAsk):
    """The doctor's words, as they will be printed."""

    conclusion: Text
    next_steps: Text = ""


class BecauseAsk(Ask):
    """Why."""

    reason: Reason


class SummaryAddendumAsk(Ask):
    """A later word to a signed summary."""

    text: Words


class SummaryAddendumAnswer(Answer):
    """A later word."""

    id: str
    text: str
    author_id: str
    author_name: str
    written_at: Instant


class SummaryRow(Answer):
    """A summary in a list."""

    id: str
    number: str
    patient_id: str
    since: date
    until: date
    state: SummaryState
    version: int
    created_at: Instant
    changed_at: Instant
    signed_at: Instant | None
    signer_name: str


class SummaryAnswer(SummaryRow):
    """A summary with its facts: every number has its source and date."""

    facts: StageFacts
    conclusion: str
    next_steps: str
    created_by: str
    changed_by: str
    signed_by: str | None
    settled_at: Instant | None
    settled_because: str
    addenda: list[SummaryAddendumAnswer]


class SummariesAnswer(Answer):
    """Summaries without their facts."""

    summaries: list[SummaryRow]


_CHANGING = (Kind.UNKNOWN_SUMMARY, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW, Kind.SUMMARY_CHANGED)


@router.post(
    "/patients/{patient_id}/summaries",
    status_code=201,
    responses={
        200: {"description": "The period has this draft already", "model": SummaryAnswer},
        **problems(Kind.UNKNOWN_PATIENT),
    },
)
def draft_summary(
    patient_id: Id, ask: PeriodAsk, caller: CareTeamCommanding, request: Request, response: Response, uow: Work
) -> SummaryAnswer:
    """Gather a draft for a period; asked twice, it is the same draft."""
    patient = found.patient(uow, patient_id)
    period = _period(request, uow, ask)
    # Two who begin the same summary at once come to one draft: the second waits for the first.
    uow.patients.lock(patient.id)
    draft = uow.summaries.draft_of(patient.id, ask.since, ask.until)
    if draft is not None:
        response.status_code = 200
        audit(uow, caller, "summary_viewed", draft)
        return _answer(draft)
    summary = StageSummary(
        id=new_id(),
        number=uow.summaries.next_number(uow.now.astimezone(period.zone).year),
        patient_id=patient.id,
        since=ask.since,
        until=ask.until,
        facts=gather(uow, wiring_of(request).content, patient, period),
        created_at=uow.now,
        created_by=caller.user_id,
        changed_at=uow.now,
        changed_by=caller.user_id,
    )
    uow.summaries.add(summary)
    audit(uow, caller, "summary_drafted", summary)
    tell(uow, summary)
    return _answer(summary)


@router.get("/patients/{patient_id}/summaries", responses=problems(Kind.UNKNOWN_PATIENT))
def list_summaries(patient_id: Id, caller: CareTeam, uow: Work) -> SummariesAnswer:
    """A patient's summaries, newest first."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="summaries_listed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return SummariesAnswer(summaries=[SummaryRow.model_validate(each) for each in uow.summaries.of_patient(patient.id)])


@router.get("/summaries/unsigned")
def list_unsigned_summaries(caller: CareTeam, uow: Work) -> SummariesAnswer:  # noqa: ARG001
    """Drafts of patients whose record is open to the caller that wait for a doctor, oldest first."""
    waiting = uow.summaries.unsigned(opened=lambda patient_id: uow.care_team.is_open(patient_id, uow.now))
    return SummariesAnswer(summaries=[SummaryRow.model_validate(each) for each in waiting])


@router.get("/summaries/{summary_id}", responses=problems(Kind.UNKNOWN_SUMMARY, Kind.UNKNOWN_PATIENT))
def read_summary(summary_id: Id, caller: CareTeam, uow: Work) -> SummaryAnswer:
    """One summary with its facts."""
    summary = summary_named(uow, summary_id)
    audit(uow, caller, "summary_viewed", summary)
    return _answer(summary)


@router.put("/summaries/{summary_id}", responses=problems(*_CHANGING))
def rewrite_summary(summary_id: Id, ask: TextAsk, caller: CareTeam, uow: Work) -> SummaryAnswer:
    """Write the conclusion and the next steps of a draft."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        summary.rewrite(
            conclusion=ask.conclusion, next_steps=ask.next_steps, version=ask.version, by=caller.user_id, at=uow.now
        )
    return _changed(uow, caller, "summary_rewritten", summary)


@router.post("/summaries/{summary_id}/gather", responses=problems(*_CHANGING))
def gather_again(
    summary_id: Id, ask: VersionAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> SummaryAnswer:
    """Read the record again into a draft; the words stay."""
    summary = summary_named(uow, summary_id, locked=True)
    period = Period(since=summary.since, until=summary.until, zone=wiring_of(request).zone)
    facts = gather(uow, wiring_of(request).content, _patient(uow, summary), period)
    with in_words():
        summary.gather_again(facts, version=ask.version, by=caller.user_id, at=uow.now)
    return _changed(uow, caller, "summary_gathered", summary)


@router.post("/summaries/{summary_id}/sign", responses=problems(*_CHANGING))
def sign_summary(
    summary_id: Id, ask: VersionAsk, caller: DoctorCommanding, request: Request, uow: Work
) -> SummaryAnswer:
    """Sign the version that was read; from here on nothing of it changes."""
    summary = summary_named(uow, summary_id, locked=True)
    try:
        # Later it could neither be printed nor mended.
        refuse_unprintable(f"{summary.conclusion}{summary.next_steps}", wiring_of(request).font_folders)
    except NotPrintableError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "conclusion", str(error)) from error
    with in_words():
        summary.sign(version=ask.version, by=caller.user_id, name=name_of(uow, caller), at=uow.now)
    # Of what was just read from the database, so that it is the same when it is read again.
    summary.content_sha256 = content_digest(summary)
    return _changed(uow, caller, "summary_signed", summary)


@router.post("/summaries/{summary_id}/discard", responses=problems(*_CHANGING))
def discard_summary(summary_id: Id, ask: BecauseAsk, caller: CareTeamCommanding, uow: Work) -> SummaryAnswer:
    """Let a draft go; it is kept and leads nowhere."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        summary.discard(by=caller.user_id, because=ask.reason, at=uow.now)
    return _changed(uow, caller, "summary_discarded", summary)


@router.post("/summaries/{summary_id}/withdraw", responses=problems(*_CHANGING))
def withdraw_summary(summary_id: Id, ask: BecauseAsk, caller: DoctorCommanding, uow: Work) -> SummaryAnswer:
    """Take a signed summary back: whoever checks a print is told, and every link to it is closed."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        summary.withdraw(by=caller.user_id, because=ask.reason, at=uow.now)
    uow.links.end_of_summary(summary.id, "withdrawn", uow.now)
    return _changed(uow, caller, "summary_withdrawn", summary)


@router.post(
    "/summaries/{summary_id}/addenda",
    status_code=201,
    responses=problems(Kind.UNKNOWN_SUMMARY, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def add_to_summary(
    summary_id: Id, ask: SummaryAddendumAsk, caller: DoctorCommanding, uow: Work
) -> SummaryAddendumAnswer:
    """Add a later word to a signed summary; prints from now on bear it."""
    summary = summary_named(uow, summary_id, locked=True)
    with in_words():
        summary.must_be_signed("added to")
    addendum = SummaryAddendum(
        id=new_id(),
        summary_id=summary.id,
        text=ask.text,
        author_id=caller.user_id,
        author_name=name_of(uow, caller),
        written_at=uow.now,
    )
    uow.summaries.add_addendum(addendum)
    audit(uow, caller, "summary_added_to", summary, addendum=addendum.id)
    tell(uow, summary)
    return SummaryAddendumAnswer.model_validate(addendum)


def _period(request: Request, uow: UnitOfWork, ask: PeriodAsk) -> Period:
    zone = wiring_of(request).zone
    today = uow.now.astimezone(zone).date()
    if ask.until > today:
        raise Problem.of(Kind.INVALID_REQUEST, "until", f"lies in the future; the last day can be {today}")
    if ask.since > ask.until:
        raise Problem.of(Kind.INVALID_REQUEST, "since", "lies after until; exchange them")
    if ask.until.year - ask.since.year > LONGEST_YEARS:
        raise Problem.of(
            Kind.INVALID_REQUEST, "since", f"a summary covers at most {LONGEST_YEARS} years; choose a later day"
        )
    return Period(since=ask.since, until=ask.until, zone=zone)


def _patient(uow: UnitOfWork, summary: StageSummary) -> Patient:
    return found.patient(uow, summary.patient_id)


def _changed(uow: UnitOfWork, caller: Caller, action: str, summary: StageSummary) -> SummaryAnswer:
    uow.flush()
    audit(uow, caller, action, summary, version=summary.version)
    tell(uow, summary)
    return _answer(summary)


def _answer(summary: StageSummary) -> SummaryAnswer:
    return SummaryAnswer.model_validate(summary)
