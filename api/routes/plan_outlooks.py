"""What a plan template would make of an anchor: its contacts with their windows by the hospital's calendar."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.edge import Route, Work
from api.fields import Answer, Instant
from api.permissions import Everybody
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from followup.plan_windows import occurrences
from followup.plans import HolidayRule, TaskMode

router = APIRouter(tags=["plans"], route_class=Route)

MOST_OF_A_STEP = 24
"""A step that repeats for ever is shown so often."""


class AheadAnswer(Answer):
    """A contact that would be owed: never before `earliest_at`, on a list from `opens_at`, over at `latest_at`."""

    step: str
    occurrence: int
    mode: TaskMode
    queue: str
    form: str | None
    flow: str | None
    earliest_at: Instant
    opens_at: Instant
    target_at: Instant
    latest_at: Instant


class TemplateOutlookAnswer(Answer):
    """Contacts in order of their targets; `warning` tells of days off that nobody knows yet."""

    template: str
    version: int
    anchor_at: Instant
    contacts: list[AheadAnswer]
    cut_short: list[str]  # steps that go on repeating
    missing_queues: list[str]
    warning: str | None


@router.get("/plan-templates/{template_id}/outlook", responses=problems(Kind.UNKNOWN_TEMPLATE))
def read_template_outlook(
    template_id: str,
    at: Annotated[Instant, Query()],
    caller: Everybody,  # noqa: ARG001
    request: Request,
    uow: Work,
) -> TemplateOutlookAnswer:
    """The contacts that a plan anchored at this instant would bring; nothing is written."""
    wiring = wiring_of(request)
    template = wiring.content.plans.get(template_id)
    if template is None:
        raise Problem.of(
            Kind.UNKNOWN_TEMPLATE, "template_id", "there is no such template; GET /api/v1/plan-templates lists them"
        )
    days = wiring.time.days(uow.calendar, zone=template.zone)
    ahead, cut_short = [], []
    for step in template.steps:
        windows = list(islice(occurrences(step, at, days), MOST_OF_A_STEP + 1))
        if len(windows) > MOST_OF_A_STEP:
            cut_short.append(step.key)
        ahead += windows[:MOST_OF_A_STEP]
    ahead.sort(key=lambda window: (window.target_at, window.step.key, window.occurrence))
    reckoned = [window for window in ahead if window.step.holidays is not HolidayRule.NONE]
    known = {queue.name for queue in uow.queues.all()}
    return TemplateOutlookAnswer(
        template=template.id,
        version=template.version,
        anchor_at=at,
        contacts=[
            AheadAnswer(
                step=window.step.key,
                occurrence=window.occurrence,
                mode=window.step.mode,
                queue=window.step.queue,
                form=window.step.form,
                flow=window.step.flow,
                earliest_at=window.earliest_at,
                opens_at=window.opens_at,
                target_at=window.target_at,
                latest_at=window.latest_at,
            )
            for window in ahead
        ],
        cut_short=cut_short,
        missing_queues=sorted({step.queue for step in template.steps} - known),
        warning=days.calendar.warning(
            min(window.earliest_at.astimezone(days.zone).date() for window in reckoned),
            max(window.latest_at.astimezone(days.zone).date() for window in reckoned),
        )
        if reckoned
        else None,
    )
