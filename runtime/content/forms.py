"""content/forms: what an agent asks."""

from typing import Literal

from pydantic import Field

from runtime.content.documents import Head, Strict, Wording


class FormChoice(Strict):
    """One answer that may be chosen."""

    value: str
    zh: str
    en: str


class FormItem(Strict):
    """One question of a form."""

    key: str
    kind: Literal["choice", "text", "yes_no", "number"]
    required: bool = False
    text: Wording
    choices: tuple[FormChoice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


class Form(Head):
    """A versioned questionnaire (FHIR Questionnaire), as far as a call needs one."""

    title: Wording
    items: tuple[FormItem, ...] = Field(min_length=1)
