"""Who judges a patient's life from outside: every dial and every task against the rules, reckoned here anew.

Nothing of the gate, the planning or the decisions is asked; hours, days and caps are counted from the wall's clock.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, LegalBasis, Purpose, Standing
from followup.calendars import DayKind
from followup.calling_hours import CallingHours, HolidayRule
from followup.dialing_rules import Counted
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import HolidayRule as HolidayDay
from followup.plans import Task, TaskMode, TaskState
from tests.support.walked_patient import Dial, Life, WalkedPatient

SPOKE = {"connected-patient", "connected-proxy"}  # a stranger is not the patient
OURS = {"network-failure", "caller-abandoned", "blocked-by-policy"}
_LOOK_EVERY = timedelta(minutes=60)
_ALERT_TOLD = timedelta(hours=48)


def faults_of(life: Life) -> Iterator[str]:
    """Everything in a life that no rule allows, in words; nothing where all was well."""
    yield from _dials(life)
    yield from _promises(life)
    yield from _tasks(life)
    yield from _occurrences(life)


def _dials(life: Life) -> Iterator[str]:
    before: list[Dial] = []
    tasks = {str(task.id): task for task in life.tasks}
    for dial in sorted(life.dials, key=lambda each: each.reserved_at):
        if before and before[-1].ends_at > dial.reserved_at:
            yield f"a second live attempt at {dial.reserved_at}: the first lasts until {before[-1].ends_at}"
        if dial.invited_at is not None:
            for reason in against(life.patient, tasks[dial.task_id], dial.invited_at, before):
                yield f"dialed at {dial.invited_at} for {tasks[dial.task_id].step_key}, but {reason}"
        before.append(dial)


def _promises(life: Life) -> Iterator[str]:
    tasks = {str(task.id): task for task in life.tasks}
    for task_id, at in life.promised:
        task = tasks[task_id]
        if not task.earliest_at <= at <= task.latest_at:
            yield f"{task.step_key} is to be called again at {at}, outside its window"
        elif not _open_hour(life.patient, at):
            yield f"{task.step_key} is to be called again at {at}, when nobody may be called"


def against(patient: WalkedPatient, task: Task, at: datetime, earlier: list[Dial]) -> list[str]:
    """What speaks against dialing the patient at this instant."""
    found = []
    of_person = task.mode is TaskMode.AGENT and patient.purpose is Purpose.CARE
    danger, doctor = of_person and patient.emergency, of_person and patient.doctors_exception
    if patient.dies_at is not None and at >= patient.dies_at:
        found.append("he is dead")
    if not danger and not doctor:
        if patient.closed_at is not None and at >= patient.closed_at:
            found.append("he is on the do-not-call list")
        if patient.withdrawn_at is not None and at >= patient.withdrawn_at:
            found.append("he has withdrawn his consent")
        elif patient.standing is not Standing.GRANTED and not _duty(patient, task):
            found.append("he never agreed")
    if not task.earliest_at <= at <= task.latest_at:
        found.append(f"its window is {task.earliest_at} to {task.latest_at}")
    if any(began <= at < ended for began, ended in patient.pauses):
        found.append("his queue is stopped")
    spoiled = {d.number for d in earlier if d.task_id == task.id and d.outcome in NO_USE}
    if len(spoiled) >= patient.numbers:
        found.append("he has no number (left)")
    if any(d.ends_at > at for d in earlier):
        found.append("he is being called")
    if not danger:
        if not _open_hour(patient, at):
            found.append(f"his clock shows {at.astimezone(ZoneInfo(patient.zone)):%A %Y-%m-%d %H:%M}")
        found += _caps(patient, task, at, earlier)
    return found


NO_USE = {AttemptOutcome.WRONG_NUMBER, AttemptOutcome.INVALID_NUMBER, AttemptOutcome.CONNECTED_WRONG_PERSON}


def _duty(patient: WalkedPatient, task: Task) -> bool:
    scope = ConsentScope.PHONE if task.mode is TaskMode.AGENT else ConsentScope.AUTOMATED_PHONE
    return patient.profile.legal_bases.get((patient.purpose, scope)) is LegalBasis.DUTY_OF_CARE


def _open_hour(patient: WalkedPatient, at: datetime) -> bool:
    profile, wall = patient.profile, at.astimezone(ZoneInfo(patient.zone))
    today, shown = wall.date(), time(wall.hour, wall.minute, wall.second, wall.microsecond)
    if str(today) in profile.holidays:
        return False
    weekday = kind_of_day = today.isoweekday()
    special = patient.days.get(today)
    if special is DayKind.MAKE_UP:
        kind_of_day = 1 if profile.make_up_days_as_weekdays else weekday
    elif special is DayKind.HOLIDAY:
        rule = profile.on_holidays.get(patient.purpose)
        if rule is None or rule is HolidayRule.CLOSED:
            return False
        kind_of_day = 7 if rule is HolidayRule.AS_SUNDAY else weekday
    wished = patient.own is not None and patient.own.wish
    lawful = profile.outer_hours if wished and profile.outer_hours else profile.hours
    if not _in(lawful, kind_of_day, shown):
        return False
    if patient.own is not None and not _in(patient.own.spans, weekday, shown):
        return False
    rest = profile.noon_rest
    if rest is None or wished or not rest.start <= shown < rest.end:
        return True
    return patient.born is not None and _birthdays(patient.born, today) < rest.from_age


def _in(hours: tuple[CallingHours, ...], weekday: int, shown: time) -> bool:
    return any(weekday in each.weekdays and each.start <= shown < each.end for each in hours)


def _birthdays(born: date, today: date) -> int:
    return today.year - born.year - (today.strftime("%m%d") < born.strftime("%m%d"))


def _caps(patient: WalkedPatient, task: Task, at: datetime, earlier: list[Dial]) -> Iterator[str]:
    zone, profile = ZoneInfo(patient.zone), patient.profile
    rang = [d for d in earlier if d.outcome.value not in OURS]
    today = [d for d in rang if d.reserved_at.astimezone(zone).date() == at.astimezone(zone).date()]
    if len(today) >= profile.attempts_per_day:
        yield f"he was called {len(today)} times today"
    spoken = [d for d in today if d.outcome.value in SPOKE]
    if len(spoken) >= profile.completed_per_day:
        yield "somebody has spoken with us today"
    of_task = [d for d in rang if d.task_id == task.id]
    if profile.attempts_per_task is not None and len(of_task) >= profile.attempts_per_task:
        yield f"{len(of_task)} attempts were made for this task"
    for cap in profile.rolling_caps:
        if patient.purpose not in cap.purposes or (cap.automated_only and task.mode is TaskMode.AGENT):
            continue
        counted = [
            d
            for d in rang
            if at - d.reserved_at < timedelta(days=cap.days)
            and (cap.counts is Counted.ATTEMPTS or d.outcome.value in SPOKE)
            and (d.automated or not cap.automated_only)
        ]
        if len(counted) >= cap.at_most:
            yield f"{len(counted)} calls in {cap.days} days are enough"


def _tasks(life: Life) -> Iterator[str]:
    for task in life.tasks:
        name = f"{task.step_key}/{task.occurrence} (window {task.earliest_at} to {task.latest_at})"
        over = task.state not in (TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED, TaskState.IN_PROGRESS)
        if over and task.outcome is None:
            yield f"{name} ended without an outcome"
        if not over:
            if task.latest_at < life.ended_at:
                yield f"{name} is forgotten: still {task.state.value} at {life.ended_at}"
            continue
        if task.outcome is TaskOutcome.NOT_DUE:
            if task.latest_at >= life.patient.told_at:
                yield f"{name} was called off though it could have been kept"
            continue
        yield from _end(life, task, name)


def _end(life: Life, task: Task, name: str) -> Iterator[str]:
    closed, dials = life.closed_at[task.id], [d for d in life.dials if d.task_id == task.id]
    last_call = max((d.decided_at for d in dials), default=task.latest_at)
    if closed > max(task.latest_at, last_call) + life.grace:
        yield f"{name} was left until {closed}"
    if task.outcome is TaskOutcome.CANCELLED and closed < life.ended_at:
        yield f"{name} was cancelled at {closed}, and nobody asked for it"
    if task.outcome is TaskOutcome.DECEASED and (life.patient.dies_at is None or closed < life.patient.dies_at):
        yield f"{name} ended for a death that was none"
    if task.outcome is TaskOutcome.REFUSED and not _said_no(life.patient, closed, dials):
        yield f"{name} ended as refused, and nobody said no"
    if task.outcome is not TaskOutcome.LOST_TO_FOLLOW_UP:
        return
    told = [at for at in life.escalated_at.get(task.id, []) if at <= closed]
    if not told and task.next_action not in ("escalate", "other_channel"):
        yield f"{name} was lost and nobody told"
    if not dials and task.next_action != "escalate":
        yield f"{name} was lost without a call, and not as a failure of ours"
    if closed <= task.latest_at:
        return
    last_hour = _last_hour(life, task)
    if last_hour is not None and not _in_time(told, dials, last_hour, max(life.grace, _LOOK_EVERY)):
        yield f"{name} passed, a call was possible until {last_hour}, and nobody was told before"
    if not dials and not life.patient.patience and (missed := _missed(life, task)) is not None:
        yield f"{name} was never dialed, though it could have been at {missed}"


def _said_no(patient: WalkedPatient, at: datetime, dials: list[Dial]) -> bool:
    words = [moment for moment in (patient.closed_at, patient.withdrawn_at) if moment is not None]
    return any(moment <= at for moment in words) or any(d.result is TaskOutcome.REFUSED for d in dials)


def _in_time(told: list[datetime], dials: list[Dial], last_hour: datetime, grace: timedelta) -> bool:
    # It was found by steps: calls were possible until somewhere in the step behind it.
    if any(at < last_hour + grace for at in told):
        return True
    # Somebody had him on the line in the last hour, and the next try was refused for want of time.
    return any(last_hour - grace <= d.decided_at for d in dials)


def _last_hour(life: Life, task: Task) -> datetime | None:
    """The last full step of the clock in the window, not more than the watch goes back, in whose hours a call lies."""
    at = task.latest_at
    while at >= max(_first_look(life, task), task.latest_at - _ALERT_TOLD):
        if _open_hour(life.patient, at):
            return at
        at -= _LOOK_EVERY
    return None


def _first_look(life: Life, task: Task) -> datetime:
    """When it is looked at at the latest: what keeps to working days may begin late, but not behind its target."""
    step = next(step for step in life.patient.steps if step.key == task.step_key)
    return max(task.earliest_at if step.holidays is HolidayDay.NONE else task.target_at, life.patient.told_at)


def _missed(life: Life, task: Task) -> datetime | None:
    """An instant at which nothing spoke against a call, and a minute later neither."""
    at = _first_look(life, task)
    while at < task.latest_at:
        others = [d for d in life.dials if d.reserved_at <= at]
        if all(not against(life.patient, task, when, others) for when in (at, at + timedelta(minutes=1))):
            return at
        at += _LOOK_EVERY
    return None


def _occurrences(life: Life) -> Iterator[str]:
    """What comes again: every occurrence that could be kept was planned, each once, where the calendar puts it."""
    zone = ZoneInfo(life.patient.zone)
    for step in life.patient.steps:
        made = sorted((t for t in life.tasks if t.step_key == step.key), key=lambda task: task.occurrence)
        numbers = [task.occurrence for task in made]
        if len(set(numbers)) != len(numbers):
            yield f"step {step.key} was planned twice: {numbers}"
        for task in made:
            for bound, offset in ((task.earliest_at, step.earliest), (task.latest_at, step.latest)):
                start = _later(life.patient.anchor_at, zone, _days(step.every) * task.occurrence, 0.0)
                unit_days = offset.count if offset.unit.value == "d" else 0
                due = _later(start, zone, unit_days, offset.count if offset.unit.value == "h" else 0.0)
                if bound != due:
                    yield f"step {step.key}/{task.occurrence}: {bound} is not {due}"
        if step.every is None:
            continue
        for task, following in zip(made, [*made[1:], None], strict=True):
            ended = life.closed_at.get(task.id, life.patient.told_at)
            number = task.occurrence + 1
            while following is None or number < following.occurrence:
                begins = _later(life.patient.anchor_at, zone, _days(step.every) * number, 0.0)
                latest = begins + timedelta(days=4)  # no window here is longer
                if begins > life.ended_at or (following is None and ended >= life.ended_at):
                    break
                if latest > ended + timedelta(days=4) and begins > ended and begins + timedelta(days=5) < life.ended_at:
                    yield f"step {step.key}: occurrence {number} was forgotten after {ended}"
                    break
                number += 1


def _days(every: object) -> float:
    if every is None:
        return 0
    count, unit = str(every).split()
    return float(count) * {"d": 1, "w": 7}[unit]


def _later(anchor: datetime, zone: ZoneInfo, days: float, hours: float) -> datetime:
    """So many days later at the same hour of the wall's clock, or so many hours that pass."""
    wall = anchor.astimezone(zone)
    moved = datetime.combine(wall.date() + timedelta(days=int(days)), wall.time(), tzinfo=zone).replace(fold=0)
    start = anchor if not days else moved.astimezone(UTC)
    return start + timedelta(hours=hours)
