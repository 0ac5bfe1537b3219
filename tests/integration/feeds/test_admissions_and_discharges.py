"""ADT messages: people, visits and their plans, in whatever order and however often they come."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from care.history import HistoryKind
from care.patients import Encounter, NumberQuality, Patient, PatientId
from db.unit_of_work import UnitsOfWork
from followup.feeds import ConsequenceState, FeedMessage, FeedReason, FeedState
from followup.outcomes import TaskOutcome
from followup.plans import Plan, PlanEnd, PlanState, TaskState
from runtime.identifiers import new_id
from scheduler.own_plans import resume_plan
from scheduler.stops import cancel_plan, pause_plan
from tests.support.builders import HOSPITAL
from tests.support.feeds import adt, ago, bring, follow, message, msh, pid
from tests.support.lists import id_number

Fresh = Callable[[str], str]


def plans_of(units: UnitsOfWork, patient_id: str | None) -> list[Plan]:
    assert patient_id is not None
    with units() as uow:
        return sorted(uow.plans.plans_of_patient(patient_id), key=lambda plan: plan.created_at)


def patient_of(units: UnitsOfWork, told: FeedMessage) -> Patient:
    assert told.patient_id is not None, told.told
    with units() as uow:
        found = uow.patients.get(told.patient_id)
        assert found is not None
        return found


def discharge(fresh: Fresh, *, at: datetime, trigger: str = "A03", control: str = "D", **values: object) -> str:
    return adt(
        trigger,
        fresh(control),
        at=at,
        person=pid(fresh("R"), phone=fresh("138000")),
        visit=fresh("V"),
        admitted=at - timedelta(days=6),
        discharged=at if trigger in {"A03", "A08"} else None,
        **values,  # type: ignore[arg-type]
    )


def test_a_discharge_told_twice_makes_one_visit_and_one_plan_of_the_diagnosis_and_keeps_the_z_segment(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(hours=20)
    text = discharge(
        fresh, at=at, others=("DG1|1||I25.103^冠状动脉粥样硬化性心脏病^I10|||F", "ZPI|1|胸痛中心^绿色通道")
    )
    first, again = bring(units, text, text)
    assert (first.state, first.id, first.times, first.remarks) == (FeedState.APPLIED, again.id, 2, [])
    assert follow(units, first.patient_id) == 1
    (plan,) = plans_of(units, first.patient_id)
    assert (plan.template_id, plan.anchor_at, plan.state) == ("T03", at, PlanState.RUNNING)
    with units() as uow:
        (visit,) = uow.patients.encounters_of(plan.patient_id)
        entries = uow.history.current_of(plan.patient_id, HistoryKind.CONDITION)
        raw = uow.feeds.get(first.id)
    assert (visit.kind, visit.department, visit.ward, visit.doctor) == ("discharge", "心内科", "W3", "林医生")
    assert [(entry.code, entry.source) for entry in entries] == [("I25.103", "hl7:HIS")]
    assert raw is not None
    assert "ZPI|1|胸痛中心^绿色通道" in raw.raw.decode()
    assert patient_of(units, first).synthetic


def test_the_same_discharge_under_another_control_id_starts_nothing_anew_not_even_what_a_nurse_ended(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(hours=20)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    (plan,) = plans_of(units, told.patient_id)
    with units() as uow:
        ended = uow.plans.plan_for_update(plan.id)
        assert ended is not None
        cancel_plan(uow, ended, PlanEnd.BY_HAND, by=None, reason="no need", now=uow.now)
        uow.commit()
    (again,) = bring(units, discharge(fresh, at=at + timedelta(minutes=1), control="E"))
    assert again.state is FeedState.APPLIED
    with units() as uow:
        assert list(uow.feeds.consequences_of(again.id)) == []
    assert follow(units, told.patient_id) == 0
    assert [each.state for each in plans_of(units, told.patient_id)] == [PlanState.CANCELLED]


def test_a_cancelled_discharge_ends_its_plan_and_a_second_one_starts_it_again(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(hours=20)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    bring(units, discharge(fresh, at=at + timedelta(hours=1), trigger="A13", control="C"))
    follow(units, told.patient_id)
    (plan,) = plans_of(units, told.patient_id)
    assert (plan.state, plan.end) == (PlanState.CANCELLED, PlanEnd.DISCHARGE_CANCELLED)
    with units() as uow:
        assert {task.state for task in uow.plans.tasks_of_plan(plan.id)} == {TaskState.CANCELLED}
    bring(units, discharge(fresh, at=at + timedelta(hours=5), control="E"))
    follow(units, told.patient_id)
    assert [each.state for each in plans_of(units, told.patient_id)] == [PlanState.CANCELLED, PlanState.RUNNING]
    with units() as uow:
        assert told.patient_id is not None
        assert [visit.kind for visit in uow.patients.encounters_of(told.patient_id)] == ["discharge"]


def test_a_cancellation_that_comes_before_its_discharge_still_wins_by_the_hour_it_tells_of(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(hours=20)
    (cancelled,) = bring(units, discharge(fresh, at=at + timedelta(hours=1), trigger="A13", control="C"))
    (late,) = bring(units, discharge(fresh, at=at))
    assert cancelled.state is FeedState.APPLIED
    assert (late.state, late.reason) == (FeedState.IGNORED, FeedReason.OLDER)
    follow(units, late.patient_id)
    assert plans_of(units, late.patient_id) == []


def test_an_admission_pauses_running_plans_and_its_cancellation_resumes_them(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=2)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    person = pid(fresh("R"), phone=fresh("138000"))
    again = adt(
        "A01", fresh("A"), at=at + timedelta(days=1), person=person, visit=fresh("W"), admitted=at + timedelta(days=1)
    )
    bring(units, again)
    follow(units, told.patient_id)
    (plan,) = plans_of(units, told.patient_id)
    assert plan.state is PlanState.PAUSED
    with units() as uow:
        outcomes = {task.outcome for task in uow.plans.tasks_of_plan(plan.id) if task.state is TaskState.CANCELLED}
    assert TaskOutcome.READMITTED in outcomes
    bring(units, adt("A11", fresh("B"), at=at + timedelta(days=1, hours=1), person=person, visit=fresh("W")))
    follow(units, told.patient_id)
    (plan,) = plans_of(units, told.patient_id)
    assert plan.state is PlanState.RUNNING


def test_what_a_nurse_paused_since_is_left_alone_by_the_cancelled_admission(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=2)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    person = pid(fresh("R"), phone=fresh("138000"))
    bring(units, adt("A01", fresh("A"), at=at + timedelta(days=1), person=person, visit=fresh("W")))
    follow(units, told.patient_id)
    (plan,) = plans_of(units, told.patient_id)
    with units() as uow:
        paused = uow.plans.plan_for_update(plan.id)
        assert paused is not None
        resume_plan(uow, paused, time=HOSPITAL, by=None, reason="at home", now=uow.now)
        uow.commit()
    with units() as uow:
        running = uow.plans.plan_for_update(plan.id)
        assert running is not None
        pause_plan(uow, running, by=None, reason="on a journey", now=uow.now)
        uow.commit()
    bring(units, adt("A11", fresh("B"), at=at + timedelta(days=1, hours=1), person=person, visit=fresh("W")))
    follow(units, told.patient_id)
    assert [each.state for each in plans_of(units, told.patient_id)] == [PlanState.PAUSED]


def test_an_admission_that_is_told_of_late_does_not_pause_the_plan_of_its_own_discharge(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(hours=20)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    (late,) = bring(units, discharge(fresh, at=at - timedelta(days=6), trigger="A01", control="A"))
    assert (late.state, late.reason) == (FeedState.IGNORED, FeedReason.OLDER)
    follow(units, told.patient_id)
    assert [plan.state for plan in plans_of(units, told.patient_id)] == [PlanState.RUNNING]


def test_who_died_in_hospital_gets_no_plan_and_every_other_plan_of_his_ends(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=3)
    (told,) = bring(units, discharge(fresh, at=at))
    follow(units, told.patient_id)
    person = pid(fresh("R"), phone=fresh("138000"))
    (dead,) = bring(
        units,
        adt(
            "A03",
            fresh("X"),
            at=at + timedelta(days=2),
            person=person,
            visit=fresh("W"),
            discharged=at + timedelta(days=2),
            disposition="^医嘱外死亡",
        ),
    )
    assert patient_of(units, dead).deceased_at == at + timedelta(days=2)
    follow(units, dead.patient_id)
    (plan,) = plans_of(units, dead.patient_id)
    assert (plan.state, plan.end) == (PlanState.CANCELLED, PlanEnd.DECEASED)
    (taken_back,) = bring(
        units, adt("A13", fresh("Y"), at=at + timedelta(days=2, hours=1), person=person, visit=fresh("W"))
    )
    assert patient_of(units, taken_back).deceased_at is None
    assert "alive again" in taken_back.remarks[0]


def test_a_disposition_that_may_mean_death_waits_for_a_person_and_nothing_is_planned(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    (told,) = bring(units, discharge(fresh, at=ago(hours=20), disposition="5"))
    assert (told.state, told.reason) == (FeedState.PARKED, FeedReason.UNCLEAR_DISPOSITION)
    assert "content/feeds" in told.told
    assert told.patient_id is None


def test_an_old_discharge_is_kept_and_nothing_is_planned_for_it(units: UnitsOfWork, fresh: Fresh) -> None:
    (told,) = bring(units, discharge(fresh, at=ago(days=400)))
    assert told.state is FeedState.APPLIED
    assert "more than 30 days ago" in told.remarks[0]
    assert follow(units, told.patient_id) == 0


def test_a_changed_number_is_dialed_first_the_old_one_stays_and_an_older_message_changes_nothing(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    number, old, new = fresh("R"), fresh("+86138000"), fresh("+86139000")
    at = ago(days=1)

    def update(control: str, phone: str, when: datetime, name: str = "王建国") -> str:
        return adt("A08", fresh(control), at=when, person=pid(number, phone=phone, name=name), visit="")

    bring(units, update("a", old, at))
    bring(units, update("b", new, at + timedelta(hours=2), name="王建国强"))
    (late,) = bring(units, update("c", fresh("+86137000"), at + timedelta(hours=1), name="王错名"))
    patient = patient_of(units, late)
    points = sorted(patient.contact_points, key=lambda point: point.rank)
    assert [point.number for point in points] == [new, old]
    assert patient.name == "王建国强"
    with units() as uow:
        mine = uow.patients.get(patient.id)
        assert mine is not None
        mine.contact_points[0].quality = NumberQuality.VERIFIED
        uow.commit()
    bring(units, update("d", fresh("+86136000"), at + timedelta(hours=3), name="王建国强"))
    points = sorted(patient_of(units, late).contact_points, key=lambda point: point.rank)
    assert points[0].number == new


def test_a_relatives_number_stands_behind_the_patients_own(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=1)
    own, son = fresh("+86138000"), fresh("+86139000")
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R"), phone=own), visit=""))
    relative = f"NK1|1|王^小强|SON^儿子||{son}"
    (told,) = bring(
        units,
        adt(
            "A08",
            fresh("b"),
            at=at + timedelta(hours=1),
            person=pid(fresh("R"), phone=own),
            visit="",
            others=(relative,),
        ),
    )
    points = sorted(patient_of(units, told).contact_points, key=lambda point: point.rank)
    assert [(point.number, point.owner.value, point.label) for point in points] == [
        (own, "self", ""),
        (son, "relative", "王小强 儿子"),
    ]


def test_two_records_of_one_person_are_merged_and_later_messages_find_the_one_that_stays(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    (gone,) = bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("OLD"), phone=fresh("+86138000")), visit=""))
    (stays,) = bring(units, adt("A04", fresh("b"), at=at, person=pid(fresh("NEW"), phone=fresh("+86139000")), visit=""))
    (merged,) = bring(
        units,
        message(
            msh("ADT^A40", fresh("c"), at=at + timedelta(hours=1)),
            pid(fresh("NEW"), phone=""),
            f"MRG|{fresh('OLD')}^^^HAILAN^MR",
        ),
    )
    assert merged.state is FeedState.APPLIED
    assert follow(units, stays.patient_id) == 1
    with units() as uow:
        assert uow.merges.merged_into(gone.patient_id or "") == stays.patient_id
        (done,) = uow.feeds.consequences_of(merged.id)
        assert done.state is ConsequenceState.DONE
    (later,) = bring(units, adt("A08", fresh("d"), at=ago(hours=1), person=pid(fresh("OLD")), visit=""))
    assert later.patient_id == stays.patient_id
    assert follow(units, stays.patient_id) == 0


def test_a_merge_with_a_record_nobody_knew_lets_its_number_stand_for_the_one_that_stays(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    (stays,) = bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("NEW")), visit=""))
    bring(units, message(msh("ADT^A40", fresh("b"), at=at), pid(fresh("NEW")), f"MRG|{fresh('OLD')}^^^HAILAN^MR"))
    (later,) = bring(units, adt("A08", fresh("c"), at=at, person=pid(fresh("OLD")), visit=""))
    assert later.patient_id == stays.patient_id


@pytest.mark.parametrize(
    ("born", "name", "state"),
    [
        ("19580412", "王改名", FeedState.APPLIED),
        ("19600101", "王建国", FeedState.APPLIED),
        ("19900101", "李四", FeedState.PARKED),
    ],
)
def test_a_name_or_a_birth_may_be_corrected_but_both_at_once_are_another_person(
    units: UnitsOfWork, fresh: Fresh, born: str, name: str, state: FeedState
) -> None:
    at = ago(days=1)
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    (told,) = bring(
        units, adt("A08", fresh("b"), at=ago(hours=1), person=pid(fresh("R"), born=born, name=name), visit="")
    )
    assert told.state is state
    assert (told.reason is FeedReason.PERSON_DIFFERS) is (state is FeedState.PARKED)


def test_identifiers_of_two_patients_wait_for_a_person(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=1)
    card = id_number(int(fresh("")) % 1000)
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("ONE"), card=card, born="19600302"), visit=""))
    bring(units, adt("A04", fresh("b"), at=at, person=pid(fresh("TWO")), visit=""))
    (told,) = bring(
        units, adt("A08", fresh("c"), at=at, person=pid(fresh("TWO"), card=card, born="19600302"), visit="")
    )
    assert (told.state, told.reason) == (FeedState.PARKED, FeedReason.TWO_PERSONS)


def test_a_second_senders_own_numbers_are_not_taken_for_the_hospitals(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=1)
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    other = f"PID|1||{fresh('R')}^^^LAB^LR~{fresh('Q')}^^^HAILAN^MR||李四||19900101|F"
    (told,) = bring(units, adt("A04", fresh("a"), at=at, person=other, visit="", sender="CHECKUP"))
    assert told.state is FeedState.APPLIED
    assert patient_of(units, told).name == "李四"
    assert "left out" in told.remarks[0]


def test_the_discharge_of_a_list_and_of_a_message_are_one_visit(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(hours=20)
    (known,) = bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R"), phone=fresh("138000")), visit=""))
    with units() as uow:
        uow.patients.add_encounter(
            Encounter(
                id=new_id(),
                patient_id=PatientId(known.patient_id or ""),
                department="心内科",
                kind="discharge",
                occurred_at=at,
            )
        )
        uow.commit()
    bring(units, discharge(fresh, at=at))
    with units() as uow:
        (visit,) = uow.patients.encounters_of(known.patient_id or "")
        assert visit.visit_number == fresh("V")
