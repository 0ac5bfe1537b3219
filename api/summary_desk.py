"""What the routes of summaries share: finding one, refusing in words, choosing how a print looks."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from api import found
from api.auth import Caller
from api.problems import Kind, Problem
from api.wiring import Wiring, wiring_of
from care.report_prints import PrintSize
from care.summaries import StageSummary, SummaryChangedError, SummaryStateError
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from reports.shop import STAGE_SUMMARY
from scheduler.notices import Notices


@contextmanager
def in_words() -> Iterator[None]:
    """Answer with a problem what a summary refuses."""
    try:
        yield
    except SummaryChangedError as error:
        raise Problem.of(Kind.SUMMARY_CHANGED, "version", str(error)) from error
    except SummaryStateError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", str(error)) from error


def summary_named(uow: UnitOfWork, summary_id: str, *, locked: bool = False) -> StageSummary:
    """The summary of a patient whom the caller may see."""
    summary = uow.summaries.for_update(summary_id) if locked else uow.summaries.get(summary_id)
    if summary is None:
        raise Problem.of(
            Kind.UNKNOWN_SUMMARY,
            "summary_id",
            "there is no such summary; GET /api/v1/patients/{patient_id}/summaries lists a patient's",
        )
    found.patient(uow, summary.patient_id)
    return summary


def audit(uow: UnitOfWork, caller: Caller, action: str, summary: StageSummary, **detail: object) -> None:
    """Note who did what with it."""
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="summary",
        subject=summary.id,
        patient_id=summary.patient_id,
        detail={"number": summary.number, **detail},
    )


def tell(uow: UnitOfWork, summary: StageSummary) -> None:
    """Tell consoles that it is another now."""
    uow.emit(DomainEvent(kind=EventKind.SUMMARY_CHANGED, subject=summary.id, ids={"patient": summary.patient_id}))


def name_of(uow: UnitOfWork, caller: Caller) -> str:
    """How the caller is called on paper."""
    user = uow.users.get(caller.user_id)
    if user is None:
        raise LookupError(f"user {caller.user_id} is logged in and not there")
    return user.display_name


def language_for(uow: UnitOfWork, summary: StageSummary, asked: str | None) -> str:
    """The language that is asked for, or the patient's."""
    if asked:
        return asked
    return "zh" if found.patient(uow, summary.patient_id).language == "zh" else "en"


def size_for(request: Request, summary: StageSummary, asked: PrintSize | None) -> PrintSize:
    """The size that is asked for; large print for the old."""
    if asked:
        return asked
    age = summary.facts.person.age_on(summary.until)
    old = age is not None and age >= wiring_of(request).content.reports[STAGE_SUMMARY].large_print_from_age
    return PrintSize.LARGE if old else PrintSize.NORMAL


def notices_of(wiring: Wiring) -> Notices:
    """With what messages to patients are written here."""
    return Notices(
        texts=wiring.content.messages,
        hospital={"zh": wiring.hospital_name, "en": wiring.hospital_name_en or wiring.hospital_name},
        number=wiring.call_back_number,
        mode=wiring.gate.mode,
        allow_list=wiring.gate.allow_list,
        profile=wiring.gate.profile,
        calendar_region=wiring.gate.calendar_region,
    )
