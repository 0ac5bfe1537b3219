"""What stands before every page behind a patient's link: the token, the birthday, the browser that is let in."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.responses import Response as HttpResponse

from api.edge import Route, Work
from api.link_html import Place, identity_page, plain_page
from api.permissions import ANYONE
from api.wiring import Wiring, wiring_of
from care.patient_links import LIFETIME, LinkKind, PatientLink, is_birthday
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from runtime.identifiers import new_id

router = APIRouter(route_class=Route, include_in_schema=False)

COOKIE = "suifang_link"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Robots-Tag": "noindex",
}
"""Besides those of every answer (api/http_headers.py): not kept, no address told to other sites."""
PATHS = {LinkKind.FORM: "f", LinkKind.REPORT: "r", LinkKind.RECORD: "p"}
_KINDS = {path: kind for kind, path in PATHS.items()}


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", errors="replace")
    return {key: values[-1] for key, values in parse_qs(body, keep_blank_values=True, max_num_fields=20).items()}


Fields = Annotated[dict[str, str], Depends(_fields)]
"""What a plain HTML form sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request by a link that lives."""

    link: PatientLink
    place: Place
    admitted: bool  # this browser has given the birthday


def visit_by(kind: LinkKind, token: str, request: Request, uow: UnitOfWork) -> Visit | HttpResponse:
    """Who comes by which link; or the page that turns him away, the same for one unknown, used, expired or closed."""
    wiring = wiring_of(request)
    link = uow.links.by_token_hash(kind, token_hash(token))
    if link is None or not link.lives(uow.now):
        return gone(kind, wiring)
    place = _place(kind, token, link.language, wiring)
    if not link.may_ask(uow.now):
        return html(plain_page(place, "many"), 429)
    ticket = request.cookies.get(COOKIE)
    visit_hash = token_hash(ticket) if ticket else None
    if link.taken(visit_hash, uow.now) or _lost_the_word(uow, link):
        return gone(kind, wiring)
    return Visit(link=link, place=place, admitted=link.visited(visit_hash, uow.now))


def gone(kind: LinkKind, wiring: Wiring) -> HttpResponse:
    """The page of a link that leads nowhere; it does not tell why."""
    return html(plain_page(_place(kind, "", "zh", wiring), "gone"), 404)


def note(uow: UnitOfWork, link: PatientLink, action: str, **detail: object) -> None:
    """Write into the audit log what was done by a link."""
    reader = {"relative": link.relative_id} if link.relative_id else {}
    uow.audit.note(
        user_id=None,
        action=action,
        subject_kind=f"{link.kind.value}_link",
        subject=link.id,
        patient_id=link.patient_id,
        detail={**reader, **detail},
    )


def html(page: str, status: int = 200) -> HttpResponse:
    """A page with the headers that keep it from being framed, kept or followed."""
    return HTMLResponse(page, status, headers=HEADERS)


def go(address: str) -> HttpResponse:
    """On to another page of ours."""
    return RedirectResponse(address, 303, headers=HEADERS)


def pdf(body: bytes, name: str) -> HttpResponse:
    """A document, shown and not kept by anybody on the way."""
    return HttpResponse(
        body,
        media_type="application/pdf",
        headers={"X-Robots-Tag": "noindex", "Content-Disposition": f'inline; filename="{name}.pdf"'},
    )


@router.post("/f/{token}/identity", dependencies=[ANYONE])
@router.post("/r/{token}/identity", dependencies=[ANYONE])
@router.post("/p/{token}/identity", dependencies=[ANYONE])
def give_birthday(token: str, request: Request, uow: Work, fields: Fields) -> HttpResponse:
    """Let the browser in, or count the wrong birthday; too many close the link."""
    kind = _kind_of(request)
    visit = visit_by(kind, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if visit.admitted:
        return go(visit.place.address)
    patient = uow.patients.get(visit.link.patient_id)
    month, day = fields.get("month", ""), fields.get("day", "")
    right = (
        month.isdecimal() and day.isdecimal() and is_birthday(patient.born if patient else None, int(month), int(day))
    )
    note(uow, visit.link, "identity_confirmed" if right else "identity_failed")
    if not right:
        visit.link.turn_away(uow.now)
        if not visit.link.lives(uow.now):
            return html(plain_page(visit.place, "gone"))
        return html(identity_page(visit.place, wrong=True))
    ticket = new_token()
    visit.link.admit(token_hash(ticket), uow.now)
    answer = go(visit.place.address)
    answer.set_cookie(
        COOKIE, ticket, path=visit.place.address, httponly=True, samesite="strict", secure=wiring_of(request).https
    )
    return answer


@router.post("/f/{token}/language", dependencies=[ANYONE])
@router.post("/r/{token}/language", dependencies=[ANYONE])
@router.post("/p/{token}/language", dependencies=[ANYONE])
def change_language(token: str, request: Request, uow: Work) -> HttpResponse:
    """The other language."""
    visit = visit_by(_kind_of(request), token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    visit.link.language = "en" if visit.place.language == "zh" else "zh"
    return go(visit.place.address)


def new_link(
    uow: UnitOfWork,
    wiring: Wiring,
    kind: LinkKind,
    patient: Patient,
    *,
    by: str,
    language: str | None = None,
    lifetime: timedelta = LIFETIME,
    response_id: str | None = None,
    summary_id: str | None = None,
    print_id: str | None = None,
    relative_id: str | None = None,
) -> tuple[str, PatientLink]:
    """A link and its address; the address is shown or sent once and never stored with the link."""
    token = new_token()
    link = PatientLink(
        id=new_id(),
        kind=kind,
        patient_id=patient.id,
        response_id=response_id,
        summary_id=summary_id,
        print_id=print_id,
        relative_id=relative_id,
        token_hash=token_hash(token),
        language=language or ("zh" if patient.language == "zh" else "en"),
        created_at=uow.now,
        created_by=by,
        expires_at=uow.now + lifetime,
    )
    uow.links.add(link)
    return f"{wiring.public_url.rstrip('/')}/{PATHS[kind]}/{token}", link


def new_token() -> str:
    """256 bits of chance: it needs no signature, because nobody can make one up."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _kind_of(request: Request) -> LinkKind:
    return _KINDS[request.url.path.split("/")[1]]


def _lost_the_word(uow: UnitOfWork, link: PatientLink) -> bool:
    """True if somebody else was to read, and the patient's word for him does not hold any more."""
    if link.relative_id is None:
        return False
    relative = uow.relatives.get(link.relative_id)
    return relative is None or not relative.matters(uow.now)


def _place(kind: LinkKind, token: str, language: str, wiring: Wiring) -> Place:
    return Place(
        kind=kind,
        address=f"/{PATHS[kind]}/{token}",
        language=language,
        hospital=_hospital(wiring, language),
        number=wiring.call_back_number,
    )


def _hospital(wiring: Wiring, language: str) -> str:
    if language == "en" and wiring.hospital_name_en:
        return wiring.hospital_name_en
    return wiring.hospital_name or ("医院随访中心" if language == "zh" else "The hospital's follow-up centre")
