"""content/plans: which contacts follow a visit."""

from datetime import timedelta

from pydantic import Field

from care.consent import Purpose
from followup.plans import PlanTemplate, TaskMode, TemplateStep
from runtime.content.documents import Head, Strict, Wording


class StepDocument(Strict):
    key: str
    mode: TaskMode
    queue: str
    form: str | None = None
    flow: str | None = None
    priority: int = 50
    earliest_hours: float
    target_hours: float
    latest_hours: float


class PlanDocument(Head):
    title: Wording
    purpose: Purpose
    steps: tuple[StepDocument, ...] = Field(min_length=1)

    def value(self) -> PlanTemplate:
        return PlanTemplate(
            id=self.id,
            version=self.version,
            title=self.title.zh,
            purpose=self.purpose,
            status=self.status,
            source=self.source,
            steps=tuple(
                TemplateStep(
                    key=step.key,
                    target=timedelta(hours=step.target_hours),
                    earliest=timedelta(hours=step.earliest_hours),
                    latest=timedelta(hours=step.latest_hours),
                    mode=step.mode,
                    queue=step.queue,
                    form=step.form,
                    flow=step.flow,
                    priority=step.priority,
                )
                for step in self.steps
            ),
        )
