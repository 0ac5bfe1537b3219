"""Weeks of a hospital on a real database, with the clock moved from hour to hour: the scheduler's own steps, telephones
by chance. What became of each patient is told as a `Life`, so that the same judge reads it.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from care.consent import ConsentScope, Standing
from care.patients import Patient
from db.calendar import HospitalTime
from db.gate import Gate
from db.outbox import OutboxRow
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import Attempt
from followup.closing import close_attempt
from followup.dialing_rules import Mode
from followup.events import EventKind
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import OPEN_TASK_STATES, PlanEnd, Task, TaskMode, TaskState
from followup.queues import Queue
from runtime.content.library import Content
from runtime.live_events import LiveStream
from runtime.settings import REPOSITORY
from runtime.task_queue import make_task_queue
from scheduler.closing_windows import raise_closing_tasks
from scheduler.dialer import match_and_reserve
from scheduler.due import queue_due_tasks
from scheduler.following import PlanDesk
from scheduler.outcomes import AttemptPolicies, decide_next_for
from scheduler.planning import start_plan
from scheduler.queue_repairs import free_tasks_taken_along
from scheduler.reconcile import Repairs, close_past_windows, follow_closed_tasks
from scheduler.stops import cancel_plan
from tests.support.builders import a_node, a_patient, a_queue, a_template, an_agent, an_encounter, end_call_of
from tests.support.call_judge import faults_of
from tests.support.many_walks import policies, profiles
from tests.support.walked_patient import ENDS, RESULTS, Dial, Life, WalkedPatient, a_walked_patient

CONTENT = Content(REPOSITORY / "content")
BEGINS = datetime(2026, 10, 19, 1, tzinfo=UTC)  # the clocks of Europe go back on the 25th, America's on November 1st
AGENTS = 6


@dataclass(slots=True)
class WeeksClock:
    """The database's clock, set to another day and moved by hand."""

    now: datetime = BEGINS

    def __call__(self, _: datetime) -> datetime:
        return self.now


