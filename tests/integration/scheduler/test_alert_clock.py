"""The clock of alerts on a real database: told once at each step, in order, to a person, and stopped by a person."""

from datetime import datetime, timedelta

import pytest

from care.patients import Patient
from db.alert_raising import raise_alert, raise_alerts
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.alerts import Alert, AlertEventKind, AlertLevel, AlertSource, AlertState
from followup.attempts import AttemptState
from followup.duty import DutyRole, DutyShift
from followup.events import EventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskMode, TaskState
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import load_settings
from scheduler.alert_clock import AlertDesk, begin_alert, take_due_steps
from scheduler.held_tasks import release, settle
from tests.support.builders import a_patient, a_queue, a_task, an_agent, an_attempt, an_encounter

CARDIOLOGY = "心内科"
PHONES = {DutyRole.NURSE: "+8619900000091", DutyRole.DOCTOR: "+8619900000092", DutyRole.HEAD: "+8619900000093"}


@pytest.fixture(scope="module")
def desk(content: Content) -> AlertDesk:
    return AlertDesk.of(load_settings(), content)


def a_roster(uow: UnitOfWork, *roles: DutyRole, department: str = CARDIOLOGY) -> None:
    for role in roles:
        uow.duty.add(
            DutyShift(
                id=new_id(),
                department=department,
                role=role,
                starts_at=uow.now - timedelta(hours=1),
                ends_at=uow.now + timedelta(days=3),
                name=role.value,
                phone=PHONES[role],
                entered_at=uow.now,
            )
        )
    uow.flush()


def a_visit(uow: UnitOfWork) -> tuple[Patient, Task]:
    patient = a_patient(uow)
    an_encounter(uow, patient, department=CARDIOLOGY)
    return patient, a_task(uow, patient, a_queue(uow))


def raised(
    uow: UnitOfWork, patient: Patient, task: Task, level: AlertLevel = AlertLevel.RED, code: str = "chest_pain"
) -> str:
    alert = Alert(
        id=new_id(),
        patient_id=patient.id,
        task_id=task.id,
        source=AlertSource.ANSWER,
        response_id=new_id(),
        code=code,
        level=level,
        raised_at=uow.now,
    )
    assert raise_alert(uow, alert)
    return alert.id


def tick(units: UnitsOfWork, desk: AlertDesk, *, after: timedelta, since: datetime) -> None:
    with units() as uow:
        take_due_steps(uow, desk, now=since + after)
        uow.commit()


def told(units: UnitsOfWork, alert_id: str) -> list[str]:
    with units() as uow:
        return [
            str(line.detail["role"]) if line.kind is AlertEventKind.TOLD else line.kind.value
            for line in uow.alerts.story(alert_id)
            if line.kind in (AlertEventKind.TOLD, AlertEventKind.NOBODY_ON_DUTY, AlertEventKind.OVERDUE)
        ]


def test_a_silent_nurse_is_followed_by_the_doctor_and_the_head_each_once(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, *DutyRole)
        patient, task = a_visit(uow)
        alert_id, now = raised(uow, patient, task), uow.now
        uow.commit()
    seen = []
    for minutes in (0, 0, 4, 5, 5, 14, 15, 16, 60):
        tick(units, desk, after=timedelta(minutes=minutes), since=now)
        seen.append(len(told(units, alert_id)))
    assert seen == [1, 1, 1, 3, 3, 3, 4, 4, 4]
    assert told(units, alert_id) == ["nurse", "doctor", "overdue", "head"]
    with units() as uow:
        alert = uow.alerts.get(alert_id)
        assert alert is not None
        assert (alert.department, alert.state, alert.due_at) == (
            CARDIOLOGY,
            AlertState.RAISED,
            alert.raised_at + timedelta(minutes=5),
        )
        messages = uow.messages.page(state=None, after=None, limit=10)
        assert {message.address for message in messages} == set(PHONES.values())
        assert not any(word in message.text for message in messages for word in (patient.name, "chest", "胸"))
        kinds = [row.kind for row in uow.outbox.unpublished() if row.subject == alert_id]
        assert kinds.count(EventKind.ALERT_RAISED.value) == 1
        assert kinds.count(EventKind.ALERT_CHANGED.value) == 3


def test_a_clock_looked_at_late_tells_everybody_who_was_due_once(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, *DutyRole)
        patient, task = a_visit(uow)
        alert_id, now = raised(uow, patient, task), uow.now
        uow.commit()
    # The scheduler was away for twenty minutes; another one starts, with its own connections.
    other = UnitsOfWork(make_engine(str(units.engine.url.render_as_string(hide_password=False))))
    tick(other, desk, after=timedelta(minutes=20), since=now)
    tick(units, desk, after=timedelta(minutes=21), since=now)
    assert told(units, alert_id) == ["nurse", "doctor", "head", "overdue"]
    other.engine.dispose()


def test_who_took_an_alert_and_forgot_it_is_not_the_end_of_it(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, *DutyRole)
        patient, task = a_visit(uow)
        alert_id, now = raised(uow, patient, task), uow.now
        uow.commit()
    tick(units, desk, after=timedelta(), since=now)
    with units() as uow:
        alert = uow.alerts.for_update(alert_id)
        assert alert is not None
        alert.state = AlertState.ACKNOWLEDGED
        alert.next_step_at = now + desk.clocks[AlertLevel.RED].outcome_within
        uow.commit()
    for minutes in (30, 60, 61, 120):
        tick(units, desk, after=timedelta(minutes=minutes), since=now)
    assert told(units, alert_id) == ["nurse", "head", "head"]


