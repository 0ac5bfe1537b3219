"""What follows from results: classes and contacts of plans, and answers of forms that stand in the same line."""

from datetime import timedelta

import pytest

from care.concepts import Mark
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from care.responses import ResponseMode
from care.trends import Per
from db.answering import amend_answer, complete, open_response, save_answer
from db.result_trends import trend_of
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.follow_up_rules import ContactWay, Control, FollowUpResult
from followup.plans import Plan, TaskState
from interop.results import SentResult, take_results
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from scheduler.observed_results import class_readings
from scheduler.planning import start_plan
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_step, a_task, a_template, an_encounter

CONTENT = Content(REPOSITORY / "content")


def a_plan(uow: UnitOfWork, patient: Patient, topic: str) -> Plan:
    return start_plan(
        uow,
        patient=patient,
        encounter=an_encounter(uow, patient),
        template=a_template(a_step(), rules=topic),
        queues_by_name={"discharge": a_queue(uow)},
        now=uow.now - timedelta(days=30),
        variables={},
        time=HOSPITAL,
    )


def measured(
    uow: UnitOfWork, patient: Patient, days: float, *, setting: Setting = Setting.DEVICE, key: str = "", **values: float
) -> None:
    take_results(
        uow,
        CONTENT,
        [
            SentResult(
                patient_id=patient.id,
                source="device:cuff",
                source_key=f"{key or new_id()}:{code}",
                code=code,
                value=str(value),
                unit=CONTENT.concepts[code].unit,
                taken_at=uow.now - timedelta(days=days),
                setting=setting,
                status=ObservationStatus.CORRECTED if key and days else ObservationStatus.FINAL,
            )
            for code, value in values.items()
        ],
    )


def classed(uow: UnitOfWork, patient: Patient) -> int:
    return class_readings(uow, patient.id, content=CONTENT, time=HOSPITAL, now=uow.now)


def results_of(uow: UnitOfWork, patient: Patient, topic: str = "hypertension") -> list[FollowUpResult]:
    return list(reversed(uow.plan_records.results_of(patient.id, topic)))


