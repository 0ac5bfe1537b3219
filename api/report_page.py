"""The patient's page behind a report's link, and the page that says whether a printed code is ours."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.responses import Response as HttpResponse

from api.edge import Route, Work
from api.link_page import new_token, token_hash
from api.permissions import ANYONE
from api.report_checks import check
from api.report_html import ReportPages
from api.wiring import Wiring, wiring_of
from care.form_links import is_birthday
from care.report_links import ReportLink
from care.report_prints import PrintState
from care.summaries import SummaryState
from db.unit_of_work import UnitOfWork
from reports.shop import STAGE_SUMMARY

router = APIRouter(route_class=Route, include_in_schema=False)

COOKIE = "suifang_report"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", errors="replace")
    return {key: values[-1] for key, values in parse_qs(body, keep_blank_values=True, max_num_fields=20).items()}


Fields = Annotated[dict[str, str], Depends(_fields)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request by a link that lives."""

    link: ReportLink
    pages: ReportPages
    address: str
    admitted: bool  # this browser has given the birthday


@router.get("/r/{token}", dependencies=[ANYONE])
def open_report(token: str, request: Request, uow: Work) -> HttpResponse:
    """The birthday, or the button that opens the document."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if not visit.admitted:
        return _html(visit.pages.identity(visit.address, wrong=False))
    made = uow.summaries.print(visit.link.print_id)
    if made is None or made.state is PrintState.FAILED:
        return _html(visit.pages.plain("page_gone"), 404)
    if made.state is not PrintState.READY:
        return _html(visit.pages.waiting())
    return _html(visit.pages.ready(visit.address))


@router.post("/r/{token}/identity", dependencies=[ANYONE])
def give_birthday(token: str, request: Request, uow: Work, fields: Fields) -> HttpResponse:
    """Let this browser in, the only one; too many wrong birthdays close the link."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if visit.admitted:
        return RedirectResponse(visit.address, 303, headers=_HEADERS)
    patient = uow.patients.get(visit.link.patient_id)
    month, day = fields.get("month", ""), fields.get("day", "")
    right = (
        month.isdecimal() and day.isdecimal() and is_birthday(patient.born if patient else None, int(month), int(day))
    )
    _note(uow, "identity_confirmed" if right else "identity_failed", visit.link)
    if not right:
        visit.link.turn_away(uow.now)
        if not visit.link.lives(uow.now):
            return _html(visit.pages.plain("page_gone"))
        return _html(visit.pages.identity(visit.address, wrong=True))
    ticket = new_token()
    visit.link.admit(token_hash(ticket), uow.now)
    answer = RedirectResponse(visit.address, 303, headers=_HEADERS)
    answer.set_cookie(
        COOKIE, ticket, path=visit.address, httponly=True, samesite="strict", secure=wiring_of(request).https
    )
    return answer


@router.get("/r/{token}/file", dependencies=[ANYONE])
def read_report(token: str, request: Request, uow: Work) -> HttpResponse:
    """The document itself, for the browser that was let in."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    body = uow.summaries.file_of(visit.link.print_id) if visit.admitted else None
    summary = uow.summaries.get(visit.link.summary_id)
    if body is None or summary is None:
        return RedirectResponse(visit.address, 303, headers=_HEADERS)
    _note(uow, "report_read_by_patient", visit.link)
    return HttpResponse(
        body,
        media_type="application/pdf",
        headers={
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex",
            "Content-Disposition": f'inline; filename="{summary.number}.pdf"',
        },
    )


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
        return _html(pages.checked(word("check_false"), [], [], good=False), 404)
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
    return _html(pages.checked(word("check_genuine" if stands else "check_withdrawn"), facts, remarks, good=stands))


def _visit(token: str, request: Request, uow: UnitOfWork) -> Visit | HttpResponse:
    """Who comes by which link, or the page that turns him away: the same for one unknown, used, expired or closed."""
    wiring = wiring_of(request)
    link = uow.summaries.link_by_token_hash(token_hash(token))
    if link is None or not link.lives(uow.now):
        return _html(_pages(wiring, "zh").plain("page_gone"), 404)
    pages = _pages(wiring, link.language)
    if not link.may_ask(uow.now):
        return _html(pages.plain("page_many"), 429)
    ticket = request.cookies.get(COOKIE)
    admitted = link.visited(token_hash(ticket) if ticket else None, uow.now)
    if link.opened_at is not None and not admitted:
        return _html(pages.plain("page_gone"), 404)
    return Visit(link=link, pages=pages, address=f"/r/{token}", admitted=admitted)


def _pages(wiring: Wiring, language: str) -> ReportPages:
    hospital = wiring.hospital_name_en if language == "en" and wiring.hospital_name_en else wiring.hospital_name
    return ReportPages(wiring.content.reports[STAGE_SUMMARY], language, hospital, wiring.call_back_number)


def _note(uow: UnitOfWork, action: str, link: ReportLink) -> None:
    uow.audit.note(user_id=None, action=action, subject_kind="report_link", subject=link.id, patient_id=link.patient_id)


def _html(page: str, status: int = 200) -> HttpResponse:
    return HTMLResponse(page, status, headers=_HEADERS)
