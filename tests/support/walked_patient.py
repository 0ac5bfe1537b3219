"""One patient by chance, and a leader in memory that lives through his plan: production's own decisions, no database.

Only the loop is this module's: when something is looked at, and what a patient's telephone does. What is allowed, when
to ask again, what comes next and in which order is asked of the functions that the scheduler asks.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import cast
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, Purpose, Standing, is_permitted
from care.patients import PatientId
from db.gate import Gate, GateAnswer
from db.unit_of_work import UnitOfWork
from followup.best_hour import chances_by_part, counts_by_part
from followup.calendars import CalendarDay, DayKind, WorkCalendar
from followup.calling_hours import Callee, CallingHours, OwnHours
from followup.dialing_rules import (
    GateFacts,
    GateReason,
    Mode,
    PastContact,
    Profile,
    may_call_now,
    next_opening,
    tally,
)
from followup.events import DomainEvent, EventKind
from followup.offsets import Offset
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, REACHED_A_PERSON, AttemptOutcome, TaskOutcome
from followup.plan_windows import LocalDays, next_window, windows
from followup.plans import (
    OPEN_TASK_STATES,
    HolidayRule,
    Plan,
    PlanId,
    Task,
    TaskMode,
    TaskState,
    TaskTrigger,
    TemplateStep,
    next_task_state,
)
from followup.queues import Queue
from followup.waiting import WaitingFacts, is_last_chance_near, stand
from followup.what_next import AttemptPolicy, NextAction, Try, decide_next
from scheduler.outcomes import CLOSING
from scheduler.planning import step_task
from scheduler.task_steps import ask_for_a_person, close_task, close_window, take_refusal

ZONES = (
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/St_Johns",
    "Pacific/Chatham",
    "Asia/Urumqi",
    "Pacific/Apia",
)
HELD_BY_THE_QUEUE = frozenset({GateReason.QUEUE_PAUSED, GateReason.LIVE_ATTEMPT})
_CLOCKS_CHANGE = tuple(
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31), (9, 26))
)
ENDS = (
    (AttemptOutcome.CONNECTED_PATIENT, 30),
    (AttemptOutcome.NO_ANSWER, 24),
    (AttemptOutcome.BUSY, 8),
    (AttemptOutcome.REJECTED, 6),
    (AttemptOutcome.ANSWERED_MACHINE, 6),
    (AttemptOutcome.CONNECTED_PROXY, 6),
    (AttemptOutcome.UNREACHABLE, 5),
    (AttemptOutcome.NETWORK_FAILURE, 5),
    (AttemptOutcome.CALLER_ABANDONED, 4),
    (AttemptOutcome.WRONG_NUMBER, 3),
    (AttemptOutcome.CONNECTED_WRONG_PERSON, 2),
    (AttemptOutcome.INVALID_NUMBER, 1),
)
RESULTS = (TaskOutcome.COMPLETED, TaskOutcome.COMPLETED, TaskOutcome.PARTIALLY_COMPLETED, TaskOutcome.REFUSED, None)
_NO_LIMIT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedPatient:
    """What chance made of a patient, his plan and his hospital; enough to walk him again."""

    number: int
    seed: str
    zone: str
    profile: Profile
    policy: AttemptPolicy
    purpose: Purpose
    steps: tuple[TemplateStep, ...]
    anchor_at: datetime
    told_at: datetime  # when the hospital heard of it
    until: datetime  # when the plan is called off
    days: Mapping[date, DayKind]
    born: date | None
    own: OwnHours | None
    standing: Standing
    withdrawn_at: datetime | None
    closed_at: datetime | None  # he is put on the do-not-call list
    dies_at: datetime | None
    pauses: tuple[tuple[datetime, datetime], ...]  # of his queue
    numbers: int
    emergency: bool
    doctors_exception: bool
    patience: timedelta  # so long a queued task waits for an agent
    lateness: timedelta  # so late a task that a person looks into is looked at again


@dataclass(slots=True, kw_only=True)
class Dial:
    """An attempt as the telephone saw it."""

    task_id: str
    purpose: Purpose
    automated: bool
    reserved_at: datetime
    invited_at: datetime | None = None  # None: the gate stopped it at the last moment
    ends_at: datetime
    decided_at: datetime
    outcome: AttemptOutcome
    result: TaskOutcome | None = None
    rang: timedelta | None = None
    number: int = 0
    closed: bool = False


@dataclass(slots=True, kw_only=True)
class Life:
    """What became of the tasks, for the judge."""

    patient: WalkedPatient
    tasks: list[Task]
    dials: list[Dial]
    escalated_at: dict[str, list[datetime]]
    closed_at: dict[str, datetime]
    promised: list[tuple[str, datetime]]  # when a task is called again, as it was decided
    ended_at: datetime
    grace: timedelta = timedelta(seconds=2)  # so late a leader may see that a window has closed


def a_walked_patient(
    number: int, seed: int, profiles: Mapping[str, Profile], policies: Mapping[str, AttemptPolicy]
) -> WalkedPatient:
    """The patient of this number under this seed."""
    name = f"{seed}:{number}"
    dice = random.Random(name)  # noqa: S311 repeatable, not secret
    anchor = dice.choice(_CLOCKS_CHANGE) if dice.random() < 0.4 else datetime(2026, 1, 1, tzinfo=UTC)
    anchor += timedelta(minutes=dice.randrange(0, 60 * 72 if anchor.month > 1 else 60 * 24 * 360))
    automated = dice.random() < 0.3
    told = anchor + timedelta(hours=dice.choice((0, 0, 0, 30)))
    until = anchor + timedelta(days=dice.choice((8, 8, 16, 23)))
    first = anchor.date() - timedelta(days=3)
    pauses = []
    if dice.random() < 0.15:
        began = anchor + timedelta(hours=dice.uniform(0, 120))
        pauses.append((began, began + timedelta(hours=dice.uniform(0.2, 30))))

    def some_time(chance: float) -> datetime | None:
        return anchor + timedelta(hours=dice.uniform(0, 200)) if dice.random() < chance else None

    return WalkedPatient(
        number=number,
        seed=name,
        zone=dice.choice(ZONES),
        profile=profiles[dice.choice(sorted(profiles))],
        policy=policies[dice.choice(sorted(policies))],
        purpose=dice.choice((Purpose.CARE, Purpose.CARE, Purpose.REMINDER, Purpose.SURVEY, Purpose.COMPLAINT)),
        steps=_steps(dice, TaskMode.AUTOMATED if automated else TaskMode.AGENT),
        anchor_at=anchor,
        told_at=told,
        until=until,
        days={
            first + timedelta(days=n): dice.choice((DayKind.HOLIDAY, DayKind.MAKE_UP))
            for n in range(36)
            if dice.random() < 0.12
        },
        born=dice.choice((None, date(1940, 2, 29), date(1966, 6, 15), date(1990, 1, 1))),
        own=_own_hours(dice),
        standing=dice.choices((Standing.GRANTED, Standing.SILENT), (9, 1))[0],
        withdrawn_at=some_time(0.05),
        closed_at=some_time(0.05),
        dies_at=some_time(0.02),
        pauses=tuple(pauses),
        numbers=dice.choices((0, 1, 2, 3), (2, 60, 28, 10))[0],
        emergency=dice.random() < 0.03,
        doctors_exception=dice.random() < 0.03,
        patience=timedelta(minutes=dice.choice((0, 0, 7, 100))),
        lateness=timedelta(hours=dice.choice((7, 13))),
    )


def _own_hours(dice: random.Random) -> OwnHours | None:
    if dice.random() > 0.15:
        return None
    start = dice.randrange(6, 19)
    weekdays = frozenset(dice.sample(range(1, 8), dice.randint(2, 7)))
    hours = CallingHours(
        start=datetime(2026, 1, 1, start).time(),  # noqa: DTZ001 a time of any clock
        end=datetime(2026, 1, 1, start + dice.randint(1, 4), dice.choice((0, 59))).time(),  # noqa: DTZ001
        weekdays=weekdays,
    )
    return OwnHours(spans=(hours,), wish=dice.random() < 0.4)


def _steps(dice: random.Random, mode: TaskMode) -> tuple[TemplateStep, ...]:
    steps, begins = [], dice.randrange(0, 50)
    for place in range(dice.choices((1, 2, 3), (6, 3, 1))[0]):
        unit = dice.choice(("h", "h", "d"))
        length = dice.randrange(3, 60) if unit == "h" else dice.randrange(1, 4)
        # In an automated queue of one patient two windows may meet: only one of them may be on the line at a time.
        start = begins if unit == "h" else begins // 24
        often = Offset.parse(dice.choice(("4 d", "1 w"))) if dice.random() < 0.2 else None
        steps.append(
            TemplateStep(
                key=f"step-{place}",
                earliest=Offset.parse(f"{start} {unit}"),
                target=Offset.parse(f"{start + length // 2} {unit}"),
                latest=Offset.parse(f"{start + length} {unit}"),
                mode=mode,
                queue=f"queue-{place}",
                flow="flow" if mode is TaskMode.AUTOMATED else None,
                priority=dice.choice((20, 50, 50, 80)),
                holidays=dice.choice(tuple(HolidayRule)),
                every=often,
            )
        )
        begins += dice.randrange(0, 60)
    return tuple(steps)


class Ledger:
    """Where the scheduler's steps write what they tell."""

    def __init__(self) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.escalated_at: dict[str, list[datetime]] = {}
        self.closed_at: dict[str, datetime] = {}

    def emit(self, event: DomainEvent) -> None:
        """Remember who was told when."""
        if event.kind is EventKind.TASK_ESCALATED:
            self.escalated_at.setdefault(event.subject, []).append(self.now)
        elif event.kind is EventKind.TASK_CLOSED:
            self.closed_at[event.subject] = self.now