def test_readings_of_a_device_are_classed_once_each_and_ask_for_their_contacts(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        plan = a_plan(uow, patient, "hypertension")
        measured(uow, patient, 10, systolic=152, diastolic=94, heart_rate=80)
        assert classed(uow, patient) == 1
        assert classed(uow, patient) == 0
        measured(uow, patient, 2, systolic=150, diastolic=92)
        assert classed(uow, patient) == 1
        uow.commit()
    with units() as uow:
        first, second = results_of(uow, patient)
        assert (first.control, second.control) == (Control.FIRST_UNCONTROLLED, Control.REPEATEDLY_UNCONTROLLED)
        assert (first.way, first.rule_set) == (ContactWay.DEVICE, "BPHS-2017")
        assert second.tag == "HTN-uncontrolled"
        steps = {(task.step_key or "").partition(":")[0] for task in uow.plans.tasks_of_plan(plan.id)}
        assert {"referral-advice", "referral-check"} <= steps


def test_a_pressure_whose_halves_come_one_after_the_other_ends_with_the_class_of_both(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        a_plan(uow, patient, "hypertension")
        at = 2
        measured(uow, patient, at, systolic=128)
        assert classed(uow, patient) == 1
        measured(uow, patient, at, diastolic=78)
        assert classed(uow, patient) == 1
        assert classed(uow, patient) == 0
        whole = max(results_of(uow, patient), key=lambda each: len(each.answers))
        assert whole.control is Control.CONTROLLED


@pytest.mark.parametrize("weighed", [True, False])
def test_what_the_rules_set_no_target_for_is_not_classed(units: UnitsOfWork, weighed: bool) -> None:
    with units() as uow:
        patient = a_patient(uow)
        a_plan(uow, patient, "hypertension")
        if weighed:
            measured(uow, patient, 1, weight=70.0)
        assert classed(uow, patient) == 0


def test_what_was_measured_before_the_plan_or_by_somebody_without_one_is_not_classed(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        measured(uow, patient, 100, systolic=170, diastolic=100)
        assert classed(uow, patient) == 0
        a_plan(uow, patient, "hypertension")
        assert classed(uow, patient) == 0


def test_a_laboratorys_fasting_glucose_is_no_contact_and_a_random_one_no_reading_of_control(
    units: UnitsOfWork,
) -> None:
    with units() as uow:
        patient = a_patient(uow)
        a_plan(uow, patient, "diabetes")
        measured(uow, patient, 5, setting=Setting.LABORATORY, glucose_fasting=6.4)
        assert classed(uow, patient) == 1
        measured(uow, patient, 3, setting=Setting.LABORATORY, glucose=9.4)
        classed(uow, patient)
        first, second = results_of(uow, patient, "diabetes")
        assert (first.control, first.way) == (Control.CONTROLLED, ContactWay.LABORATORY)
        assert second.control is None


def answered(uow: UnitOfWork, patient: Patient, form_id: str, answers: dict[str, bool | float | str]) -> str:
    task = a_task(uow, patient, a_queue(uow))
    response = open_response(uow, CONTENT, task, form_id)
    for link_id, value in answers.items():
        save_answer(uow, CONTENT, response, link_id, value, by=None, mode=ResponseMode.LINK)
    complete(uow, CONTENT, response, by=None, mode=ResponseMode.LINK)
    return response.id


def phq9(points: int) -> dict[str, bool | float | str]:
    """Answers that come to a total, the last question always with nothing."""
    each = [min(3, max(0, points - 3 * place)) for place in range(8)] + [0]
    return {f"phq9_{place}": str(value) for place, value in enumerate(each, start=1)}


def test_scores_of_days_3_14_and_30_are_one_trend_derived_from_their_answers(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        responses = [answered(uow, patient, "phq9", phq9(points)) for points in (17, 11, 4)]
        uow.commit()
    with units() as uow:
        found = uow.observations.series(patient.id, "phq9")
        assert sorted(each.value or 0 for each in found) == [4, 11, 17]
        assert {each.derived_from for each in found} == set(responses)
        assert {(each.source, each.setting, each.unit) for each in found} == {("form:phq9", Setting.TOLD, "1")}
        # The same three as they lie over a month.
        other = a_patient(uow)
        for days, points in ((30, 17), (19, 11), (3, 4)):
            uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=other.id,
                    code="phq9",
                    value=points,
                    taken_at=uow.now - timedelta(days=days),
                    source="form:phq9",
                    source_key=new_id(),
                    recorded_at=uow.now,
                )
            )
        trend = trend_of(uow, CONTENT, other, "phq9")
        assert [point.value for point in trend.line] == [17, 11, 4]
        assert [each.mark for each in trend.results] == [Mark.HIGH, Mark.HIGH, Mark.NORMAL]
        assert trend.slope is not None
        assert (trend.slope.per, round(trend.slope.value, 1)) == (Per.WEEK, -3.4)


def test_an_amended_answer_corrects_what_was_reckoned_from_it(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        response_id = answered(uow, patient, "home_glucose", {"glucose": 6.4, "glucose_when": "fasting"})
        (known,) = uow.observations.page(patient.id)
        assert (known.code, known.value) == ("glucose_fasting", 6.4)
        uow.commit()
    with units() as uow:
        response = uow.responses.get(response_id)
        assert response is not None
        amend_answer(uow, CONTENT, response, "glucose", 6.9, by=new_id(), reason="misheard")
        (corrected,) = uow.observations.page(patient.id)
        assert (corrected.value, corrected.version, corrected.status) == (6.9, 2, ObservationStatus.CORRECTED)
        uow.commit()
    with units() as uow:
        response = uow.responses.get(response_id)
        assert response is not None
        amend_answer(uow, CONTENT, response, "glucose_when", "after_meal", by=new_id(), reason="he had eaten")
        (moved,) = uow.observations.page(patient.id)
        assert (moved.code, moved.value) == ("glucose_2h", 6.9)
        assert [each.status for each in uow.observations.versions_of(corrected.id)] == [
            ObservationStatus.FINAL,
            ObservationStatus.CORRECTED,
            ObservationStatus.ENTERED_IN_ERROR,
        ]


def test_readings_told_in_a_form_are_kept_and_not_classed_a_second_time(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        plan = a_plan(uow, patient, "hypertension")
        answered(uow, patient, "home_blood_pressure", {"systolic": 150, "diastolic": 95})
        assert {each.code for each in uow.observations.page(patient.id)} == {"systolic", "diastolic"}
        assert classed(uow, patient) == 0
        assert {task.state for task in uow.plans.tasks_of_plan(plan.id)} == {TaskState.PLANNED}
