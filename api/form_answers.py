"""A questionnaire as the API tells it, in FHIR's shape: questions, what opens them, and how they are scored."""

from api.fields import Answer
from care.forms import AnswerValue, EnableBehavior, Form, ItemType, Operator, Prefill, ScoreMethod
from care.relatives import Matter

Texts = dict[str, str]


class OptionAnswer(Answer):
    """One answer that may be chosen."""

    value: str
    text: Texts
    score: float | None


class ConditionAnswer(Answer):
    """An earlier answer that opens a question."""

    question: str
    operator: Operator
    answer: AnswerValue


class ItemAnswer(Answer):
    """One question, or a group of them; `link_id` never changes its meaning."""

    link_id: str
    type: ItemType
    text: Texts
    required: bool
    options: list[OptionAnswer]
    minimum: float | None
    maximum: float | None
    unit: str | None
    largest_change: float | None
    enable_when: list[ConditionAnswer]
    enable_behavior: EnableBehavior
    for_proxies: bool
    matter: Matter
    prefill: Prefill | None  # what of the record is laid beside it: GET /responses/{response_id}/prefill
    items: list["ItemAnswer"]


class BandAnswer(Answer):
    """A class of scores."""

    code: str
    at_least: float
    text: Texts
    sex: str | None
    leads_to: str | None


class ScoreRuleAnswer(Answer):
    """How a score is reckoned."""

    id: str
    text: Texts
    method: ScoreMethod
    items: list[str]
    bands: list[BandAnswer]
    missing_allowed: int


class FormAnswer(Answer):
    """A versioned questionnaire; a draft is not yet approved by a clinician."""

    id: str
    version: int
    status: str
    source: str
    license: str
    title: Texts
    sensitive: bool
    items: list[ItemAnswer]
    scores: list[ScoreRuleAnswer]


def form_answer(form: Form) -> FormAnswer:
    """The whole form."""
    return FormAnswer.model_validate(form)