def test_the_first_step_is_taken_at_once_and_never_twice(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, *DutyRole)
        patient, task = a_visit(uow)
        alert_id = raised(uow, patient, task)
        uow.commit()
    took = []
    for _ in range(2):
        with units() as uow:
            took.append(begin_alert(uow, desk, alert_id, now=uow.now))
            uow.commit()
    assert took == [True, False]
    assert told(units, alert_id) == ["nurse"]


def test_where_nobody_is_on_duty_the_next_one_up_is_told_at_once(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, DutyRole.HEAD, department="*")
        patient, task = a_visit(uow)
        alert_id, now = raised(uow, patient, task), uow.now
        uow.commit()
    tick(units, desk, after=timedelta(), since=now)
    assert told(units, alert_id) == ["nobody_on_duty", "nobody_on_duty", "head"]


def test_a_red_alert_makes_a_call_back_by_a_person_at_any_hour_and_amber_one_within_two_hours(
    units: UnitsOfWork, desk: AlertDesk
) -> None:
    with units() as uow:
        patient, task = a_visit(uow)
        red, now = raised(uow, patient, task), uow.now
        amber = raised(uow, patient, task, AlertLevel.AMBER, "fever")
        yellow = raised(uow, patient, task, AlertLevel.YELLOW, "rash")
        uow.commit()
    tick(units, desk, after=timedelta(), since=now)
    tick(units, desk, after=timedelta(seconds=1), since=now)
    with units() as uow:
        tasks = {}
        for name, alert_id in (("red", red), ("amber", amber), ("yellow", yellow)):
            alert = uow.alerts.get(alert_id)
            assert alert is not None
            tasks[name] = uow.plans.task(alert.call_back_task_id) if alert.call_back_task_id else None
        assert tasks["yellow"] is None
        assert tasks["red"] is not None
        assert tasks["amber"] is not None
        assert tasks["red"].variables["emergency"] == red
        assert "emergency" not in tasks["amber"].variables
        assert tasks["amber"].latest_at - tasks["amber"].earliest_at == timedelta(hours=2)
        assert tasks["red"].priority < tasks["amber"].priority < task.priority
        assert {tasks["red"].mode, tasks["amber"].mode} == {TaskMode.AGENT}


def test_nobody_rings_back_a_patient_whom_an_agent_has_on_the_line(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        patient, task = a_visit(uow)
        attempt = an_attempt(uow, task, state=AttemptState.IN_CALL, agent_id=an_agent(uow).id)
        alert = Alert(
            id=new_id(),
            patient_id=patient.id,
            attempt_id=attempt.id,
            source=AlertSource.PERSON,
            code="chest_pain",
            level=AlertLevel.RED,
            raised_at=uow.now,
        )
        raise_alert(uow, alert)
        now = uow.now
        uow.commit()
    tick(units, desk, after=timedelta(), since=now)
    with units() as uow:
        kept = uow.alerts.get(alert.id)
        assert kept is not None
        assert (kept.call_back_task_id, kept.task_id) == (None, task.id)


def test_answers_saved_again_raise_no_second_alert_and_another_response_does(
    units: UnitsOfWork, content: Content
) -> None:
    with units() as uow:
        patient, task = a_visit(uow)
        response = new_id()
        raised_codes = [
            [
                alert.code
                for alert in raise_alerts(
                    uow,
                    content,
                    form="phq9",
                    answers=answers,
                    earlier=[],
                    patient_id=patient.id,
                    task_id=task.id,
                    response_id=response_id,
                )
            ]
            for response_id, answers in (
                (response, {"phq9_9": 0}),
                (response, {"phq9_9": 2}),
                (response, {"phq9_9": 3}),
                (response, {"phq9_9": 0}),
                (new_id(), {"phq9_9": 1}),
            )
        ]
        uow.commit()
    assert raised_codes == [[], ["thoughts_of_self_harm"], [], [], ["thoughts_of_self_harm"]]
    with units() as uow:
        assert len(uow.alerts.of_patient(patient.id)) == 2


def test_a_doctors_review_is_due_at_the_end_of_the_second_working_day(units: UnitsOfWork, desk: AlertDesk) -> None:
    with units() as uow:
        a_roster(uow, DutyRole.DOCTOR)
        patient, task = a_visit(uow)
        alert_id, now = raised(uow, patient, task, AlertLevel.YELLOW, "rash"), uow.now
        uow.commit()
    tick(units, desk, after=timedelta(), since=now)
    assert told(units, alert_id) == ["doctor"]
    with units() as uow:
        alert = uow.alerts.get(alert_id)
        assert alert is not None
        assert alert.due_at is not None
        local = alert.due_at.astimezone(desk.zone)
        last = uow.calendar.of("CN").add_working_days(now.astimezone(desk.zone).date(), 2)
        assert (local.hour, local.date() - timedelta(days=1)) == (0, last)
    tick(units, desk, after=timedelta(days=30), since=now)
    tick(units, desk, after=timedelta(days=31), since=now)
    assert told(units, alert_id) == ["doctor", "overdue"]


def test_a_task_taken_along_is_held_too_and_ends_with_its_own_result(units: UnitsOfWork, content: Content) -> None:
    with units() as uow:
        patient, task = a_visit(uow)
        along = a_task(uow, patient, a_queue(uow), state=TaskState.IN_PROGRESS)
        attempt = an_attempt(
            uow, task, state=AttemptState.CLOSED, closed_at=uow.now, decided_at=uow.now, task_result="completed"
        )
        uow.attempts.join_tasks(attempt.id, [task.id, along.id])
        uow.attempts.note_result(attempt.id, along.id, "refused")
        alert = uow.alerts.get(raised(uow, patient, along))
        assert alert is not None
        assert not release(uow, along)
        alert.state = AlertState.CLOSED
        settle(uow, alert, content)
        assert (along.state, along.outcome) == (TaskState.REFUSED, TaskOutcome.REFUSED)
