"""Answers to a form as the API tells them: what counts now, what is open, scores; and only what may be shown."""

from api.fields import Answer, Instant
from api.speakers import OnTheLine
from care.forms import AnswerValue, Form, enabled_items, missing_items
from care.relatives import Speaker
from care.responses import GivenAnswer, Response, ResponseMode, ResponseState
from care.scoring import ScoreState
from db.answering import scores_now
from db.unit_of_work import UnitOfWork


class ScoreAnswer(Answer):
    """A score; incomplete has neither value nor class."""

    id: str
    state: ScoreState
    value: float | None
    band: str | None
    leads_to: str | None
    missing: list[str]


class GivenAnswerAnswer(Answer):
    """One line of the history; a value of null took the answer back."""

    link_id: str
    value: AnswerValue | None
    mode: ResponseMode
    by: str | None
    relative_id: str | None
    attempt_id: str | None
    at: Instant
    reason: str


class ResponseAnswer(Answer):
    """One patient's answers to one form: the same instance over all calls, keys and links."""

    id: str
    form_id: str
    form_version: int
    patient_id: str
    task_id: str | None
    state: ResponseState
    answers: dict[str, AnswerValue]
    skipped: dict[str, str]
    enabled: list[str]  # questions that stand open for the answers so far, in order
    missing: list[str]  # required ones among them without an answer
    scores: list[ScoreAnswer]
    started_at: Instant
    changed_at: Instant
    completed_at: Instant | None
    completed_by: str | None
    completed_mode: ResponseMode | None


class WholeResponseAnswer(ResponseAnswer):
    """The same with its history, oldest first."""

    history: list[GivenAnswerAnswer]


def _hidden(form: Form, line: OnTheLine | None) -> frozenset[str]:
    """The questions whose answers are not shown: a relative's limits, and all of them before it is known who speaks."""
    if line is None:
        return frozenset()
    return frozenset(
        item.link_id for item in form.questions() if line.speaker is Speaker.UNKNOWN or line.why_not(item) is not None
    )


def response_answer(uow: UnitOfWork, form: Form, response: Response, line: OnTheLine | None = None) -> ResponseAnswer:
    """The response; in a call, without what is not for the ears of whoever is on the line."""
    hidden = _hidden(form, line)
    return ResponseAnswer(
        id=response.id,
        form_id=response.form_id,
        form_version=response.form_version,
        patient_id=response.patient_id,
        task_id=response.task_id,
        state=response.state,
        answers={key: value for key, value in response.answers.items() if key not in hidden},
        skipped=response.skipped,
        enabled=[item.link_id for item in enabled_items(form, response.answers) if item.link_id not in hidden],
        missing=[item.link_id for item in missing_items(form, response.answers, response.skipped)],
        scores=[ScoreAnswer.model_validate(score) for score in scores_now(uow, form, response) if not hidden],
        started_at=response.started_at,
        changed_at=response.changed_at,
        completed_at=response.completed_at,
        completed_by=response.completed_by,
        completed_mode=response.completed_mode,
    )


def whole_response(
    uow: UnitOfWork, form: Form, response: Response, line: OnTheLine | None = None
) -> WholeResponseAnswer:
    """The response with its history; during a call, as far as it is for the ears of whoever is on the line."""
    hidden = _hidden(form, line)
    history: list[GivenAnswer] = [given for given in uow.responses.history(response.id) if given.link_id not in hidden]
    return WholeResponseAnswer(
        **response_answer(uow, form, response, line).model_dump(),
        history=[GivenAnswerAnswer.model_validate(given) for given in history],
    )
