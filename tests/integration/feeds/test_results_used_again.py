"""Results under numbers that are used again, for the wrong patient, taken back, out of order: nobody loses one."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from care.concepts import MappedCode
from care.observations import ObservationStatus
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedReason, FeedState
from interop.results import settle_all
from tests.support.feeds import (
    CONTENT,
    adt,
    ago,
    bring,
    hl7_time,
    obx,
    oru,
    pid,
)
from tests.support.lists import id_number

Fresh = Callable[[str], str]

CHOLESTEROL = "14647-2"


def values_of(units: UnitsOfWork, patient_id: str | None) -> list[float | None]:
    with units() as uow:
        return [each.value for each in uow.observations.series(patient_id or "", "total_cholesterol")]


def test_a_result_of_somebody_named_by_his_card_alone_finds_him_when_he_comes(units: UnitsOfWork, fresh: Fresh) -> None:
    at, card = ago(days=1), id_number(int(fresh("")) % 1000)
    person = f"PID|1||||王建国||19600302|M|||||||||||{card}"
    (early,) = bring(units, oru(fresh("r"), obx(CHOLESTEROL, "5.2", "mmol/L"), at=at, person=person, order=fresh("L")))
    assert early.reason is FeedReason.UNKNOWN_PATIENT
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R"), card=card, born="19600302"), visit=""))
    with units() as uow:
        after = uow.feeds.get(early.id)
    assert after is not None
    assert after.state is FeedState.APPLIED


def test_a_sample_number_that_is_used_again_another_day_takes_nobodys_result_away(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    day = ago(days=9)
    for name in ("R", "Q"):
        bring(units, adt("A04", fresh(f"a{name}"), at=day, person=pid(fresh(name)), visit=""))

    def sent(control: str, name: str, value: str, days: int, state: str = "F", hours: int = 0) -> str:
        taken = day + timedelta(days=days)
        text = oru(fresh(control), obx(CHOLESTEROL, value, "mmol/L", state=state), at=taken, person=pid(fresh(name)),
                   order="0001" + fresh("L"))  # fmt: skip
        told = hl7_time(taken + timedelta(hours=hours))
        return text.replace(f"{hl7_time(taken)}\rOBX", f"{told}\rOBX")

    first, second = (told.patient_id for told in bring(units, sent("b", "R", "5.0", 0), sent("c", "Q", "6.0", 3)))
    bring(units, sent("d", "R", "5.5", 5))
    assert (values_of(units, first), values_of(units, second)) == ([5.0, 5.5], [6.0])
    bring(units, sent("e", "Q", "6.1", 3, "C", 2), sent("f", "R", "5.6", 5, "C", 2), sent("g", "R", "5.1", 0, "C", 2))
    assert (values_of(units, first), values_of(units, second)) == ([5.1, 5.6], [6.1])


def test_a_result_that_was_sent_for_the_wrong_patient_goes_over_to_the_right_one(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, order = ago(days=1), fresh("L")
    for name in ("R", "Q"):
        bring(units, adt("A04", fresh(f"a{name}"), at=at, person=pid(fresh(name)), visit=""))
    wrong, right = bring(
        units,
        *(
            oru(fresh(f"r{name}"), obx(CHOLESTEROL, "5", "mmol/L"), at=at, person=pid(fresh(name)), order=order)
            for name in ("R", "Q")
        ),
    )
    assert (values_of(units, wrong.patient_id), values_of(units, right.patient_id)) == ([], [5])


def test_the_same_test_several_times_in_one_order_is_as_many_results(units: UnitsOfWork, fresh: Fresh) -> None:
    at, person = ago(days=1), pid(fresh("R"))
    bring(units, adt("A04", fresh("a"), at=at, person=person, visit=""))

    def curve(control: str, second: str) -> str:
        lines = [
            obx(CHOLESTEROL, value, "mmol/L", line=line) + f"|||{hl7_time(at + timedelta(hours=line))}"
            for line, value in enumerate(("5.0", second, "7.0"), start=1)
        ]
        return oru(fresh(control), *lines, at=at, person=person, order=fresh("L"))

    (told,) = bring(units, curve("b", "6.0"))
    assert values_of(units, told.patient_id) == [5.0, 6.0, 7.0]
    bring(units, curve("c", "6.5"), curve("d", "6.5"))
    assert values_of(units, told.patient_id) == [5.0, 6.5, 7.0]


@pytest.mark.parametrize(("value", "unit"), [("5.2", ""), ("520", "mmol/L"), ('""', '""')])
def test_a_result_is_taken_back_though_its_value_is_sent_in_no_way_that_could_be_kept(
    units: UnitsOfWork, fresh: Fresh, value: str, unit: str
) -> None:
    at, person = ago(days=1), pid(fresh("R"))
    bring(units, adt("A04", fresh("a"), at=at, person=person, visit=""))
    (told,) = bring(units, oru(fresh("b"), obx(CHOLESTEROL, "5.2", "mmol/L"), at=at, person=person, order=fresh("L")))
    bring(units, oru(fresh("c"), obx(CHOLESTEROL, value, unit, state="D"), at=at, person=person, order=fresh("L")))
    assert values_of(units, told.patient_id) == []
    with units() as uow:
        held = uow.observations.current("hl7:LIS", f"{fresh('L')}/{CHOLESTEROL}/")
    assert held is not None
    assert held.status is ObservationStatus.ENTERED_IN_ERROR


def test_without_any_instant_of_issue_a_final_result_that_comes_late_does_not_undo_its_correction(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, person = ago(days=1), pid(fresh("R"))
    bring(units, adt("A04", fresh("a"), at=at, person=person, visit=""))

    def undated(control: str, value: str, state: str) -> str:
        whole = oru(
            fresh(control), obx(CHOLESTEROL, value, "mmol/L", state=state), at=at, person=person, order=fresh("L")
        )
        header, rest = whole.split("\r", 1)
        return header.replace(hl7_time(at), "") + "\r" + rest.replace(f"{hl7_time(at)}\rOBX", "\rOBX")

    (told,) = bring(units, undated("b", "4.2", "C"))
    bring(units, undated("c", "5.2", "F"))
    assert values_of(units, told.patient_id) == [4.2]


def test_what_was_parked_while_its_code_was_being_mapped_is_settled_a_little_later(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    at, code = ago(days=1), fresh("local")
    bring(units, adt("A04", fresh("a"), at=at, person=pid(fresh("R")), visit=""))
    with units() as uow:
        # Decided and settled between the reading of the message and its end: nobody comes to it any more.
        position = uow.unmapped_results.decide(
            "hl7:LIS", code, MappedCode(concept="total_cholesterol"), reason="so it is", by=None, at=uow.now
        )
        assert settle_all(units, CONTENT, position) == 0
        bring(units, oru(fresh("r"), obx(code, "5", "mmol/L"), at=at, person=pid(fresh("R")), order=fresh("L")))
        uow.commit()
    with units() as uow:
        assert position in uow.unmapped_results.overlooked(uow.now - timedelta(hours=1))
    assert settle_all(units, CONTENT, position) == 1
    with units() as uow:
        assert position not in uow.unmapped_results.overlooked(uow.now - timedelta(hours=1))
