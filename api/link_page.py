"""The page on which a patient answers one form himself: birthday first, then one question after another, each saved."""

import unicodedata
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import Response as HttpResponse

from api.edge import Route, Work
from api.link_html import Place, end_page, identity_page, plain_page, question_page, unit_in_words
from api.patient_doors import Fields, go, gone, html, visit_by
from api.permissions import ANYONE
from api.wiring import wiring_of
from care.forms import (
    AnswerRefusedError,
    AnswerValue,
    Form,
    FormItem,
    ItemType,
    differs_much,
    enabled_items,
    missing_items,
)
from care.patient_links import LinkKind
from care.responses import Response, ResponseMode, ResponseState
from care.scoring import ScoreState
from db import answering
from db.unit_of_work import UnitOfWork
from followup.alerts import AlertLevel
from followup.answer_alerts import alerts_for
from scheduler.answered_tasks import close_if_answered

router = APIRouter(route_class=Route, include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request by a link that lives: the answers it leads to, and where the page is shown."""

    response: Response
    form: Form
    place: Place
    admitted: bool  # this browser has given the birthday


@router.get("/f/{token}", dependencies=[ANYONE])
def open_link(token: str, request: Request, uow: Work) -> HttpResponse:
    """The birthday, or the first question without an answer."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if not visit.admitted:
        return html(identity_page(visit.place, wrong=False))
    return _go(visit, _first_open(visit))


@router.get("/f/{token}/end", dependencies=[ANYONE])
def show_end(token: str, request: Request, uow: Work) -> HttpResponse:
    """What is still open, or the button that sends everything."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if not visit.admitted:
        return go(visit.place.address)
    place = replace(visit.place, danger=_danger(uow, request, visit))
    if visit.response.state is not ResponseState.IN_PROGRESS:
        return html(plain_page(place, "done"))
    return html(end_page(place, _missing(visit)))


@router.post("/f/{token}/end", dependencies=[ANYONE])
def send_all(token: str, request: Request, uow: Work) -> HttpResponse:
    """The answers are complete."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    if visit.admitted and visit.response.state is ResponseState.IN_PROGRESS and not _missing(visit):
        content = wiring_of(request).content
        answering.complete(uow, content, visit.response, by=None, mode=ResponseMode.LINK)
        close_if_answered(uow, content, visit.response.task_id)
    return go(f"{visit.place.address}/end")


@router.get("/f/{token}/{number}", dependencies=[ANYONE])
def show_question(token: str, number: int, request: Request, uow: Work) -> HttpResponse:
    """One question; its number says nothing of what is asked."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    item = _standing(visit).get(number)
    if not visit.admitted or item is None:
        return go(visit.place.address)
    if visit.response.state is not ResponseState.IN_PROGRESS:
        return _go(visit, None)
    return _question(uow, request, visit, number, item)


@router.post("/f/{token}/{number}", dependencies=[ANYONE])
def answer_question(token: str, number: int, request: Request, uow: Work, fields: Fields) -> HttpResponse:
    """Save this answer and show the next question; a sign of danger is answered on that page at once."""
    visit = _visit(token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    item = _standing(visit).get(number)
    if not visit.admitted or item is None:
        return go(visit.place.address)
    if visit.response.state is not ResponseState.IN_PROGRESS:
        return _go(visit, None)
    written = unicodedata.normalize("NFKC", fields.get("answer", "")).strip()
    if not written and item.required:
        return _question(uow, request, visit, number, item, fault=visit.place.word("empty"))
    try:
        value = _value(item, written) if written else None
        last = _last_number(uow, visit, item)
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and differs_much(item, value, last)
            and fields.get("sure") != "yes"
        ):
            fault = visit.place.word("sure", value=f"{value:g}", last=f"{last:g}")
            return _question(uow, request, visit, number, item, fault=fault, confirm=True, given=value)
        answering.save_answer(
            uow, wiring_of(request).content, visit.response, item.link_id, value, by=None, mode=ResponseMode.LINK
        )
    except AnswerRefusedError:
        fault = visit.place.word("refused", reason=_fitting(item, visit.place.language))
        return _question(uow, request, visit, number, item, fault=fault)
    later = [each for each in _standing(visit) if each > number]
    return _go(visit, later[0] if later else None)


def _visit(token: str, request: Request, uow: UnitOfWork) -> Visit | HttpResponse:
    """Who comes by which link to which questions, or the page that turns him away."""
    visit = visit_by(LinkKind.FORM, token, request, uow)
    if isinstance(visit, HttpResponse):
        return visit
    wiring = wiring_of(request)
    response = uow.responses.get(visit.link.response_id or "")
    form = wiring.content.forms.get(response.form_id) if response is not None else None
    if response is None or form is None:
        return gone(LinkKind.FORM, wiring)
    return Visit(response=response, form=form, place=visit.place, admitted=visit.admitted)


def _standing(visit: Visit) -> dict[int, FormItem]:
    numbers = {item.link_id: number for number, item in enumerate(visit.form.questions(), start=1)}
    return {numbers[item.link_id]: item for item in enabled_items(visit.form, visit.response.answers)}


def _first_open(visit: Visit) -> int | None:
    return next(
        (number for number, item in _standing(visit).items() if item.link_id not in visit.response.answers), None
    )


def _missing(visit: Visit) -> list[tuple[int, FormItem]]:
    wanted = {item.link_id for item in missing_items(visit.form, visit.response.answers)}
    return [(number, item) for number, item in _standing(visit).items() if item.link_id in wanted]


def _question(
    uow: UnitOfWork,
    request: Request,
    visit: Visit,
    number: int,
    item: FormItem,
    *,
    fault: str | None = None,
    confirm: bool = False,
    given: AnswerValue | None = None,
) -> HttpResponse:
    numbers = list(_standing(visit))
    at = numbers.index(number)
    return html(
        question_page(
            replace(visit.place, danger=_danger(uow, request, visit)),
            item,
            number=number,
            place_in_row=at + 1,
            count=len(numbers),
            given=given if given is not None else visit.response.answers.get(item.link_id),
            fault=fault,
            confirm=confirm,
            before=numbers[at - 1] if at else None,
        )
    )


def _danger(uow: UnitOfWork, request: Request, visit: Visit) -> str | None:
    """What is said at once if the answers so far hold a sign of danger to life."""
    content = wiring_of(request).content
    patient = uow.patients.get(visit.response.patient_id)
    scores = answering.scores_now(uow, visit.form, visit.response)
    signs = alerts_for(
        visit.form.id,
        content.answer_alerts,
        answering.as_measured(visit.form, visit.response.answers),
        answering.earlier_of(uow, visit.response),
        at=uow.now,
        zone=patient.zone if patient else wiring_of(request).zone.key,
        scores={each.id: each.value for each in scores if each.state is ScoreState.SCORED and each.value is not None},
    )
    red = next((sign for sign in signs if sign.level is AlertLevel.RED), None)
    if red is None:
        return None
    return red.rule.advice.get(visit.place.language) or visit.place.word(
        "danger" if visit.form.sensitive else "danger_body"
    )


def _last_number(uow: UnitOfWork, visit: Visit, item: FormItem) -> float | None:
    if item.largest_change is None:
        return None
    for earlier in reversed(answering.earlier_of(uow, visit.response)):
        value = earlier.answers.get(item.link_id)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def _value(item: FormItem, written: str) -> AnswerValue:
    match item.type:
        case ItemType.BOOLEAN:
            return written == "yes"
        case ItemType.INTEGER | ItemType.DECIMAL:
            try:
                return float(written.replace(",", "."))
            except ValueError as error:
                raise AnswerRefusedError(item.link_id, "is answered with a number", "write a number") from error
        case _:
            return written


def _fitting(item: FormItem, language: str) -> str:
    low = "" if item.minimum is None else f"{item.minimum:g}"
    high = "" if item.maximum is None else f"{item.maximum:g}"
    unit = f" {unit_in_words(item.unit, language)}" if item.unit else ""
    return f"{low}–{high}{unit}" if low or high else "–"


def _go(visit: Visit, number: int | None) -> HttpResponse:
    where = "end" if number is None else str(number)
    return go(f"{visit.place.address}/{where}")
