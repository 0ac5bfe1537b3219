"""The patient's page behind a report's link, and the page that says whether a printed code is ours."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response as HttpResponse

from api.edge import Route, Work
from api.link_html import identity_page, report_page, waiting_page
from api.patient_doors import go, gone, html, note, pdf, visit_by
from api.permissions import ANYONE
from api.report_checks import check
from api.report_html import ReportPages
from api.wiring import Wiring, wiring_of
from care.patient_links import LinkKind
from care.report_prints import PrintState
from care.summaries import SummaryState
from reports.shop import STAGE_SUMMARY

router = APIRouter(route_class=Route, include_in_schema=False)


@router.get("/r/{token}", dependencies=[ANYONE])
def open_report(token: str, request: Request, uow: Work) -> HttpResponse:
    """The birthday, or the button that opens the document."""
    visit = visit_by(LinkKind.REPORT, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if not visit.admitted:
        return html(identity_page(visit.place, wrong=False))
    made = uow.summaries.print(visit.link.print_id or "")
    if made is None or made.state is PrintState.FAILED:
        return gone(LinkKind.REPORT, wiring_of(request))
    if made.state is not PrintState.READY:
        return html(waiting_page(visit.place))
    return html(report_page(visit.place))


@router.get("/r/{token}/file", dependencies=[ANYONE])
def read_report(token: str, request: Request, uow: Work) -> HttpResponse:
    """The document itself, for the browser that was let in."""
    visit = visit_by(LinkKind.REPORT, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    body = uow.summaries.file_of(visit.link.print_id or "") if visit.admitted else None
    summary = uow.summaries.get(visit.link.summary_id or "")
    if body is None or summary is None:
        return go(visit.place.address)
    note(uow, visit.link, "report_read_by_patient")
    return pdf(body, summary.number)


@router.get("/v/{token}", dependencies=[ANYONE])
def check_code(token: str, request: Request, uow: Work) -> HttpResponse:
    """Genuine or not, number, date and signature; nothing about health and no patient's name."""
    wiring = wiring_of(request)
    language = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"
    pages = _pages(wiring, language)
    words = wiring.content.reports[STAGE_SUMMARY]

    def word(key: str, **values: object) -> str:
        return words.label(key, language, **values)

    checked = check(uow, wiring.report_keys, token)
    if checked is None:
        return html(pages.checked(word("check_false"), [], [], good=False), 404)
    summary, made = checked.summary, checked.made
    uow.audit.note(
        user_id=None,
        action="report_checked",
        subject_kind="summary",
        subject=summary.id,
        patient_id=summary.patient_id,
        detail={"ordinal": made.ordinal},
    )
    zone = ZoneInfo(summary.facts.zone)
    signed_at = f"{summary.signed_at.astimezone(zone):%Y-%m-%d %H:%M}" if summary.signed_at else ""
    printed_at = f"{made.asked_at.astimezone(zone):%Y-%m-%d %H:%M}"
    facts = [
        (word("number"), summary.number),
        (word("signed"), summary.signer_name),
        (word("signed_at"), signed_at),
        ("", word("check_print", ordinal=made.ordinal, at=printed_at)),
    ]
    remarks = [word("check_addenda", count=checked.later_addenda)] if checked.later_addenda else []
    stands = summary.state is SummaryState.SIGNED
    return html(pages.checked(word("check_genuine" if stands else "check_withdrawn"), facts, remarks, good=stands))


def _pages(wiring: Wiring, language: str) -> ReportPages:
    hospital = wiring.hospital_name_en if language == "en" and wiring.hospital_name_en else wiring.hospital_name
    return ReportPages(wiring.content.reports[STAGE_SUMMARY], language, hospital, wiring.call_back_number)
