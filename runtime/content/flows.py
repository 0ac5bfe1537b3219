"""content/flows: how an automated call goes."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from followup.appointments import AppointmentTrigger
from followup.flows import Again, Flow, FlowEnding, FlowStep, FlowVariable, VariableKind
from followup.key_entries import EntryKind, KeyEntry
from followup.outcomes import AttemptOutcome, TaskOutcome
from runtime.content.documents import Head, Strict

Key = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9*]$")]


class EndingDocument(Strict):
    outcome: AttemptOutcome
    task_result: TaskOutcome | None = None
    answer: str = ""


class EntryDocument(Strict):
    kind: EntryKind
    variable: str
    then: str
    jump: str | None = None
    decimals: int = Field(default=0, ge=0, le=3)
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(0)
    compared_with: str = ""
    jump_percent: Decimal = Field(default=Decimal(10), gt=0, le=100)

    def value(self) -> KeyEntry:
        return KeyEntry(**{name: getattr(self, name) for name in EntryDocument.model_fields})


class VariableDocument(Strict):
    kind: VariableKind
    item: str = ""


class FlowStepDocument(Strict):
    prompts: tuple[str, ...] = ()
    keys: dict[Key, str] = Field(default_factory=dict)
    timeout_seconds: float = Field(default=8.0, gt=0, le=60)
    tries: int = Field(default=2, ge=1, le=5)
    otherwise: str | None = None
    again: dict[Again, tuple[str, ...]] = Field(default_factory=dict)
    entry: EntryDocument | None = None
    item: str = ""
    values: dict[Key, str] = Field(default_factory=dict)
    proves: str | None = None
    ending: EndingDocument | None = None
    refuses_recording: bool = False
    opts_out: bool = False
    appointment: AppointmentTrigger | None = None
    saves: tuple[str, ...] = ()
    owes_person: bool = False

    def value(self, key: str) -> FlowStep:
        return FlowStep(
            key=key,
            prompts=self.prompts,
            keys=self.keys,
            timeout_seconds=self.timeout_seconds,
            tries=self.tries,
            otherwise=self.otherwise,
            again=self.again,
            entry=self.entry.value() if self.entry else None,
            item=self.item,
            values=self.values,
            proves=self.proves,
            ending=FlowEnding(
                outcome=self.ending.outcome, task_result=self.ending.task_result, answer=self.ending.answer
            )
            if self.ending
            else None,
            refuses_recording=self.refuses_recording,
            opts_out=self.opts_out,
            appointment=self.appointment,
            saves=self.saves,
            owes_person=self.owes_person,
        )


class FlowDocument(Head):
    start: str
    form: str | None = None
    variables: dict[str, VariableDocument] = Field(default_factory=dict)
    says_department: bool = False
    slow_from_age: int = Field(default=70, ge=40, le=120)
    person_queue: str = ""
    steps: dict[Annotated[str, Field(max_length=40)], FlowStepDocument]

    def value(self) -> Flow:
        return Flow(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            start=self.start,
            form=self.form,
            variables={
                name: FlowVariable(kind=variable.kind, item=variable.item) for name, variable in self.variables.items()
            },
            says_department=self.says_department,
            slow_from_age=self.slow_from_age,
            person_queue=self.person_queue,
            steps={key: step.value(key) for key, step in self.steps.items()},
        )
