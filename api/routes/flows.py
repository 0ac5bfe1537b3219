"""Automated calls as they are written: steps, what is said in them, what keys mean; and the messages to patients."""

from fastapi import APIRouter, Request

from api.edge import Route
from api.fields import Answer
from api.permissions import Everybody
from api.wiring import wiring_of
from followup.appointments import AppointmentTrigger
from followup.flows import Flow, FlowStep, VariableKind
from followup.key_entries import EntryKind
from followup.outcomes import AttemptOutcome, TaskOutcome
from runtime.content.documents import Wording

router = APIRouter(tags=["flows"], route_class=Route)


class SpokenAnswer(Answer):
    """A prompt or sentence and its words."""

    key: str
    text: Wording


class EndingAnswer(Answer):
    """What a call comes to."""

    outcome: AttemptOutcome
    task_result: TaskOutcome | None
    answer: str


class EntryAnswer(Answer):
    """A number asked for by keys."""

    kind: EntryKind
    variable: str
    then: str
    jump: str | None
    minimum: float
    maximum: float


class FlowStepAnswer(Answer):
    """One step: what is said, where each key leads, where silence leads, how it ends."""

    key: str
    says: list[SpokenAnswer]
    keys: dict[str, str]
    entry: EntryAnswer | None
    timeout_seconds: float
    tries: int
    otherwise: str | None
    proves: str | None
    item: str
    ending: EndingAnswer | None
    appointment: AppointmentTrigger | None
    refuses_recording: bool
    opts_out: bool
    owes_person: bool


class FlowAnswer(Answer):
    """A flow; a draft is not yet approved. Key 0 brings a person in every step."""

    id: str
    version: int
    status: str
    source: str
    start: str
    form: str | None
    variables: dict[str, VariableKind]
    steps: list[FlowStepAnswer]


class AllFlowsAnswer(Answer):
    """Every flow in order of id."""

    flows: list[FlowAnswer]


class MessageTextAnswer(Answer):
    """A text for patients or duty telephones with places for values."""

    id: str
    version: int
    status: str
    source: str
    text: Wording
    values: list[str]


class MessageTextsAnswer(Answer):
    """Every text in order of id."""

    texts: list[MessageTextAnswer]


@router.get("/flows")
def list_flows(caller: Everybody, request: Request) -> AllFlowsAnswer:  # noqa: ARG001
    """The automated calls there are, step by step."""
    content = wiring_of(request).content
    return AllFlowsAnswer(flows=[_flow(content.flows[key], content.prompt_texts) for key in sorted(content.flows)])


@router.get("/message-texts")
def list_message_texts(caller: Everybody, request: Request) -> MessageTextsAnswer:  # noqa: ARG001
    """What is written to patients, in both languages."""
    texts = wiring_of(request).content.messages
    return MessageTextsAnswer(texts=[MessageTextAnswer.model_validate(texts[key]) for key in sorted(texts)])


def _flow(flow: Flow, texts: dict[str, Wording]) -> FlowAnswer:
    return FlowAnswer(
        id=flow.id,
        version=flow.version,
        status=flow.status,
        source=flow.source,
        start=flow.start,
        form=flow.form,
        variables={name: variable.kind for name, variable in flow.variables.items()},
        steps=[_step(step, texts) for step in flow.steps.values()],
    )


def _step(step: FlowStep, texts: dict[str, Wording]) -> FlowStepAnswer:
    entry, ending = step.entry, step.ending
    return FlowStepAnswer(
        key=step.key,
        says=[SpokenAnswer(key=key, text=texts.get(key, Wording(zh=key, en=key))) for key in step.prompts],
        keys=dict(step.keys),
        entry=EntryAnswer.model_validate(entry) if entry else None,
        timeout_seconds=step.timeout_seconds,
        tries=step.tries,
        otherwise=step.otherwise,
        proves=step.proves,
        item=step.item,
        ending=EndingAnswer.model_validate(ending) if ending else None,
        appointment=step.appointment,
        refuses_recording=step.refuses_recording,
        opts_out=step.opts_out,
        owes_person=step.owes_person,
    )
