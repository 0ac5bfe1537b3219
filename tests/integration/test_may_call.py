"""The gate on a real database: what it finds there, how fast a stop and a refusal act, and what an ask costs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from care.consent import Consent, ConsentScope, Purpose
from care.objections import DoctorsException, Objection, ObjectionSource
from care.patients import NumberOwner, NumberQuality, Patient
from care.relatives import Relative
from db.engine import make_engine
from db.gate import Gate, GateAnswer
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calendars import CalendarDay, CalendarYear, DayKind
from followup.calling_hours import CallingHours, HolidayRule, OwnHours
from followup.dialing_rules import Counted, GateReason, Mode, Profile, RollingCap
from followup.outcomes import AttemptOutcome
from followup.plans import Task, TaskMode
from followup.queues import Queue
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from tests.support.builders import a_patient, a_queue, a_task, an_attempt

PROFILES = Content(REPOSITORY / "content").jurisdictions
OPEN = replace(PROFILES["demo"], attempts_per_day=3, completed_per_day=2)


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    """One database for all, for nothing here is ever committed."""
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def a_gate(profile: Profile = OPEN, **values: Any) -> Gate:
    return Gate(
        **{
            "mode": Mode.DEMO,
            "profile": profile,
            "trunk_is_loopback": True,
            "allow_list": frozenset(),
            **values,
        }
    )


def a_survey(uow: UnitOfWork, **values: Any) -> tuple[Patient, Queue, Task]:
    patient = a_patient(uow, **values)
    queue = a_queue(uow, purpose=Purpose.SURVEY)
    return patient, queue, a_task(uow, patient, queue)


def asked(uow: UnitOfWork, task: Task, gate: Gate | None = None) -> GateAnswer:
    uow.flush()
    patient = uow.patients.get(task.patient_id)
    assert patient is not None
    return (gate or a_gate()).ask(uow, task, patient.best_number(), now=uow.now)


def said(uow: UnitOfWork, patient: Patient, purpose: Purpose, scope: ConsentScope, *, granted: bool) -> None:
    uow.patients.add_consent(
        Consent(
            id=new_id(),
            patient_id=patient.id,
            purpose=purpose,
            scope=scope,
            granted=granted,
            source="test",
            recorded_at=uow.now,
        )
    )


def objection(uow: UnitOfWork, **values: Any) -> Objection:
    made = Objection(
        **{"id": new_id(), "reason": "no more", "source": ObjectionSource.CALL, "since": uow.now, **values}
    )
    uow.objections.add(made)
    return made


def reached(uow: UnitOfWork, task: Task, ago: timedelta) -> None:
    """The patient was spoken with in an earlier attempt."""
    made = an_attempt(
        uow,
        task,
        state=AttemptState.CLOSED,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
        reserved_at=uow.now - ago,
        closed_at=uow.now - ago,
        decided_at=uow.now - ago,
        ordinal=1 + len(uow.attempts.of_task(task.id)),
    )
    uow.flush()
    assert made.outcome is not None


# --- whose word counts ------------------------------------------------------------------------------------------------


def test_a_refusal_of_surveys_leaves_care_alone(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, _, survey = a_survey(uow)
        care = a_task(uow, patient, a_queue(uow))
        objection(uow, patient_id=patient.id, purpose=Purpose.SURVEY)
        answer = asked(uow, survey)
        assert answer.verdict.reasons == (GateReason.DO_NOT_CALL,)
        assert answer.facts.refused_for_good
        assert asked(uow, care).verdict.allowed


@pytest.mark.parametrize("whose", ["person", "number", "number of the person", "another campaign", "lifted"])
def test_an_objection_closes_what_it_names_and_no_more(units: UnitsOfWork, whose: str) -> None:
    with units() as uow:
        patient, _, survey = a_survey(uow, numbers=2)
        first = patient.contact_points[0].number
        values: dict[str, dict[str, Any]] = {
            "person": {"patient_id": patient.id},
            "number": {"number": first},
            "number of the person": {"patient_id": patient.id, "number": first},
            "another campaign": {"patient_id": patient.id, "campaign_id": new_id()},
            "lifted": {"patient_id": patient.id, "lifted_at": uow.now},
        }
        made = objection(uow, **values[whose])
        uow.flush()
        on_first = a_gate().ask(uow, survey, patient.contact_points[0], now=uow.now)
        on_second = a_gate().ask(uow, survey, patient.contact_points[1], now=uow.now)
        assert on_first.verdict.allowed is (whose in ("another campaign", "lifted"))
        assert on_second.verdict.allowed is (whose != "person")
        assert on_first.facts.closed_by == (() if on_first.verdict.allowed else (made.id,))


def test_who_wants_no_calls_wants_none_by_a_machine_either(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        task = a_task(uow, patient, a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER))
        assert asked(uow, task).verdict.allowed
        said(uow, patient, Purpose.REMINDER, ConsentScope.PHONE, granted=False)
        assert asked(uow, task).verdict.reasons == (GateReason.CONSENT_WITHDRAWN,)
        said(uow, patient, Purpose.CARE, ConsentScope.AUTOMATED_PHONE, granted=True)
        assert not asked(uow, task).verdict.allowed


def test_care_may_rest_on_the_duty_of_care_until_the_patient_says_no(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow, purposes=())
        task = a_task(uow, patient, a_queue(uow))
        bearing = replace(OPEN, legal_bases=PROFILES["eu"].legal_bases)
        assert asked(uow, task).verdict.reasons == (GateReason.NO_CONSENT,)
        answer = asked(uow, task, a_gate(bearing))
        assert answer.verdict.allowed
        assert answer.kept["facts"]["basis"] == "duty_of_care"  # type: ignore[index]
        said(uow, patient, Purpose.CARE, ConsentScope.PHONE, granted=False)
        assert asked(uow, task, a_gate(bearing)).verdict.reasons == (GateReason.CONSENT_WITHDRAWN,)


def test_a_doctors_exception_opens_care_and_nothing_else(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, _, survey = a_survey(uow)
        care = a_task(uow, patient, a_queue(uow))
        objection(uow, patient_id=patient.id)
        exception = DoctorsException(
            id=new_id(),
            patient_id=patient.id,
            doctor="林医生",
            reason="potassium 6.1, has to be told",
            recorded_by=new_id(),
            recorded_at=uow.now,
            expires_at=uow.now + timedelta(hours=1),
        )
        uow.objections.add_exception(exception)
        answer = asked(uow, care)
        assert answer.verdict.allowed
        assert answer.verdict.lifted == (GateReason.DO_NOT_CALL,)
        assert answer.facts.doctors_exception == exception.id
        assert asked(uow, survey).verdict.reasons == (GateReason.DO_NOT_CALL,)
        exception.ended_at = uow.now
        assert asked(uow, care).verdict.reasons == (GateReason.DO_NOT_CALL,)


def test_a_red_alert_rings_at_night_but_never_a_stopped_queue_or_by_a_machine(units: UnitsOfWork) -> None:
    with units() as uow:
        never = replace(OPEN, hours=(CallingHours(start=time(0), end=time(0, 1), weekdays=frozenset({1})),))
        gate = a_gate(replace(never, attempts_per_day=1))
        patient, queue = a_patient(uow), a_queue(uow)
        task = a_task(uow, patient, queue)
        reached(uow, task, timedelta(minutes=5))
        if asked(uow, task, gate).verdict.allowed:
            pytest.fail("the hours were to be closed")
        task.variables = {"emergency": "alert-1"}
        answer = asked(uow, task, gate)
        assert answer.verdict.allowed
        assert GateReason.DAILY_CAP in answer.verdict.lifted
        assert answer.facts.emergency == "alert-1"
        queue.paused = True
        assert asked(uow, task, gate).verdict.reasons == (GateReason.QUEUE_PAUSED,)
        queue.paused = False
        task.mode = TaskMode.AUTOMATED
        assert not asked(uow, task, gate).verdict.allowed


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_numbers_that_are_nobodys_own_or_a_relatives_without_leave_are_not_dialed(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, _, survey = a_survey(uow)
        point = patient.contact_points[0]
        own = a_gate(never_dialed=(point.number[:8],))
        assert asked(uow, survey, own).verdict.reasons == (GateReason.NUMBER_NEVER_DIALED,)
        point.owner = NumberOwner.RELATIVE
        assert asked(uow, survey).verdict.reasons == (GateReason.RELATIVE_NOT_AGREED,)
        said(uow, patient, Purpose.SURVEY, ConsentScope.RELATIVE, granted=True)
        assert asked(uow, survey).verdict.allowed
        point.quality = NumberQuality.WRONG
        uow.flush()
        wrong = a_gate().ask(uow, survey, point, now=uow.now)
        assert wrong.verdict.reasons == (GateReason.WRONG_NUMBER,)


def test_a_known_relative_is_rung_by_the_patients_word_about_him_alone(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        task = a_task(uow, patient, a_queue(uow))
        point = patient.contact_points[0]
        point.owner = NumberOwner.RELATIVE
        word = Consent(
            id=new_id(),
            patient_id=patient.id,
            purpose=task.purpose,
            scope=ConsentScope.DISCLOSURE,
            granted=True,
            source="test",
            recorded_at=uow.now,
        )
        uow.patients.add_consent(word)
        son = Relative(
            id=new_id(),
            patient_id=patient.id,
            name="李强",
            relation="儿子",
            scope=["appointments"],
            contact_point_id=point.id,
            recorded_at=uow.now,
        )
        uow.relatives.add(son)
        uow.flush()
        assert asked(uow, task).verdict.reasons == (GateReason.RELATIVE_NOT_AGREED,)
        son.consent_id = word.id
        uow.flush()
        assert asked(uow, task).verdict.allowed
        son.ended_at = uow.now
        uow.flush()
        assert asked(uow, task).verdict.reasons == (GateReason.RELATIVE_NOT_AGREED,)


def test_a_zone_that_does_not_exist_parks_the_task_and_breaks_nothing(units: UnitsOfWork) -> None:
    with units() as uow:
        _, _, survey = a_survey(uow, zone="Atlantis/Port")
        answer = asked(uow, survey)
        assert answer.verdict.reasons == (GateReason.UNKNOWN_ZONE,)
        assert not answer.verdict.waiting_helps
        assert answer.kept["facts"]["zone"] == "Atlantis/Port"  # type: ignore[index]


# --- caps, hours, holidays --------------------------------------------------------------------------------------------


def test_caps_count_a_person_over_all_queues_and_say_when_there_is_room(units: UnitsOfWork) -> None:
    cap = RollingCap(at_most=2, days=30, counts=Counted.REACHED, purposes=frozenset({Purpose.SURVEY}))
    gate = a_gate(replace(OPEN, rolling_caps=(cap,), completed_per_day=9, attempts_per_day=9))
    with units() as uow:
        patient, _, survey = a_survey(uow)
        other = a_task(uow, patient, a_queue(uow, purpose=Purpose.SURVEY))
        care = a_task(uow, patient, a_queue(uow))
        reached(uow, other, timedelta(days=20))
        reached(uow, care, timedelta(days=2))  # not a survey
        assert asked(uow, survey, gate).verdict.allowed
        reached(uow, other, timedelta(days=10))
        answer = asked(uow, survey, gate)
        assert answer.verdict.reasons == (GateReason.ROLLING_CAP,)
        assert answer.verdict.waiting_helps
        assert answer.facts.tallies[0].room_at == uow.now + timedelta(days=10)
        assert asked(uow, care, gate).verdict.allowed
        # One call may settle several matters: a survey taken along counts as one.
        reached(uow, care, timedelta(days=1))
        uow.attempts.join_tasks(uow.attempts.of_task(care.id)[-1].id, [care.id, other.id])
        assert asked(uow, survey, gate).facts.tallies[0].count == 3


def test_a_task_that_was_rung_for_often_enough_needs_another_way(units: UnitsOfWork) -> None:
    gate = a_gate(replace(OPEN, attempts_per_task=2))
    with units() as uow:
        _, _, survey = a_survey(uow)
        reached(uow, survey, timedelta(days=40))
        assert asked(uow, survey, gate).verdict.allowed
        reached(uow, survey, timedelta(days=35))
        answer = asked(uow, survey, gate)
        assert answer.verdict.reasons == (GateReason.TASK_CAP,)
        assert not answer.verdict.waiting_helps


def test_own_hours_and_a_holiday_are_read_where_they_are_kept(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, _, survey = a_survey(uow)
        local = uow.now.astimezone(ZoneInfo(patient.zone))
        later = [CallingHours(start=time(0), end=time(23, 59), weekdays=frozenset({local.isoweekday() % 7 + 1}))]
        uow.objections.put_own_hours(patient.id, OwnHours(spans=tuple(later)), source="call", by=None, now=uow.now)
        answer = asked(uow, survey)
        assert answer.verdict.reasons == (GateReason.OUTSIDE_HOURS,)
        assert answer.facts.callee.own is not None
        uow.objections.drop_own_hours(patient.id)
        assert asked(uow, survey).verdict.allowed
        closed = a_gate(replace(OPEN, on_holidays={Purpose.CARE: HolidayRule.OPEN}), calendar_region="ZZ")
        today = CalendarDay(day=local.date(), kind=DayKind.HOLIDAY, name="a feast")
        uow.calendar.load_year("ZZ", CalendarYear(year=local.year, source="test"), [today], now=uow.now)
    with units() as uow:  # a calendar is read once in a unit of work
        patient, _, survey = a_survey(uow)
        uow.calendar.load_year("ZZ", CalendarYear(year=local.year, source="test"), [today], now=uow.now)
        assert asked(uow, survey, closed).verdict.reasons == (GateReason.OUTSIDE_HOURS,)
        assert asked(uow, survey, closed).kept["facts"]["callee"]["days"] == {  # type: ignore[index]
            local.date().isoformat(): "holiday"
        }


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_an_ask_is_one_statement_beyond_the_rows_that_are_there_already(units: UnitsOfWork) -> None:
    statements: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    with units() as uow:
        patient, _, survey = a_survey(uow)
        asked(uow, survey)
        event.listen(units.engine, "before_cursor_execute", note)
        try:
            asked(uow, survey)
        finally:
            event.remove(units.engine, "before_cursor_execute", note)
        assert len(statements) == 1, (patient.id, statements)
