"""Questionnaires: what may be asked."""

from fastapi import APIRouter, Request

from api.edge import Route
from api.fields import Answer
from api.form_answers import FormAnswer, Texts, form_answer
from api.permissions import Everybody
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of

router = APIRouter(tags=["forms"], route_class=Route)


class FormHeadAnswer(Answer):
    """A questionnaire's name."""

    id: str
    version: int
    status: str
    title: Texts


class FormsAnswer(Answer):
    """Every questionnaire in order of id."""

    forms: list[FormHeadAnswer]


@router.get("/forms")
def list_forms(caller: Everybody, request: Request) -> FormsAnswer:  # noqa: ARG001
    """The questionnaires there are."""
    forms = wiring_of(request).content.forms
    return FormsAnswer(forms=[FormHeadAnswer.model_validate(forms[key]) for key in sorted(forms)])


@router.get("/forms/{form_id}", responses=problems(Kind.UNKNOWN_FORM))
def read_form(form_id: str, caller: Everybody, request: Request) -> FormAnswer:  # noqa: ARG001
    """A questionnaire."""
    form = wiring_of(request).content.forms.get(form_id)
    if form is None:
        raise Problem.of(Kind.UNKNOWN_FORM, "form_id", "there is no such form; GET /api/v1/forms lists them")
    return form_answer(form)
