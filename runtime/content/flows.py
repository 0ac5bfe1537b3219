"""content/flows: how an automated call goes."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from followup.flows import Flow, FlowEnding, FlowStep
from followup.outcomes import AttemptOutcome, TaskOutcome
from runtime.content.documents import Head, Strict


class EndingDocument(Strict):
    outcome: AttemptOutcome
    task_result: TaskOutcome | None = None
    answer: str = ""


class FlowStepDocument(Strict):
    prompts: tuple[str, ...] = ()
    keys: dict[Annotated[str, BeforeValidator(str)], str] = Field(default_factory=dict)
    timeout_seconds: float = Field(default=8.0, gt=0, le=60)
    tries: int = Field(default=2, ge=1, le=5)
    otherwise: str | None = None
    ending: EndingDocument | None = None
    refuses_recording: bool = False


class FlowDocument(Head):
    start: str
    steps: dict[str, FlowStepDocument]

    def value(self) -> Flow:
        return Flow(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            start=self.start,
            steps={
                key: FlowStep(
                    key=key,
                    prompts=step.prompts,
                    keys=step.keys,
                    timeout_seconds=step.timeout_seconds,
                    tries=step.tries,
                    otherwise=step.otherwise,
                    refuses_recording=step.refuses_recording,
                    ending=FlowEnding(
                        outcome=step.ending.outcome,
                        task_result=step.ending.task_result,
                        answer=step.ending.answer,
                    )
                    if step.ending
                    else None,
                )
                for key, step in self.steps.items()
            },
        )