@dataclass(slots=True, kw_only=True)
class Weeks:
    """A hospital, its patients, and their hours."""

    units: UnitsOfWork
    clock: WeeksClock
    gate: Gate
    repairs: Repairs
    dice: random.Random
    policies: AttemptPolicies
    days: int
    step: timedelta  # so far apart are the leader's turns
    patients: dict[str, WalkedPatient] = field(default_factory=dict)
    queues: dict[TaskMode, dict[str, Queue]] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def people_come(self, count: int, seed: int) -> None:
        """Patients with their plans, agents, a node, queues."""
        with self.units() as uow:
            for mode in TaskMode:
                self.queues[mode] = {
                    f"queue-{n}": a_queue(uow, mode=mode, policy="default", name=f"{mode.value}-{n}", lines=3)
                    for n in range(3)
                }
            every = [queue for named in self.queues.values() for queue in named.values()]
            for _ in range(AGENTS):
                an_agent(uow, *every)
            for number in range(count):
                self._comes(uow, self._fitted(a_walked_patient(number, seed, profiles(), policies())))
            uow.commit()

    def _fitted(self, patient: WalkedPatient) -> WalkedPatient:
        """What this hospital has: one law, one policy, nothing that changes in between two of its hours."""
        return replace(
            patient,
            profile=self.gate.profile,
            policy=CONTENT.policies["default"],
            days={},
            pauses=(),
            withdrawn_at=None,
            closed_at=None,
            dies_at=None,
            emergency=False,
            doctors_exception=False,
            patience=timedelta(hours=1),
            anchor_at=BEGINS + timedelta(hours=self.dice.uniform(-20, 12 * self.days)),
            told_at=BEGINS,
            until=BEGINS + timedelta(days=self.days),
        )

    def _comes(self, uow: UnitOfWork, walked: WalkedPatient) -> None:
        scopes = (ConsentScope.PHONE, ConsentScope.AUTOMATED_PHONE)
        patient = a_patient(
            uow,
            scopes=scopes if walked.standing is Standing.GRANTED else (),
            numbers=walked.numbers,
            zone=walked.zone,
            born=walked.born,
        )
        if walked.own is not None:
            uow.objections.put_own_hours(patient.id, walked.own, source="test", by=None, now=uow.now)
        plan = start_plan(
            uow,
            patient=patient,
            encounter=an_encounter(uow, patient, occurred_at=walked.anchor_at),
            template=a_template(*walked.steps, purpose=walked.purpose, zone=walked.zone),
            queues_by_name=self.queues[walked.steps[0].mode],
            now=uow.now,
            variables={},
            time=HospitalTime(zone=ZoneInfo(walked.zone), region="CN"),
        )
        self.patients[patient.id] = walked
        self.plans[patient.id] = plan.id

    def pass_by(self) -> None:
        """From hour to hour until the weeks are over; then every plan is called off."""
        over = BEGINS + timedelta(days=self.days)
        while self.clock.now < over:
            self.one_hour()
            # Nothing may fall due for days, but a window that closes is told of by the turns in between.
            soon = min(self._next_moment() or over, self.clock.now + 2 * self.step)
            self.clock.now = min(over, max(self.clock.now + self.step, soon))
        self._end_calls()
        with self.units() as uow:
            for plan_id in self.plans.values():
                plan = uow.plans.plan_for_update(plan_id)
                assert plan is not None
                if plan.state.value == "running":
                    cancel_plan(uow, plan, PlanEnd.BY_HAND, by=None, reason="the weeks are over", now=uow.now)
            uow.commit()

    def one_hour(self) -> None:
        """Everything that the leader does, and what has become of the calls of the hour before."""
        self._end_calls()
        with self.units() as uow:
            a_node(uow, free_workers=20)
            # The console is open, the headset up: what is tried here is the scheduler.
            uow._session.execute(text("UPDATE agents SET heartbeat_at = :now"), {"now": uow.now})
            uow.commit()
        for work in (close_past_windows, follow_closed_tasks, free_tasks_taken_along):
            work(self.repairs)
        moved = True
        while moved:
            with self.units() as uow:
                moved = bool(queue_due_tasks(uow, gate=self.gate, policies=self.policies, now=uow.now))
                moved = bool(match_and_reserve(uow, gate=self.gate, now=uow.now)) or moved
                uow.commit()
        raise_closing_tasks(self.repairs)
        self._nobody_has_two_calls()

    def _end_calls(self) -> None:
        with self.units() as uow:
            for attempt in uow.attempts.live():
                ends, weights = zip(*ENDS, strict=True)
                outcome = self.dice.choices(ends, weights)[0]
                spoke = outcome in (AttemptOutcome.CONNECTED_PATIENT, AttemptOutcome.CONNECTED_PROXY)
                agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
                end_call_of(uow, attempt)
                closed = close_attempt(
                    attempt,
                    agent,
                    outcome=outcome,
                    task_result=self.dice.choice(RESULTS) if spoke else None,
                    by=None,
                    now=uow.now,
                )
                for event in closed:
                    uow.emit(event)
                self.seen[outcome.value] += 1
            uow.commit()
        with self.units() as uow:
            undecided = uow.attempts.undecided(uow.now + timedelta(seconds=1))
        for attempt_id in undecided:
            with self.units() as uow:
                decide_next_for(uow, attempt_id, gate=self.gate, policies=self.policies)
                uow.commit()

    def _next_moment(self) -> datetime | None:
        with self.units() as uow:
            if uow.attempts.live(limit=1):
                return self.clock.now
            moment: datetime | None = uow._session.execute(
                text(
                    "SELECT min(least(greatest(next_attempt_at, :now), latest_at + interval '1 second')) FROM tasks "
                    "WHERE state IN ('planned', 'due', 'queued')"
                ),
                {"now": uow.now},
            ).scalar()
            return moment

    def _nobody_has_two_calls(self) -> None:
        with self.units() as uow:
            live = Counter(attempt.patient_id for attempt in uow.attempts.live())
            assert max(live.values(), default=0) <= 1, live
            lone = uow._session.execute(
                text(
                    "SELECT count(*) FROM tasks t WHERE t.state = 'in_progress' AND NOT EXISTS (SELECT FROM attempts a "
                    "JOIN attempt_tasks l ON l.attempt_id = a.id WHERE l.task_id = t.id AND a.state <> 'closed')"
                )
            ).scalar()
            assert lone == 0, f"{lone} tasks are in progress without a live attempt"

    def lives(self) -> list[Life]:
        """What became of every patient."""
        with self.units() as uow:
            told: dict[str, list[datetime]] = {}
            closed: dict[str, datetime] = {}
            for row in uow._session.query(OutboxRow):
                if row.kind == EventKind.TASK_ESCALATED:
                    told.setdefault(row.subject, []).append(row.created_at)
                elif row.kind == EventKind.TASK_CLOSED:
                    closed[row.subject] = row.created_at
            return [self._life(uow, patient_id, told, closed) for patient_id in self.patients]

    def _life(
        self, uow: UnitOfWork, patient_id: str, told: dict[str, list[datetime]], closed: dict[str, datetime]
    ) -> Life:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        tasks = list(uow.plans.tasks_of_patient(patient_id))
        by_id = {str(task.id): task for task in tasks}
        attempts = sorted(uow.attempts.of_patient(patient_id), key=lambda each: each.reserved_at)
        return Life(
            patient=self.patients[patient_id],
            tasks=tasks,
            dials=[_dial(attempt, by_id[str(attempt.task_id)], patient) for attempt in attempts],
            escalated_at=told,
            closed_at={task_id: closed.get(task_id, self.clock.now) for task_id in by_id},
            promised=[
                (str(task.id), decision.next_at)
                for task in tasks
                for decision in uow.decisions.of_task(task.id)
                if decision.next_at is not None
            ],
            ended_at=self.clock.now,
            grace=2 * self.step,
        )


