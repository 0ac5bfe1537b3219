"""On which ground a record opens, and who reviews a broken glass."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.care_team import BrokenGlass, GlassReason, GlassReview, Ground, Reader, ground_of, why_not_reviewed_by
from care.patients import PatientId

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("departments", "ties", "ground"),
    [
        ((), (), Ground.WHOLE_HOUSE),
        (("心内科",), (), None),
        (("心内科",), (Ground.DEPARTMENT,), Ground.DEPARTMENT),
        (("心内科",), (Ground.BROKEN_GLASS, Ground.QUEUE), Ground.QUEUE),
        (("心内科",), (Ground.BROKEN_GLASS,), Ground.BROKEN_GLASS),
        (("心内科",), (Ground.NOBODYS_PATIENT,), Ground.NOBODYS_PATIENT),
    ],
)
def test_a_record_opens_on_the_first_ground_that_holds(
    departments: tuple[str, ...], ties: tuple[Ground, ...], ground: Ground | None
) -> None:
    assert ground_of(Reader(user_id="u", departments=departments), ties) is ground


@given(st.sets(st.sampled_from([each for each in Ground if each is not Ground.WHOLE_HOUSE])))
def test_who_works_for_a_department_needs_a_tie_and_any_tie_is_enough(ties: set[Ground]) -> None:
    ground = ground_of(Reader(user_id="u", departments=("骨科",)), ties)
    assert (ground is None) is (not ties)
    assert ground is None or ground in ties


def test_nobody_reviews_his_own_glass_and_none_is_reviewed_twice() -> None:
    glass = BrokenGlass(
        id="g",
        patient_id=PatientId("p"),
        user_id="nurse",
        reason=GlassReason.EMERGENCY,
        text="",
        broken_at=NOW,
        until=NOW + timedelta(hours=1),
    )
    assert why_not_reviewed_by(glass, "nurse") == "nobody reviews what he did himself"
    assert why_not_reviewed_by(glass, "head") is None
    glass.review = GlassReview.NOT_JUSTIFIED
    assert why_not_reviewed_by(glass, "head") == "it was found not justified already"
