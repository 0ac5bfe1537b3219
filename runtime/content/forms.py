"""content/forms: what is asked, by whomever; the shape is FHIR's Questionnaire, the values those of `care.forms`."""

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from care.forms import (
    AnswerOption,
    Band,
    Condition,
    EnableBehavior,
    Form,
    FormError,
    FormItem,
    ItemType,
    Operator,
    Prefill,
    Score,
    ScoreMethod,
    Step,
)
from care.relatives import Matter
from runtime.content.documents import Head, Strict, Wording

_LINK_ID = r"^[a-z][a-z0-9_]{0,59}$"


def _texts(wording: Wording) -> dict[str, str]:
    return {"zh": wording.zh, "en": wording.en}


class OptionDocument(Strict):
    value: str = Field(min_length=1, max_length=40)
    zh: str
    en: str
    score: float | None = None

    def made(self) -> AnswerOption:
        return AnswerOption(value=self.value, text={"zh": self.zh, "en": self.en}, score=self.score)


class ConditionDocument(Strict):
    question: str
    operator: Operator
    answer: StrictBool | StrictInt | StrictFloat | StrictStr


class PointsDocument(Strict):
    at_least: float
    score: float


class ItemDocument(Strict):
    link_id: str = Field(pattern=_LINK_ID)
    type: ItemType
    text: Wording
    required: bool = False
    options: tuple[OptionDocument, ...] = ()
    option_set: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    largest_change: float | None = Field(default=None, gt=0)
    points: tuple[PointsDocument, ...] = ()
    enable_when: tuple[ConditionDocument, ...] = ()
    enable_behavior: EnableBehavior = EnableBehavior.ALL
    for_proxies: bool = True
    matter: Matter | None = None  # the form's if not said
    prefill: Prefill | None = None
    items: tuple["ItemDocument", ...] = ()

    def made(self, form: "FormDocument") -> FormItem:
        if self.option_set is not None and self.option_set not in form.option_sets:
            raise FormError(f"form {form.id}, item {self.link_id}: there is no option set {self.option_set}; add it")
        options = form.option_sets[self.option_set] if self.option_set is not None else self.options
        return FormItem(
            link_id=self.link_id,
            type=self.type,
            text=_texts(self.text),
            required=self.required,
            options=tuple(option.made() for option in options),
            minimum=self.minimum,
            maximum=self.maximum,
            unit=self.unit,
            largest_change=self.largest_change,
            steps=tuple(Step(at_least=points.at_least, score=points.score) for points in self.points),
            enable_when=tuple(
                Condition(question=each.question, operator=each.operator, answer=each.answer)
                for each in self.enable_when
            ),
            enable_behavior=self.enable_behavior,
            for_proxies=self.for_proxies,
            matter=self.matter or form.matter,
            prefill=self.prefill,
            items=tuple(item.made(form) for item in self.items),
        )


class BandDocument(Strict):
    code: str
    at_least: float
    text: Wording
    sex: str | None = None
    leads_to: str | None = None


class ScoreDocument(Strict):
    id: str
    text: Wording
    method: ScoreMethod
    items: tuple[str, ...] = Field(min_length=1)
    bands: tuple[BandDocument, ...] = ()
    missing_allowed: int = Field(default=0, ge=0)

    def made(self) -> Score:
        return Score(
            id=self.id,
            text=_texts(self.text),
            method=self.method,
            items=self.items,
            bands=tuple(
                Band(
                    code=band.code,
                    at_least=band.at_least,
                    text=_texts(band.text),
                    sex=band.sex,
                    leads_to=band.leads_to,
                )
                for band in self.bands
            ),
            missing_allowed=self.missing_allowed,
        )


class FormDocument(Head):
    license: str = Field(min_length=3)
    title: Wording
    sensitive: bool = False
    matter: Matter = Matter.SYMPTOMS
    option_sets: dict[str, tuple[OptionDocument, ...]] = Field(default_factory=dict)
    items: tuple[ItemDocument, ...] = Field(min_length=1)
    scores: tuple[ScoreDocument, ...] = ()

    def value(self) -> Form:
        return Form(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            license=self.license,
            title=_texts(self.title),
            items=tuple(item.made(self) for item in self.items),
            scores=tuple(score.made() for score in self.scores),
            sensitive=self.sensitive,
        )
