"""ORU and SIU messages, results that come before their patient, and thousands of broken messages: nothing is lost."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from care.appointments import AppointmentState
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import EventKind
from followup.feeds import FeedMessage, FeedReason, FeedState
from followup.plans import PlanState
from interop.hl7.applying import apply_waiting
from interop.hl7.desk import FeedDesk
from interop.hl7.heads import digest_of
from interop.hl7.outcomes import Applied
from interop.hl7.receiving import store
from interop.hl7.telling import AdtTold
from interop.hl7.visits import apply_adt
from tests.integration.feeds.test_admissions_and_discharges import plans_of
from tests.support.feeds import DESK, RULES, adt, ago, bring, follow, judged, kept, obx, oru, pid, siu

Fresh = Callable[[str], str]

CHOLESTEROL = "14647-2"


def test_a_result_that_comes_before_its_patient_waits_for_him_and_is_applied_when_he_comes(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    (early,) = bring(
        units, oru(fresh("r"), obx(CHOLESTEROL, "5.2", "mmol/L"), at=at, person=pid(fresh("R")), order=fresh("L"))
    )
    assert (early.state, early.reason, early.keys) == (
        FeedState.PARKED, FeedReason.UNKNOWN_PATIENT, [f"record:{fresh('R')}"],
    )  # fmt: skip
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    with units() as uow:
        after = uow.feeds.get(early.id)
        assert after is not None
        assert (after.state, after.reason) == (FeedState.APPLIED, None)
        assert after.patient_id is not None
        (value,) = uow.observations.series(after.patient_id, "total_cholesterol")
    assert (value.value, value.source, value.taken_at) == (5.2, "hl7:LIS", at)


def test_a_corrected_result_takes_the_old_ones_place_which_is_kept_and_the_same_message_changes_nothing(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    person, order = pid(fresh("R")), fresh("L")
    (told,) = bring(units, adt("A04", fresh("a"), at=at, person=person, visit=""))
    first = oru(fresh("r"), obx(CHOLESTEROL, "5.2", "mmol/L"), at=at, person=person, order=order)
    corrected = oru(
        fresh("s"), obx(CHOLESTEROL, "4.2", "mmol/L", state="C"), at=at + timedelta(hours=2), person=person, order=order
    )
    bring(units, first, corrected)
    late, again = bring(
        units, oru(fresh("t"), obx(CHOLESTEROL, "5.2", "mmol/L"), at=at, person=person, order=order), corrected
    )
    assert late.remarks == ["every result in it was known, or is older than what is known"]
    assert again.times == 2
    with units() as uow:
        assert told.patient_id is not None
        (value,) = uow.observations.series(told.patient_id, "total_cholesterol")
        versions = uow.observations.versions_of(value.id)
        changed = [row.subject for row in uow.outbox.unpublished(10_000) if row.kind == EventKind.RECORD_CHANGED]
    assert value.value == 4.2
    assert sorted(each.value or 0 for each in versions) == [4.2, 5.2]
    assert changed.count(told.patient_id) == 3


def test_a_code_that_nobody_knows_is_parked_with_the_results_and_told_of_at_the_message(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    (told,) = bring(
        units,
        oru(
            fresh("r"),
            obx(fresh("LOCAL"), "1"),
            obx(CHOLESTEROL, "5", "mmol/L", line=2),
            at=at,
            person=pid(fresh("R")),
            order=fresh("L"),
        ),
    )
    assert told.state is FeedState.APPLIED
    assert told.remarks == [f"parked until somebody says what they are: {fresh('LOCAL')}"]
    with units() as uow:
        assert told.patient_id is not None
        assert len(uow.observations.series(told.patient_id, "total_cholesterol")) == 1


def test_results_without_an_orders_number_of_two_patients_do_not_take_each_others_place(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    for name in ("R", "Q"):
        bring(units, adt("A04", fresh(f"a{name}"), at=at, person=pid(fresh(name)), visit=""))
    told = bring(
        units,
        *(
            oru(fresh(f"r{name}"), obx(CHOLESTEROL, "5", "mmol/L"), at=at, person=pid(fresh(name)), order="")
            for name in ("R", "Q")
        ),
    )
    with units() as uow:
        assert [len(uow.observations.series(each.patient_id or "", "total_cholesterol")) for each in told] == [1, 1]


def test_an_appointment_is_reminded_of_moved_with_its_reminder_and_cancelled_with_it(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, number, person = ago(hours=5), fresh("AP"), pid(fresh("R"), phone=fresh("138000"))
    starts = ago(days=-5)
    booked, twice = bring(
        units,
        siu("S12", fresh("a"), at=at, starts=starts, number=number, person=person),
        siu("S12", fresh("b"), at=at, starts=starts, number=number, person=person),
    )
    follow(units, booked.patient_id)
    (plan,) = plans_of(units, twice.patient_id)
    assert (plan.template_id, plan.anchor_at) == ("T17", starts)
    moved = starts + timedelta(days=2)
    bring(units, siu("S14", fresh("c"), at=at + timedelta(hours=1), starts=moved, number=number, person=person))
    follow(units, booked.patient_id)
    assert [(each.state, each.anchor_at) for each in plans_of(units, booked.patient_id)] == [
        (PlanState.CANCELLED, starts),
        (PlanState.RUNNING, moved),
    ]
    (late,) = bring(units, siu("S14", fresh("d"), at=at, starts=starts, number=number, person=person))
    assert (late.state, late.reason) == (FeedState.IGNORED, FeedReason.OLDER)
    bring(units, siu("S15", fresh("e"), at=at + timedelta(hours=2), starts=moved, number=number, person=person))
    follow(units, booked.patient_id)
    assert {each.state for each in plans_of(units, booked.patient_id)} == {PlanState.CANCELLED}
    with units() as uow:
        (visit,) = uow.patients.encounters_of(booked.patient_id or "")
    assert (visit.kind, visit.appointment_state) == ("appointment", AppointmentState.CANCELLED)
    bring(units, siu("S14", fresh("f"), at=at + timedelta(hours=3), starts=moved, number=number, person=person))
    follow(units, booked.patient_id)
    with units() as uow:
        (visit,) = uow.patients.encounters_of(booked.patient_id or "")
    assert visit.appointment_state is AppointmentState.BOOKED
    assert plans_of(units, booked.patient_id)[-1].state is PlanState.RUNNING


def test_who_did_not_come_has_missed_his_appointment(units: UnitsOfWork, fresh: Fresh) -> None:
    at, number, person = ago(days=3), fresh("AP"), pid(fresh("R"))
    starts = ago(days=1)
    (told,) = bring(units, siu("S12", fresh("a"), at=at, starts=starts, number=number, person=person))
    bring(units, siu("S26", fresh("b"), at=ago(hours=1), starts=starts, number=number, person=person))
    with units() as uow:
        (visit,) = uow.patients.encounters_of(told.patient_id or "")
    assert visit.appointment_state is AppointmentState.MISSED


def test_a_message_of_a_type_that_nothing_is_done_for_is_kept_and_ignored(units: UnitsOfWork, fresh: Fresh) -> None:
    (told,) = bring(units, adt("A02", fresh("a"), at=ago(hours=1)))
    assert (told.state, told.reason) == (FeedState.IGNORED, FeedReason.NOT_TAKEN)


def test_a_fault_of_ours_parks_one_message_and_the_others_go_on(
    units: UnitsOfWork, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (
        judged(adt("A04", fresh(name), at=ago(hours=1), person=pid(fresh(name)), visit="")) for name in ("X", "Y")
    )
    store(units, [bad, good], RULES)
    whole = apply_adt

    def failing(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, told: AdtTold) -> Applied:
        if message.control_id == fresh("X"):
            raise ZeroDivisionError
        return whole(uow, desk, message, told)

    monkeypatch.setattr("interop.hl7.applying.apply_adt", failing)
    while apply_waiting(units, DESK):
        pass
    assert (kept(units, bad.arrived).reason, kept(units, good.arrived).state) == (FeedReason.FAILED, FeedState.APPLIED)


def test_hundreds_of_messages_with_bytes_knocked_out_are_each_kept_and_each_come_to_something(
    units: UnitsOfWork, fresh: Fresh, dice: random.Random
) -> None:
    at = ago(hours=20)
    sound = [
        adt(
            "A03",
            fresh("f"),
            at=at,
            person=pid(fresh("F")),
            visit=fresh("V"),
            discharged=at,
            others=("DG1|1||I50.900^心衰", "ZPI|x"),
        ),
        oru(fresh("g"), obx(CHOLESTEROL, "5", "mmol/L"), at=at, person=pid(fresh("F"))),
        siu("S12", fresh("h"), at=at, starts=ago(days=-3), person=pid(fresh("F"))),
    ]
    broken = []
    for _ in range(200):
        content = bytearray(dice.choice(sound).encode())
        for _ in range(dice.randrange(1, 12)):
            place = dice.randrange(len(content))
            if dice.random() < 0.5:
                content[place] = dice.randrange(256)
            else:
                del content[place : place + dice.randrange(1, 30)]
        broken.append(judged(bytes(content)))
    store(units, broken, RULES)
    while apply_waiting(units, DESK):
        pass
    with units() as uow:
        assert uow.feeds.count(FeedState.STORED) == 0
    for each in broken:
        row = kept(units, each.arrived)
        # Of two that differ in MSH's instant or addresses only, the first is kept.
        assert digest_of(row.raw) == each.arrived.digest
        assert row.state is not FeedState.STORED
        assert row.reason is not FeedReason.FAILED, row.told
        assert (row.state is FeedState.APPLIED) == (row.reason is None)
