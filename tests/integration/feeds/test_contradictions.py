"""Numbers that are used again, messages that come in the wrong order, words that cannot be: the right person, once."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from care.patients import Encounter, Patient
from db.feeds import APPLYING
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.feeds import FeedMessage, FeedReason, FeedState
from followup.plans import PlanState
from interop.hl7.applying import apply_waiting
from interop.hl7.receiving import store
from runtime.identifiers import new_id
from scheduler.feed_consequences import follow_feeds
from scheduler.merging import merge_patients, undo_merge
from tests.integration.feeds.test_admissions_and_discharges import patient_of, plans_of
from tests.support.feeds import (
    DESK,
    PLANS,
    RULES,
    adt,
    ago,
    bring,
    follow,
    hl7_time,
    judged,
    kept,
    message,
    msh,
    obx,
    oru,
    pid,
    siu,
)
from tests.support.lists import id_number
from tests.support.waiting import until

Fresh = Callable[[str], str]

CHOLESTEROL = "14647-2"


def visits_of(units: UnitsOfWork, patient_id: str | None) -> list[Encounter]:
    with units() as uow:
        return sorted(uow.patients.encounters_of(patient_id or ""), key=lambda visit: visit.occurred_at)


@pytest.mark.parametrize("pairs", ["results", "mergers"])
def test_a_message_about_several_people_gives_nobody_what_is_anothers(
    units: UnitsOfWork, fresh: Fresh, pairs: str
) -> None:
    at = ago(days=1)
    for name in ("R", "Q"):
        bring(units, adt("A04", fresh(f"a{name}"), at=at, person=pid(fresh(name)), visit=""))
    if pairs == "results":
        header = msh("ORU^R01", fresh("m"), at=at, sender="LIS")
        rest = [
            text
            for name, value in (("R", "5"), ("Q", "6"))
            for text in (
                pid(fresh(name)),
                f"OBR|1||{fresh(name)}|CHEM||{hl7_time(at)}",
                obx(CHOLESTEROL, value, "mmol/L"),
            )
        ]
    else:
        header = msh("ADT^A40", fresh("m"), at=at)
        rest = [text for name in ("R", "Q") for text in (pid(fresh(name)), f"MRG|{fresh('OLD' + name)}^^^HAILAN^MR")]
    (told,) = bring(units, message(header, *rest))
    assert (told.state, told.reason) == (FeedState.PARKED, FeedReason.TWO_PERSONS)
    assert "PID" in told.told


def test_a_visits_number_that_is_used_again_is_another_visit_with_a_plan_of_its_own(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    first, second = ago(days=25), ago(hours=20)
    person = pid(fresh("R"), phone=fresh("138000"))

    def stay(begins: timedelta) -> list[str]:
        return [
            adt("A01", fresh("a") + str(begins.days), at=second - begins - timedelta(days=3), person=person,
                visit=fresh("V"), admitted=second - begins - timedelta(days=3)),
            adt("A03", fresh("b") + str(begins.days), at=second - begins, person=person, visit=fresh("V"),
                admitted=second - begins - timedelta(days=3), discharged=second - begins),
        ]  # fmt: skip

    (told, _) = bring(units, *stay(second - first))
    follow(units, told.patient_id)
    bring(units, *stay(timedelta()))
    follow(units, told.patient_id)
    assert [(visit.kind, visit.occurred_at) for visit in visits_of(units, told.patient_id)] == [
        ("admission", second - (second - first) - timedelta(days=3)),
        ("discharge", second - (second - first)),
        ("admission", second - timedelta(days=3)),
        ("discharge", second),
    ]
    assert [plan.anchor_at for plan in plans_of(units, told.patient_id)] == [second - (second - first), second]


def test_an_emergency_visit_stays_one_when_the_patient_is_admitted_and_discharged_under_its_number(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, person = ago(days=5), pid(fresh("R"))
    (told, *_) = bring(
        units,
        adt("A04", fresh("a"), at=at, person=person, visit=fresh("V"), patient_class="E"),
        adt("A01", fresh("b"), at=at + timedelta(hours=2), person=person, visit=fresh("V")),
        adt("A03", fresh("c"), at=at + timedelta(days=4), person=person, visit=fresh("V"),
            discharged=at + timedelta(days=4)),
        adt("A04", fresh("d"), at=at + timedelta(days=4, hours=3), person=person, visit=fresh("V"), patient_class="O"),
    )  # fmt: skip
    assert [visit.kind for visit in visits_of(units, told.patient_id)] == [
        "emergency", "admission", "discharge", "outpatient",
    ]  # fmt: skip


def test_the_end_of_an_outpatient_visit_is_no_discharge_and_nothing_is_planned_for_it(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, person = ago(hours=5), pid(fresh("R"))
    (told, _) = bring(
        units,
        adt("A04", fresh("a"), at=at, person=person, visit=fresh("V"), patient_class="O"),
        adt("A03", fresh("b"), at=at + timedelta(hours=1), person=person, visit=fresh("V"), patient_class="O",
            discharged=at + timedelta(hours=1)),
    )  # fmt: skip
    assert [visit.kind for visit in visits_of(units, told.patient_id)] == ["outpatient"]
    assert follow(units, told.patient_id) == 0


def test_a_late_discharge_of_who_died_does_not_undo_its_cancellation(units: UnitsOfWork, fresh: Fresh) -> None:
    at, dead = ago(hours=20), pid(fresh("R"), more="|||||||||||Y")
    (told,) = bring(units, adt("A03", fresh("a"), at=at, person=dead, visit=fresh("V"), discharged=at))
    assert patient_of(units, told).deceased_at == at
    person = pid(fresh("R"))
    bring(units, adt("A13", fresh("b"), at=at + timedelta(hours=1), person=person, visit=fresh("V")))
    assert patient_of(units, told).deceased_at is None, "the death that the discharge told of is taken back with it"
    (late,) = bring(
        units, adt("A03", fresh("c"), at=at + timedelta(minutes=5), person=dead, visit=fresh("V"), discharged=at)
    )
    assert (late.state, late.reason) == (FeedState.IGNORED, FeedReason.OLDER)
    assert patient_of(units, told).deceased_at is None


def test_a_death_that_the_family_told_of_is_not_taken_back_with_a_discharge(units: UnitsOfWork, fresh: Fresh) -> None:
    at, person = ago(hours=20), pid(fresh("R"))
    (told,) = bring(units, adt("A01", fresh("a"), at=at - timedelta(days=2), person=person, visit=fresh("V")))
    with units() as uow:
        patient = uow.patients.get(told.patient_id or "")
        assert patient is not None
        patient.deceased_at = at
        uow.commit()
    bring(
        units,
        adt("A03", fresh("b"), at=at, person=person, visit=fresh("V"), discharged=at, disposition="20"),
        adt("A13", fresh("c"), at=at + timedelta(hours=1), person=person, visit=fresh("V")),
    )
    assert patient_of(units, told).deceased_at == at


def test_a_discharge_told_of_after_the_next_admission_is_planned_and_rests_until_he_is_home_again(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, person = ago(days=4), pid(fresh("R"), phone=fresh("138000"))
    again = at + timedelta(days=2)
    (told,) = bring(units, adt("A01", fresh("a"), at=again, person=person, visit=fresh("W"), admitted=again))
    follow(units, told.patient_id)
    bring(units, adt("A03", fresh("b"), at=at, person=person, visit=fresh("V"), discharged=at))
    follow(units, told.patient_id)
    assert [plan.state for plan in plans_of(units, told.patient_id)] == [PlanState.PAUSED]
    bring(units, adt("A11", fresh("c"), at=again + timedelta(hours=1), person=person, visit=fresh("W")))
    follow(units, told.patient_id)
    assert [plan.state for plan in plans_of(units, told.patient_id)] == [PlanState.RUNNING]


def test_a_clock_that_runs_years_ahead_does_not_silence_what_comes_after_it(units: UnitsOfWork, fresh: Fresh) -> None:
    at, wrong = ago(days=2), ago(days=-9000)
    person = pid(fresh("R"), phone=fresh("+86138000"))
    (told,) = bring(
        units,
        message(
            msh("ADT^A01", fresh("a"), at=at),
            f"EVN|A01|{hl7_time(wrong)}",
            person,
            f"PV1||I|W3||||||||心内科|||||||||{fresh('V')}",
        ),
    )
    assert any("EVN-2" in remark for remark in told.remarks)
    bring(
        units,
        adt("A03", fresh("b"), at=at + timedelta(days=1),
            person=pid(fresh("R"), phone=fresh("+86139000"), name="王建华"),
            visit=fresh("V"), discharged=at + timedelta(days=1)),
    )  # fmt: skip
    patient = patient_of(units, told)
    assert patient.name == "王建华"
    assert min(patient.contact_points, key=lambda point: point.rank).number == fresh("+86139000")
    assert follow(units, told.patient_id) == 2
    result = obx(CHOLESTEROL, "5.2", "mmol/L") + f"|||{hl7_time(wrong)}"
    (taken,) = bring(units, oru(fresh("r"), result, at=at, person=pid(fresh("R"), name="王建华"), order=fresh("L")))
    with units() as uow:
        (value,) = uow.observations.series(told.patient_id or "", "total_cholesterol")
    assert value.taken_at == at
    assert any("OBX-14" in remark for remark in taken.remarks)


def test_an_event_with_a_day_only_is_not_taken_for_midnight(units: UnitsOfWork, fresh: Fresh) -> None:
    at, person = ago(days=2).replace(hour=4), pid(fresh("R"))
    bring(units, adt("A01", fresh("a"), at=at, person=person, visit=fresh("V"), admitted=at))
    day_only = adt("A03", fresh("b"), at=at + timedelta(hours=5), person=person, visit=fresh("V")).replace(
        f"EVN|A03|{hl7_time(at + timedelta(hours=5))}", f"EVN|A03|{hl7_time(at)[:8]}"
    )
    (told,) = bring(units, day_only)
    assert told.state is FeedState.APPLIED
    assert visits_of(units, told.patient_id)[-1].occurred_at == at + timedelta(hours=5)


def test_a_training_message_that_was_refused_is_taken_when_it_is_sent_in_earnest(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    text = adt("A04", fresh("a"), at=ago(hours=1), person=pid(fresh("R")), visit="")
    refused = judged(text.replace("|P|2.4", "|T|2.4"))
    store(units, [refused], RULES)
    in_earnest = judged(text)
    assert refused.arrived.digest != in_earnest.arrived.digest
    store(units, [in_earnest], RULES)
    while apply_waiting(units, DESK):
        pass
    assert kept(units, in_earnest.arrived).state is FeedState.APPLIED


def test_a_persons_word_that_comes_late_does_not_hold_against_the_same_word_said_again_since(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    (told,) = bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    bring(units, adt("A08", fresh("b"), at=at + timedelta(hours=2), person=pid(fresh("R")), visit=""))
    bring(units, adt("A08", fresh("c"), at=at + timedelta(hours=1), person=pid(fresh("R"), name="王建过"), visit=""))
    assert patient_of(units, told).name == "王建国"


def test_what_is_told_of_a_time_that_is_none_does_not_repeat_what_stands_there(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(hours=2)
    (told,) = bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R"), born="王小明13800000001"), visit=""))
    assert told.state is FeedState.APPLIED
    assert not any("王小明" in remark for remark in told.remarks)
    bad = adt("A03", fresh("b"), at=at, person=pid(fresh("R")), visit=fresh("V"), discharged=at)
    (parked,) = bring(units, bad.replace(f"|{hl7_time(at)}\r", "|王小明\r"))
    assert parked.reason is FeedReason.BAD_TIME
    assert "王小明" not in parked.told


def test_a_merger_that_was_taken_back_leaves_each_record_its_own_number(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=1)
    (gone, stays) = bring(
        units,
        *(adt("A04", fresh(f"a{name}"), at=at, person=pid(fresh(name)), visit="") for name in ("OLD", "NEW")),
    )
    bring(units, message(msh("ADT^A40", fresh("b"), at=at), pid(fresh("NEW")), f"MRG|{fresh('OLD')}^^^HAILAN^MR"))
    follow(units, stays.patient_id)
    bring(units, adt("A08", fresh("c"), at=at, person=pid(fresh("OLD")), visit=""))
    with units() as uow:
        (merge,) = uow.merges.of_patient(gone.patient_id or "")
        undo_merge(uow, merge, by=new_id(), reason="two people after all")
        uow.commit()
    (told,) = bring(units, adt("A08", fresh("d"), at=at, person=pid(fresh("OLD")), visit=""))
    assert (told.state, told.patient_id) == (FeedState.APPLIED, gone.patient_id)


def test_the_old_hour_of_an_appointment_is_not_told_where_nobody_can_tell_of_the_new_one(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, starts = ago(hours=5), ago(days=-5)
    person = pid(fresh("R"), phone=fresh("138000"))
    booked, _ = bring(
        units,
        siu("S12", fresh("a"), at=at, starts=starts, number=fresh("AP"), person=person),
        adt("A08", fresh("b"), at=at, person=person, visit=""),
    )
    follow(units, booked.patient_id)
    later = starts + timedelta(days=2)
    bring(units, siu("S13", fresh("c"), at=at + timedelta(hours=1), starts=later, number=fresh("AP"), person=person))
    assert follow_feeds(units, booked.patient_id or "", replace(PLANS, templates={})) == 0
    assert [plan.state for plan in plans_of(units, booked.patient_id)] == [PlanState.CANCELLED]
    with units() as uow:
        assert "no plan template" in uow.feeds.refused(limit=1)[0].told


def test_a_merger_that_somebody_made_otherwise_meanwhile_is_told_of_and_not_passed_over(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    gone, stays, other = bring(
        units, *(adt("A04", fresh(name), at=at, person=pid(fresh(name)), visit="") for name in ("OLD", "NEW", "THIRD"))
    )
    bring(units, message(msh("ADT^A40", fresh("b"), at=at), pid(fresh("NEW")), f"MRG|{fresh('OLD')}^^^HAILAN^MR"))
    with units() as uow:
        merge_patients(uow, *(_patient(uow, told) for told in (gone, other)), by=None, reason="by hand")
        uow.commit()
    assert follow(units, stays.patient_id) == 0
    with units() as uow:
        assert "another one than the hospital" in uow.feeds.refused(limit=1)[0].told


def test_a_chain_of_mergers_ends_in_one_record_in_whatever_order_they_are_done(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at = ago(days=1)
    people = bring(
        units, *(adt("A04", fresh(name), at=at, person=pid(fresh(name)), visit="") for name in ("ONE", "TWO", "THREE"))
    )
    for control, kept_, gone in (("x", "TWO", "ONE"), ("y", "THREE", "TWO")):
        bring(
            units, message(msh("ADT^A40", fresh(control), at=at), pid(fresh(kept_)), f"MRG|{fresh(gone)}^^^HAILAN^MR")
        )
    one, two, three = (told.patient_id or "" for told in people)
    assert [follow(units, patient_id) for patient_id in (three, two, three)] == [1, 0, 1]
    (late,) = bring(units, oru(fresh("r"), obx(CHOLESTEROL, "5", "mmol/L"), at=at, person=pid(fresh("ONE"))))
    assert late.patient_id == three
    with units() as uow:
        assert set(uow.merges.whole(three)) == {one, two, three}


def test_nobody_is_merged_while_messages_about_him_are_being_applied(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(days=1)
    gone, stays = bring(
        units, *(adt("A04", fresh(name), at=at, person=pid(fresh(name)), visit="") for name in ("OLD", "NEW"))
    )

    def merge() -> None:
        with units() as uow:
            merge_patients(uow, *(_patient(uow, told) for told in (gone, stays)), by=None, reason="one person")
            uow.commit()

    def waits() -> bool:
        with units.engine.connect() as rows:
            found = rows.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
            return bool(found.scalar())

    merging = threading.Thread(target=merge)
    with units() as applying:
        assert applying.lead(APPLYING)
        merging.start()
        until(waits, timeout=10, what="the merger waits")
    merging.join(10)
    with units() as uow:
        assert uow.merges.merged_into(gone.patient_id or "") == stays.patient_id


def test_of_many_parked_messages_those_that_were_not_tried_yet_come_first(units: UnitsOfWork, fresh: Fresh) -> None:
    parked = bring(
        units,
        *(
            adt("A03", fresh(name), at=ago(hours=2), person=pid(fresh(name)), visit=fresh("V"), disposition="5",
                sender=fresh("HIS"))
            for name in "xyz"
        ),
    )  # fmt: skip
    with units() as uow:
        (first,) = uow.feeds.parked(FeedReason.UNCLEAR_DISPOSITION, sender=fresh("HIS") + "/HAILAN", limit=1)
        first.settled_at = uow.now
        uow.commit()
    with units() as uow:
        again = uow.feeds.parked(FeedReason.UNCLEAR_DISPOSITION, sender=fresh("HIS") + "/HAILAN", limit=3)
    assert [each.id for each in again] == [parked[1].id, parked[2].id, parked[0].id]


def test_a_header_that_holds_a_byte_no_row_can_keep_stops_nobody_elses_messages(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    header = msh("ADT^A04", fresh("a"), charset="X\x00Y")
    bad, good = bring(
        units,
        message(header, pid(fresh("R"))),
        adt("A04", fresh("b"), at=ago(hours=1), person=pid(fresh("Q")), visit=""),
    )
    assert (bad.state, bad.reason) == (FeedState.PARKED, FeedReason.UNKNOWN_CHARSET)
    assert good.state is FeedState.APPLIED


def _patient(uow: UnitOfWork, told: FeedMessage) -> Patient:
    found = uow.patients.get(told.patient_id or "")
    assert found is not None
    return found


def test_a_newborn_who_has_his_mothers_card_is_not_taken_for_her(units: UnitsOfWork, fresh: Fresh) -> None:
    at, card = ago(days=1), id_number(int(fresh("")) % 1000)
    (mother,) = bring(
        units, adt("A04", fresh("a"), at=at, person=pid(fresh("M"), name="李梅", sex="F", card=card, born=""), visit="")
    )
    son = pid(fresh("B"), name="李梅之子", sex="M", card=card, born="")
    (told,) = bring(units, adt("A04", fresh("b"), at=at, person=son, visit=""))
    assert (told.state, told.reason) == (FeedState.PARKED, FeedReason.PERSON_DIFFERS)
    assert patient_of(units, mother).name == "李梅"
