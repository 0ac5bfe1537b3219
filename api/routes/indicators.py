"""Indicators: how follow-ups, calls, surveys, alerts and complaints go, told apart, and the tasks behind them."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Id, Instant, Limit
from api.permissions import Allowed
from api.problems import Kind, Problem, problems
from api.wiring import Wiring, wiring_of
from db.indicators import Period
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.indicators import BY_CODE, INDICATORS, Dimension, Family, Figure, Narrowing, Shape
from followup.outcomes import TaskOutcome
from followup.plans import TaskState
from reports.indicator_files import CSV, XLSX, FigureFile
from reports.indicators import By, FigureTable, figure_table

router = APIRouter(tags=["indicators"], route_class=Route)

Readers = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, Role.ADMIN, Role.DOCTOR))]

LONGEST = timedelta(days=3 * 366)
LONGEST_BY_DAY = timedelta(days=92)
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)
"""Days in front of and behind these have no midnight in every time zone, and nobody followed up."""

Named = Annotated[str, StringConstraints(max_length=100)]


class IndicatorTextAnswer(Answer):
    """A text in both languages."""

    zh: str
    en: str


class DefinitionAnswer(Answer):
    """An indicator: what stands above and below the line, what is left out, and by what it can be told."""

    code: str
    family: Family
    shape: Shape
    title: IndicatorTextAnswer
    numerator: IndicatorTextAnswer
    denominator: IndicatorTextAnswer
    excluded: IndicatorTextAnswer
    counted_by: IndicatorTextAnswer
    dimensions: list[Dimension]
    drills: bool


class DefinitionsAnswer(Answer):
    """Every indicator, in the order in which they are shown."""

    version: int
    status: str
    definitions: list[DefinitionAnswer]


class FigureAnswer(Answer):
    """A figure; `value` is null where nothing was counted, or hidden where too few people answered."""

    code: str
    numerator: float | None
    denominator: float | None
    value: float | None
    low: float | None  # 95 %, Wilson; of a proportion
    high: float | None
    ninetieth: float | None  # of a duration
    small: bool  # fewer than 30: no ground for a comparison
    hidden: bool


class FigureRowAnswer(Answer):
    """Figures of one department, queue, agent, plan or piece of time; an empty key: of none that is known."""

    key: str
    name: str
    figures: list[FigureAnswer]


class FrozenMonthAnswer(Answer):
    """A month that counts as it was counted then."""

    month: date
    frozen_at: Instant


class IndicatorsAnswer(Answer):
    """Figures of a period, all together and told apart. What cannot be told so is left out."""

    first: date
    last: date
    by: By
    total: list[FigureAnswer]
    rows: list[FigureRowAnswer]
    frozen: list[FrozenMonthAnswer]
    as_of: Instant


class CountedTaskAnswer(Answer):
    """A task behind a figure, as it stands now."""

    task_id: str
    patient_id: str
    state: TaskState
    outcome: TaskOutcome | None
    department: str
    queue_id: str
    queue: str
    agent: str
    plan: str
    latest_at: Instant
    dials: int


class CountedTasksAnswer(Answer):
    """A page of tasks in order of id; ask on with after=`next`, which is empty on the last page."""

    tasks: list[CountedTaskAnswer]
    next: str | None


class NarrowingChoiceAnswer(Answer):
    """Something to narrow figures down to."""

    key: str
    name: str


class ChoicesAnswer(Answer):
    """What figures can be narrowed down to; no agents where the reader does not oversee any."""

    departments: list[NarrowingChoiceAnswer]
    queues: list[NarrowingChoiceAnswer]
    agents: list[NarrowingChoiceAnswer]
    plans: list[NarrowingChoiceAnswer]


class Asked:
    """The days and the narrowing that a request names."""

    def __init__(
        self,
        first: date,
        last: date,
        department: Named | None = None,
        queue_id: Id | None = None,
        agent_id: Id | None = None,
        plan: Named | None = None,
    ) -> None:
        self.first, self.last = first, last
        self.department, self.queue_id, self.agent_id, self.plan = department, queue_id, agent_id, plan

    def period(self, wiring: Wiring, *, by: By = By.NONE) -> Period:
        """The period, or a problem."""
        if self.last < self.first:
            raise Problem.of(Kind.INVALID_REQUEST, "last", "lies before `first`; both days belong to the period")
        longest = LONGEST_BY_DAY if by is By.DAY else LONGEST
        if self.first < EARLIEST or self.last > LATEST:
            raise Problem.of(Kind.INVALID_REQUEST, "first", f"days lie between {EARLIEST} and {LATEST}")
        if self.last - self.first > longest:
            raise Problem.of(Kind.INVALID_REQUEST, "last", f"a period has {longest.days} days at most here")
        return Period(first=self.first, last=self.last, zone=wiring.zone)

    def narrowing(self, uow: UnitOfWork, caller: Caller, *, by: By = By.NONE) -> Narrowing:
        """What is narrowed down to, within what the caller may see."""
        if (self.agent_id is not None or by is By.AGENT) and not _sees_agents(caller):
            raise Problem.of(Kind.FORBIDDEN, "agent", "figures of single agents are for those who oversee them")
        if self.queue_id is not None:
            found.queue(uow, self.queue_id)
        return Narrowing(
            department=self.department,
            queue=self.queue_id,
            agent=self.agent_id,
            plan=self.plan,
            departments=_own_departments(uow),
        )


Asking = Annotated[Asked, Depends(Asked)]


@router.get("/indicators/definitions")
def list_definitions(caller: Readers, request: Request) -> DefinitionsAnswer:  # noqa: ARG001
    """What each indicator is: numerator, denominator, what is left out, by which date it counts."""
    words = wiring_of(request).content.indicators
    return DefinitionsAnswer(
        version=words.version,
        status=words.status,
        definitions=[
            DefinitionAnswer(
                code=indicator.code,
                family=indicator.families[0],
                shape=indicator.shape,
                title=IndicatorTextAnswer.model_validate(words.indicators[indicator.code].title),
                numerator=IndicatorTextAnswer.model_validate(words.indicators[indicator.code].numerator),
                denominator=IndicatorTextAnswer.model_validate(words.indicators[indicator.code].denominator),
                excluded=IndicatorTextAnswer.model_validate(words.indicators[indicator.code].excluded),
                counted_by=IndicatorTextAnswer.model_validate(words.families[indicator.families[0]]),
                dimensions=sorted(indicator.dimensions),
                drills=indicator.drills,
            )
            for indicator in INDICATORS
        ],
    )


@router.get("/indicators/choices")
def list_choices(caller: Readers, request: Request, uow: Work) -> ChoicesAnswer:
    """Departments, queues, agents and plans that figures can be narrowed down to."""
    own = _own_departments(uow)
    plans = wiring_of(request).content.plans
    return ChoicesAnswer(
        departments=[NarrowingChoiceAnswer(key=name, name=name) for name in own or uow.indicators.departments()],
        queues=[NarrowingChoiceAnswer(key=queue.id, name=queue.name) for queue in uow.queues.all()],
        agents=_choices(uow.indicators.agents()) if _sees_agents(caller) else [],
        plans=[
            NarrowingChoiceAnswer(key=key, name=plans[key].title if key in plans else key)
            for key in uow.indicators.plans()
        ],
    )


@router.get("/indicators", responses=problems(Kind.UNKNOWN_QUEUE))
def read_indicators(
    caller: Readers, request: Request, uow: Work, asked: Asking, by: By = By.NONE, live: bool = False
) -> IndicatorsAnswer:
    """Figures of the days from `first` to `last`. Whole months that are frozen stay as they were, unless `live`."""
    table = _table(request, uow, caller, asked, by=by, live=live)
    return IndicatorsAnswer(
        first=asked.first,
        last=asked.last,
        by=by,
        total=_figures(table.total),
        rows=[FigureRowAnswer(key=row.key, name=row.name, figures=_figures(row.figures)) for row in table.rows],
        frozen=[FrozenMonthAnswer(month=month.first, frozen_at=at) for month, at in table.frozen.items()],
        as_of=table.as_of,
    )


@router.get(
    "/indicators/export",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {XLSX: {}, CSV: {}}},
        **problems(Kind.UNKNOWN_QUEUE),
    },
)
def export_indicators(
    caller: Readers,
    request: Request,
    uow: Work,
    asked: Asking,
    purpose: Annotated[str, Query(min_length=3, max_length=200)],
    by: By = By.NONE,
    live: bool = False,
    written: Literal["xlsx", "csv"] = "xlsx",
    language: Literal["zh", "en"] = "zh",
) -> Response:
    """The same figures as a file. Who took it, when and what for is in the audit log, and in the workbook."""
    wiring = wiring_of(request)
    table = _table(request, uow, caller, asked, by=by, live=live)
    taken = uow.now.astimezone(wiring.zone).strftime("%Y-%m-%d %H:%M")
    file = FigureFile(
        table=table,
        words=wiring.content.indicators,
        language=language,
        watermark=f"{asked.first} - {asked.last} · {taken} · {caller.user_id} · {purpose}",
    )
    uow.audit.note(
        user_id=caller.user_id,
        action="indicators_exported",
        subject_kind="indicators",
        subject=by.value,
        detail={
            "first": asked.first.isoformat(),
            "last": asked.last.isoformat(),
            "purpose": purpose,
            "written": written,
        },
    )
    name = f"indicators-{asked.first}-{asked.last}.{written}"
    return Response(
        file.workbook() if written == "xlsx" else file.comma_separated(),
        media_type=XLSX if written == "xlsx" else CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/indicators/{code}/tasks", responses=problems(Kind.UNKNOWN_QUEUE))
def list_tasks_behind(
    code: str,
    caller: Readers,
    request: Request,
    uow: Work,
    asked: Asking,
    met: bool | None = None,
    after: Id | None = None,
    limit: Limit = 50,
) -> CountedTasksAnswer:
    """Tasks in an indicator's denominator as they stand now: those that met it, those that did not, or all.

    Only tasks of patients whose records the caller may open.
    """
    indicator = BY_CODE.get(code)
    if indicator is None or not indicator.drills:
        known = ", ".join(each.code for each in INDICATORS if each.drills)
        raise Problem.of(Kind.INVALID_REQUEST, "code", f"no indicator made of tasks has this code; there are {known}")
    page = uow.indicators.behind(
        indicator,
        asked.period(wiring_of(request)),
        asked.narrowing(uow, caller),
        met=met,
        reader=uow.care_team.reader,
        now=uow.now,
        after=after,
        limit=limit,
    )
    uow.audit.note(
        user_id=caller.user_id,
        action="indicator_tasks_viewed",
        subject_kind="indicator",
        subject=code,
        detail={
            "first": asked.first.isoformat(),
            "last": asked.last.isoformat(),
            "tasks": [task.task_id for task in page],
        },
    )
    queues = uow.indicators.names(Dimension.QUEUE, {task.queue for task in page})
    agents = uow.indicators.names(Dimension.AGENT, {task.agent for task in page}) if _sees_agents(caller) else {}
    plans = wiring_of(request).content.plans
    return CountedTasksAnswer(
        tasks=[
            CountedTaskAnswer(
                task_id=task.task_id,
                patient_id=task.patient_id,
                state=TaskState(task.state),
                outcome=TaskOutcome(task.outcome) if task.outcome else None,
                department=task.department,
                queue_id=task.queue,
                queue=queues.get(task.queue, ""),
                agent=agents.get(task.agent, ""),
                plan=plans[task.plan].title if task.plan in plans else task.plan,
                latest_at=task.latest_at,
                dials=task.dials,
            )
            for task in page
        ],
        next=page[-1].task_id if len(page) == limit else None,
    )


def _table(request: Request, uow: UnitOfWork, caller: Caller, asked: Asked, *, by: By, live: bool) -> FigureTable:
    wiring = wiring_of(request)
    return figure_table(
        uow,
        asked.period(wiring, by=by),
        by=by,
        narrowing=asked.narrowing(uow, caller, by=by),
        calendar=uow.calendar.of(wiring.calendar_region),
        plan_names={key: template.title for key, template in wiring.content.plans.items()},
        live=live,
    )


def _figures(figures: Iterable[Figure]) -> list[FigureAnswer]:
    return [FigureAnswer.model_validate(each) for each in figures]


def _choices(names: dict[str, str]) -> list[NarrowingChoiceAnswer]:
    return [NarrowingChoiceAnswer(key=key, name=name) for key, name in names.items()]


def _sees_agents(caller: Caller) -> bool:
    return bool(caller.roles & {Role.SUPERVISOR, Role.ADMIN})


def _own_departments(uow: UnitOfWork) -> tuple[str, ...]:
    """Those whose figures the caller may see; none: all."""
    return uow.care_team.reader.departments if uow.care_team.reader is not None else ()
