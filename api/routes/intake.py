"""Taking a history: what the record says beside a form's questions, and what was said of each word of it."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.history_answers import EntryAnswer, entry_answer
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.response_answers import ResponseAnswer, response_answer
from api.routes.responses import SaidAsk, form_of, line_of, line_of_caller, response_of
from api.wiring import wiring_of
from care.forms import AnswerRefusedError, Prefill
from care.intake import LONGEST_NAME, Verdict
from care.relatives import Speaker
from care.responses import ResponseClosedError, ResponseMode
from db.prefilling import prefilled
from db.reviewing import Said, Speaking, review

router = APIRouter(tags=["forms"], route_class=Route)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)]


class EntryReviewAsk(Ask):
    """What was said of one entry; `text` is what it is instead, for changed."""

    entry_id: Id
    verdict: Verdict
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME)] = ""


class ReviewAsk(SaidAsk):
    """What was said of every entry beside the question that nobody had spoken of, and what is new."""

    entries: Annotated[tuple[EntryReviewAsk, ...], Field(max_length=100)] = ()
    more: Annotated[tuple[Name, ...], Field(max_length=50)] = ()


class ReviewedAnswer(Answer):
    """What was said of an entry in this response."""

    verdict: Verdict
    text: str
    by: str
    at: Instant


class PrefilledEntryAnswer(Answer):
    """An entry of the record; without a review it waits to be confirmed or corrected."""

    entry: EntryAnswer
    review: ReviewedAnswer | None


class PrefilledItemAnswer(Answer):
    """A question and what the record says of it."""

    link_id: str
    prefill: Prefill
    entries: list[PrefilledEntryAnswer]


class PrefillAnswer(Answer):
    """The form's questions with what the record says beside each; nothing of it is an answer yet."""

    items: list[PrefilledItemAnswer]


@router.get("/responses/{response_id}/prefill", responses=problems(Kind.UNKNOWN_RESPONSE, Kind.UNKNOWN_FORM))
def read_prefill(response_id: Id, caller: CareTeam, request: Request, uow: Work) -> PrefillAnswer:
    """What the record says beside the questions; in a call, only what is for the ears of whoever is on the line."""
    response = response_of(uow, response_id)
    form = form_of(request, response.form_id)
    content = wiring_of(request).content
    line = line_of_caller(uow, caller, response.patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="prefill_viewed",
        subject_kind="response",
        subject=response.id,
        patient_id=response.patient_id,
    )
    beside = prefilled(uow, content, form, response)
    return PrefillAnswer(
        items=[
            PrefilledItemAnswer(
                link_id=item.link_id,
                prefill=item.prefill,
                entries=[
                    PrefilledEntryAnswer(
                        entry=entry_answer(one.entry, content.record_words),
                        review=ReviewedAnswer.model_validate(one.review) if one.review else None,
                    )
                    for one in beside
                    if one.link_id == item.link_id
                ],
            )
            for item in form.questions()
            if item.prefill is not None
            and (line is None or (line.speaker is not Speaker.UNKNOWN and line.why_not(item) is None))
        ]
    )


@router.post(
    "/responses/{response_id}/review/{link_id}",
    responses=problems(
        Kind.UNKNOWN_RESPONSE,
        Kind.UNKNOWN_FORM,
        Kind.UNKNOWN_ATTEMPT,
        Kind.UNKNOWN_RELATIVE,
        Kind.NOT_YOURS,
        Kind.NOT_POSSIBLE_NOW,
        Kind.ANSWER_REFUSED,
    ),
)
def review_entries(
    response_id: Id, link_id: str, ask: ReviewAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ResponseAnswer:
    """Confirm or correct what the record says; what other sources said stays, and a denial stands beside it."""
    response = response_of(uow, response_id)
    form = form_of(request, response.form_id)
    line = line_of(uow, ask, caller, response)
    item = form.item(link_id)
    if line is not None and item is not None and (reason := line.why_not(item)) is not None:
        raise Problem.of(Kind.ANSWER_REFUSED, link_id, f"this is not asked of a relative ({reason}); ask the patient")
    try:
        saved = review(
            uow,
            wiring_of(request).content,
            response,
            link_id,
            {one.entry_id: Said(verdict=one.verdict, text=one.text) for one in ask.entries},
            more=ask.more,
            speaking=Speaking(
                by=caller.user_id,
                mode=ResponseMode.AGENT if ask.attempt_id is not None else ResponseMode.PAPER,
                attempt_id=ask.attempt_id,
                relative_id=line.relative_id if line is not None else None,
            ),
        )
    except AnswerRefusedError as error:
        raise Problem.of(Kind.ANSWER_REFUSED, link_id, str(error)) from error
    except ResponseClosedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "response_id", str(error)) from error
    uow.audit.note(
        user_id=caller.user_id,
        action="prefill_reviewed",
        subject_kind="response",
        subject=response.id,
        patient_id=response.patient_id,
    )
    return response_answer(uow, form, saved.response, line)