def _dial(attempt: Attempt, task: Task, patient: Patient) -> Dial:
    assert attempt.outcome is not None, f"attempt {attempt.id} never ended"
    ended = attempt.closed_at or attempt.reserved_at
    points = [point.id for point in patient.contact_points]
    return Dial(
        task_id=str(attempt.task_id),
        purpose=task.purpose,
        automated=task.mode is TaskMode.AUTOMATED,
        reserved_at=attempt.reserved_at,
        invited_at=attempt.reserved_at,
        ends_at=ended,
        decided_at=attempt.decided_at or ended,
        outcome=attempt.outcome,
        result=TaskOutcome(attempt.task_result) if attempt.task_result else None,
        number=1 + points.index(attempt.contact_point_id),
        closed=True,
    )


def weeks_of_calls(
    engine: Engine, broker_url: str, *, patients: int, days: int, step: timedelta, seed: int
) -> tuple[list[str], Counter[str]]:
    """Let the weeks pass by; the judge's faults, and what was seen."""
    clock, laws = WeeksClock(), profiles()
    units = UnitsOfWork(engine, clock=clock)
    gate = Gate(mode=Mode.DEMO, profile=laws["cn"], trunk_is_loopback=True, allow_list=frozenset())
    followed = AttemptPolicies(by_id=CONTENT.policies)
    app = make_task_queue(broker_url)
    with LiveStream(broker_url) as live:
        weeks = Weeks(
            units=units,
            clock=clock,
            gate=gate,
            policies=followed,
            days=days,
            step=step,
            dice=random.Random(f"{seed}:weeks"),  # noqa: S311 repeatable, not secret
            repairs=Repairs(
                units_of_work=units,
                task_queue=app,
                live=live,
                policies=followed,
                profile=gate.profile,
                ring=timedelta(seconds=30),
                plan_desk=PlanDesk(content=CONTENT, time=HospitalTime(zone=ZoneInfo("Asia/Shanghai"), region="CN")),
            ),
        )
        weeks.people_come(patients, seed)
        weeks.pass_by()
        lives = weeks.lives()
    app.close()
    faults = []
    for life in lives:
        found = [*faults_of(life), *_overlapping(life)]
        faults += (
            [f"patient {life.patient.number} of seed {seed}: {'; '.join(found)}\n{life.patient!r}"] if found else []
        )
        weeks.seen["tasks"] += len(life.tasks)
        weeks.seen["attempts"] += len(life.dials)
        for task in life.tasks:
            weeks.seen[f"ended {task.outcome.value if task.outcome else task.state.value}"] += 1
            if task.state in OPEN_TASK_STATES and task.state is not TaskState.PLANNED:
                faults.append(f"seed {seed}: task {task.step_key} of a plan called off is still {task.state.value}")
    return faults, weeks.seen


def _overlapping(life: Life) -> list[str]:
    return [
        f"two attempts at a time: {one.reserved_at} to {one.ends_at}, and {two.reserved_at}"
        for one, two in pairwise(life.dials)
        if two.reserved_at < one.ends_at
    ]
