"""The patient's own page behind a link that opens once: read-only, no ids in its addresses, every look audited."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response as HttpResponse

from api.edge import Route, Work
from api.link_html import identity_page, waiting_page
from api.own_page_html import OwnPageHtml, not_set_page
from api.patient_doors import Visit, go, gone, html, note, pdf, visit_by
from api.permissions import ANYONE
from api.summary_desk import size_for
from api.wiring import wiring_of
from care.patient_links import VISIT, LinkKind
from care.patients import Patient
from care.report_prints import PrintKind, PrintState, ReportPrint
from care.summaries import StageSummary
from db.unit_of_work import UnitOfWork
from reports.own_page import own_page, summary_at
from reports.printing import ask_for_print

router = APIRouter(route_class=Route, include_in_schema=False)

_KEPT_FOR = VISIT + timedelta(minutes=10)


@router.get("/p/{token}", dependencies=[ANYONE])
def open_own_page(token: str, request: Request, uow: Work) -> HttpResponse:
    """The birthday, or everything that is for this reader."""
    visit = visit_by(LinkKind.RECORD, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    patient = _patient(uow, visit)
    if patient.deceased_at is not None:
        return gone(LinkKind.RECORD, wiring_of(request))
    if not visit.admitted:
        return html(identity_page(visit.place, wrong=False))
    content = wiring_of(request).content
    relative = uow.relatives.get(visit.link.relative_id) if visit.link.relative_id else None
    own = own_page(uow, content, patient, relative, visit.place.language)
    note(uow, visit.link, "own_page_viewed", parts=sorted(own.parts))
    return html(OwnPageHtml(visit.place, own).whole())


@router.post("/p/{token}/summaries/{place}", dependencies=[ANYONE])
def ask_for_summary(token: str, place: int, request: Request, uow: Work) -> HttpResponse:
    """Have a signed summary set for this reader, unless it is there already."""
    found = _summary(token, place, request, uow)
    if isinstance(found, HttpResponse):
        return found
    visit, summary = found
    uow.summaries.for_update(summary.id)
    if _set_already(uow, visit, summary) is None:
        made = ask_for_print(
            uow,
            summary,
            language=visit.place.language,
            size=size_for(request, summary, None),
            by=visit.link.created_by or "",
            name="本人查看" if visit.place.language == "zh" else "the patient's page",
            electronic=True,
            kept_for=_KEPT_FOR,
        )
        note(uow, visit.link, "summary_asked_for_by_patient", summary=summary.id, print=made.id)
    return go(f"{visit.place.address}/summaries/{place}")


@router.get("/p/{token}/summaries/{place}", dependencies=[ANYONE])
def read_summary(token: str, place: int, request: Request, uow: Work) -> HttpResponse:
    """The document, as soon as it is set."""
    found = _summary(token, place, request, uow)
    if isinstance(found, HttpResponse):
        return found
    visit, summary = found
    made = _set_already(uow, visit, summary)
    if made is None:
        return html(not_set_page(visit.place), 404)
    body = uow.summaries.file_of(made.id) if made.state is PrintState.READY else None
    if body is None:
        return html(waiting_page(visit.place))
    note(uow, visit.link, "summary_read_by_patient", summary=summary.id, print=made.id)
    return pdf(body, summary.number)


def _summary(token: str, place: int, request: Request, uow: UnitOfWork) -> tuple[Visit, StageSummary] | HttpResponse:
    visit = visit_by(LinkKind.RECORD, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    # A summary tells everything, so that no scope is wide enough for it.
    if not visit.admitted or visit.link.relative_id is not None:
        return go(visit.place.address)
    summary = summary_at(uow, wiring_of(request).content, _patient(uow, visit), place)
    return gone(LinkKind.RECORD, wiring_of(request)) if summary is None else (visit, summary)


def _set_already(uow: UnitOfWork, visit: Visit, summary: StageSummary) -> ReportPrint | None:
    """The print for a patient that says all that is to be said now: asked for after the last addendum."""
    last = max((each.written_at for each in summary.addenda), default=summary.created_at)
    fit = [
        made
        for made in uow.summaries.prints_of(summary.id)
        if made.kind is PrintKind.ELECTRONIC
        and made.state is not PrintState.FAILED
        and made.language == visit.place.language
        and last <= made.asked_at
        and uow.now < made.keep_until
    ]
    return fit[-1] if fit else None


def _patient(uow: UnitOfWork, visit: Visit) -> Patient:
    patient = uow.patients.get(visit.link.patient_id)
    if patient is None:
        raise LookupError(f"link {visit.link.id} leads to a patient who is not there")
    return patient