@dataclass(slots=True, kw_only=True)
class Walk:
    """A leader that lives through one patient's plan."""

    patient: WalkedPatient
    ledger: Ledger = field(default_factory=Ledger)
    tasks: list[Task] = field(default_factory=list)
    dials: list[Dial] = field(default_factory=list)
    live: Dial | None = None
    followed: set[str] = field(default_factory=set)
    promised: list[tuple[str, datetime]] = field(default_factory=list)
    pressed: set[tuple[str, int]] = field(default_factory=set)  # who was asked about while another call was up
    plan: Plan = field(init=False)
    local: LocalDays = field(init=False)
    dice: random.Random = field(init=False)
    gate: Gate = field(init=False)
    raises_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        patient = self.patient
        self.dice = random.Random(f"{patient.seed}:ends")  # noqa: S311
        calendar = WorkCalendar(
            region="XX", days={day: CalendarDay(day=day, kind=kind) for day, kind in patient.days.items()}
        )
        self.local = LocalDays(zone=ZoneInfo(patient.zone), calendar=calendar)
        self.gate = Gate(mode=Mode.PRODUCTION, profile=patient.profile, trunk_is_loopback=False, allow_list=frozenset())
        self.plan = Plan(
            id=PlanId(f"plan-{patient.number}"),
            patient_id=PatientId(f"patient-{patient.number}"),
            encounter_id="visit",
            template_id="walked",
            template_version=1,
            purpose=patient.purpose,
            anchor_at=patient.anchor_at,
            created_at=patient.told_at,
            zone=patient.zone,
            state_since=patient.told_at,
            steps=list(patient.steps),
            variables={"emergency": "alert"} if patient.emergency else {},
        )

    @property
    def uow(self) -> UnitOfWork:
        """The ledger, where the scheduler's steps expect a transaction to tell in."""
        return cast("UnitOfWork", self.ledger)

    def live_through(self) -> Life:
        """Everything that happens to the patient until his plan is called off."""
        patient = self.patient
        now = self.ledger.now = patient.told_at
        for window in windows(patient.steps, patient.anchor_at, self.local):
            if window.latest_at < now and window.step.every is not None:
                later = next_window(window.step, patient.anchor_at, self.local, after=0, now=now)
                window = later or window  # noqa: PLW2901
            self.tasks.append(step_task(self.plan, window, _queue(window.step), now=now))
        for _ in range(_NO_LIMIT):
            moment = self._next_moment()
            if moment is None or moment >= patient.until:
                break
            self.ledger.now = moment
            self._turn(moment)
        else:
            raise AssertionError(f"no end is in sight after {_NO_LIMIT} turns: {patient}")
        self.ledger.now = patient.until
        self._finish_live(patient.until + timedelta(days=1))
        for task in self.tasks:
            if task.state in OPEN_TASK_STATES and task.latest_at >= patient.until:
                close_task(self.uow, task, TaskTrigger.CANCEL, TaskOutcome.CANCELLED, None)
        return Life(
            patient=patient,
            tasks=self.tasks,
            dials=self.dials,
            escalated_at=self.ledger.escalated_at,
            closed_at=self.ledger.closed_at,
            promised=self.promised,
            ended_at=patient.until,
        )

    def _next_moment(self) -> datetime | None:
        moments = [self.live.decided_at] if self.live is not None else []
        now = self.ledger.now
        for task in self.tasks:
            if task.state not in OPEN_TASK_STATES or task.state is TaskState.IN_PROGRESS:
                continue
            moments.append(task.latest_at + timedelta(seconds=1))
            moments.append(max(now, self._ready_at(task)))
            if task.raised_at is None and task.id in self.raises_at:
                moments.append(max(now, self.raises_at[task.id]))
        return min(moments, default=None)

    def _ready_at(self, task: Task) -> datetime:
        if task.state is not TaskState.QUEUED:
            return task.next_attempt_at
        ready = task.next_attempt_at + self.patient.patience
        for began, ended in self.patient.pauses:
            if began <= ready < ended:
                ready = ended
        if self.live is not None and (task.id, len(self.dials)) in self.pressed:
            # The gate said once that he is on the line: it is believed until then.
            ready = max(ready, self.live.ends_at, self.live.decided_at)
        return ready

    def _turn(self, now: datetime) -> None:
        self._finish_live(now)
        for task in self.tasks:
            self._raise(task, now)
        for task in list(self.tasks):
            if task.state not in OPEN_TASK_STATES or task.state is TaskState.IN_PROGRESS:
                continue
            if task.latest_at < now:
                unseen = task.attempts_made == 0
                close_window(self.uow, task, NextAction.ESCALATE if unseen else self.patient.policy.when_exhausted)
                self._follow(task, now)
            elif task.state in (TaskState.PLANNED, TaskState.DUE) and task.next_attempt_at <= now:
                self._look_at(task, now)
        waiting = [t for t in self.tasks if t.state is TaskState.QUEUED and self._ready_at(t) <= now]
        for task in sorted(waiting, key=partial(self._rank, now=now)) if len(waiting) > 1 else waiting:
            self._take(task, now)

    def _raise(self, task: Task, now: datetime) -> None:
        """As the timetable's raise_closing_tasks; the moment is searched for instead of asked every half minute."""
        if task.id not in self.raises_at or task.raised_at is not None or now < self.raises_at[task.id]:
            return
        if task.state in (TaskState.DUE, TaskState.QUEUED):
            task.raised_at = now
            if task.next_action != NextAction.ESCALATE.value:
                self.ledger.escalated_at.setdefault(task.id, []).append(now)

    def _watch(self, task: Task, now: datetime) -> None:
        near = partial(
            is_last_chance_near,
            self.patient.profile,
            self.patient.zone,
            latest_at=task.latest_at,
            lead=self.patient.policy.closing,
            callee=self._callee(),
        )
        if task.id in self.raises_at or self.patient.policy.closing <= timedelta(0):
            return
        before, after = max(now, task.latest_at - timedelta(hours=48)), task.latest_at
        if near(before):
            self.raises_at[task.id] = before
            return
        while after - before > timedelta(minutes=10):
            middle = before + (after - before) / 2
            before, after = (before, middle) if near(middle) else (middle, after)
        self.raises_at[task.id] = after

    def _rank(self, task: Task, *, now: datetime) -> tuple[int, int, datetime]:
        standing = stand(
            WaitingFacts(
                task_id=task.id,
                queue_id=task.queue_id,
                mode=task.mode,
                priority=task.priority,
                latest_at=task.latest_at,
                next_attempt_at=task.next_attempt_at,
                language=None,
                dialect=None,
                skills=(),
                patients_language="zh",
                patients_dialect=None,
                zone=self.patient.zone,
                owner_id=None,
                owner_until=None,
                last_agent_id=None,
                same_nurse=timedelta(0),
            ),
            (),
            self.patient.profile,
            now,
        )
        return (int(standing.place), task.priority, task.next_attempt_at)

    def _look_at(self, task: Task, now: datetime) -> None:
        if task.state is TaskState.PLANNED:
            task.state = next_task_state(task.state, TaskTrigger.FALL_DUE)
        self._watch(task, now)
        answer = self._ask(task, now)
        if not set(answer.verdict.reasons) <= HELD_BY_THE_QUEUE:
            self._refuse(task, answer, now)
            return
        task.state = next_task_state(task.state, TaskTrigger.QUEUE)
        task.next_action = task.next_at = None

    def _refuse(self, task: Task, answer: GateAnswer, now: datetime) -> None:
        take_refusal(self.uow, task, self.gate, answer, now)
        if not answer.verdict.waiting_helps:
            task.next_attempt_at += self.patient.lateness
        self._follow(task, now)

    def _take(self, task: Task, now: datetime) -> None:
        if self.live is not None:
            self.pressed.add((task.id, len(self.dials)))
        answer = self._ask(task, now)
        if not answer.verdict.allowed:
            self._refuse(task, answer, now)
            return
        task.state = next_task_state(task.state, TaskTrigger.RESERVE)
        task.attempts_made += 1
        task.next_action = task.next_at = None
        ends, weights = zip(*ENDS, strict=True)
        outcome = self.dice.choices(ends, weights)[0]
        invited = now + timedelta(seconds=self.dice.choice((0, 1, 5, 2400)))
        rang = timedelta(seconds=self.dice.uniform(1, 45))
        ends_at = invited + rang
        if outcome in REACHED_A_PERSON:
            ends_at += timedelta(minutes=self.dice.choice((1, 4, 11, 50)))
        self.live = Dial(
            task_id=task.id,
            purpose=task.purpose,
            automated=task.mode is TaskMode.AUTOMATED,
            reserved_at=now,
            ends_at=ends_at,
            decided_at=ends_at + timedelta(seconds=self.dice.choice((0, 1, 40))),
            outcome=outcome,
            rang=rang,
            number=self._best_number(task) or 0,
        )
        self.dials.append(self.live)
        if self._ask(task, invited, besides=self.live).verdict.allowed:
            self.live.invited_at = invited
            if outcome in (AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY):
                self.live.result = self.dice.choice(RESULTS)
        else:
            self.live.outcome = AttemptOutcome.BLOCKED_BY_POLICY
            self.live.ends_at, self.live.rang = invited, None
            self.live.decided_at = invited + timedelta(seconds=1)

    def _finish_live(self, now: datetime) -> None:
        dial = self.live
        if dial is None or dial.decided_at > now:
            return
        now = min(now, dial.decided_at)
        self.live, dial.closed = None, True
        task = next(task for task in self.tasks if task.id == dial.task_id)
        tries = [Try(outcome=d.outcome, at=d.reserved_at) for d in self.dials if d.task_id == task.id]
        tries[-1] = Try(outcome=dial.outcome, at=dial.reserved_at, rang=dial.rang)
        verdict = self._ask(task, now).verdict
        policy, zone = self.patient.policy, self.patient.zone
        past = [(d.reserved_at, d.outcome) for d in self.dials]
        step = decide_next(
            policy=policy,
            opening=partial(next_opening, self.patient.profile, zone, callee=self._callee()),
            zone=zone,
            tries=tries,
            task_result=dial.result,
            latest_at=task.latest_at,
            another_number=self._best_number(task) is not None,
            now=now,
            block_passes=verdict.allowed or verdict.waiting_helps,
            chances=chances_by_part(policy, counts_by_part(policy, zone, past), {}) if policy.best_hour else None,
        )
        if step.task_outcome is not None:
            trigger = CLOSING.get(step.task_outcome, TaskTrigger.CANCEL)
            close_task(self.uow, task, trigger, step.task_outcome, step.action)
            self._follow(task, now)
            return
        task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
        if step.action is NextAction.CALL_AGAIN and step.at is not None:
            task.next_action, task.next_at = step.action.value, step.at
            task.next_attempt_at = step.at
            self.promised.append((task.id, step.at))
            return
        ask_for_a_person(self.uow, task, look_again_at=task.latest_at + timedelta(seconds=1))

    def _follow(self, task: Task, now: datetime) -> None:
        """As scheduler.following.plan_next: one occurrence at a time."""
        if task.state in OPEN_TASK_STATES or task.id in self.followed:
            return
        self.followed.add(task.id)
        step = self.plan.step(task.step_key or "")
        if step is None or step.every is None:
            return
        window = next_window(step, self.plan.anchor_at, self.local, after=task.occurrence, now=now)
        if window is not None and window.earliest_at < self.patient.until:
            self.tasks.append(step_task(self.plan, window, _queue(step), now=now))

    def _best_number(self, task: Task) -> int | None:
        useless = {d.number for d in self.dials if d.task_id == task.id and d.closed and d.outcome in NUMBER_IS_NO_USE}
        return next((n for n in range(1, self.patient.numbers + 1) if n not in useless), None)

    def _callee(self) -> Callee:
        patient = self.patient
        return Callee(purpose=patient.purpose, born=patient.born, own=patient.own, days=patient.days)

    def _ask(self, task: Task, now: datetime, *, besides: Dial | None = None) -> GateAnswer:
        facts = self._facts(task, now, besides)
        return GateAnswer(verdict=may_call_now(facts, self.patient.profile, now), facts=facts, kept={})

    def _facts(self, task: Task, now: datetime, besides: Dial | None) -> GateFacts:
        patient, profile = self.patient, self.patient.profile
        automated = task.mode is TaskMode.AUTOMATED
        midnight = now.astimezone(self.local.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        past = tuple(
            PastContact(
                at=d.reserved_at,
                purposes=frozenset({d.purpose}),
                automated=d.automated,
                reached=d.closed and d.outcome in REACHED_A_PERSON - NUMBER_IS_NO_USE,
                of_this_task=d.task_id == task.id,
            )
            for d in self.dials
            if d is not besides and not (d.closed and d.outcome in NOT_COUNTED)
        )
        today = [contact for contact in past if contact.at >= midnight]
        caps = tuple(cap for cap in profile.rolling_caps if cap.concerns((task.purpose,), automated=automated))
        scope = ConsentScope.AUTOMATED_PHONE if automated else ConsentScope.PHONE
        basis = profile.legal_basis(task.purpose, scope)
        withdrawn = patient.withdrawn_at is not None and now >= patient.withdrawn_at
        where = Standing.WITHDRAWN if withdrawn else patient.standing
        closed = patient.closed_at is not None and now >= patient.closed_at
        known = self._best_number(task) is not None
        return GateFacts(
            mode=Mode.PRODUCTION,
            zone=patient.zone,
            earliest_at=task.earliest_at,
            latest_at=task.latest_at,
            automated=automated,
            callee=self._callee(),
            synthetic=False,
            deceased=patient.dies_at is not None and now >= patient.dies_at,
            consent=is_permitted(where, basis),
            standing=where,
            basis=basis,
            do_not_call=closed,
            person_closed=closed,
            number_known=known,
            number_wrong=False,
            number_dialable=known,
            number_on_allow_list=False,
            trunk_is_loopback=False,
            queue_paused=any(began <= now < ended for began, ended in patient.pauses),
            attempts_today=len(today),
            completed_today=sum(contact.reached for contact in today),
            attempts_of_task=sum(contact.of_this_task for contact in past),
            tallies=tuple(tally(cap, past, now) for cap in caps),
            other_live_attempt=self.live is not None and self.live is not besides,
            emergency="alert" if patient.emergency else None,
            doctors_exception="exception" if patient.doctors_exception else None,
        )


def _queue(step: TemplateStep) -> Queue:
    return Queue(
        id=step.queue,
        name=step.queue,
        mode=step.mode,
        purpose=Purpose.CARE,
        language="zh",
        policy="default",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
