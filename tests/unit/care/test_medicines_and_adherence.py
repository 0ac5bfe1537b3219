"""Days covered by what was handed out, and what answers say of taking medicine."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.adherence import Helper, adherence_in, route_of
from care.forms import AnswerValue
from care.medicines import Dispense, coverage_of
from care.patients import PatientId
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
RULES = CONTENT.adherence
FIRST = date(2026, 1, 1)


def handed_out(day: int, lasts: int, *, code: str = "C10AA05", superseded: bool = False) -> Dispense:
    return Dispense(
        id=f"{code}/{day}/{lasts}",
        patient_id=PatientId("p"),
        code=code,
        name="阿托伐他汀",
        dispensed_on=FIRST + timedelta(days=day),
        days_supplied=lasts,
        source="hand:1",
        source_key=f"{code}/{day}",
        superseded_at=datetime(2026, 1, 1, tzinfo=UTC) if superseded else None,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("supplies", "covered", "of"),
    [
        ([(0, 100)], 100, 100),
        ([(0, 30), (40, 30)], 60, 100),
        ([(0, 30), (20, 30)], 60, 100),  # fetched early: nothing is lost
        ([(0, 30), (0, 30)], 60, 100),
        ([(0, 30), (90, 30)], 40, 100),  # what lasts beyond the period counts to its end
        ([(50, 25)], 25, 50),  # the period begins with the first supply
        ([(0, 400)], 100, 100),
        ([(0, 30), (10, 0)], 30, 100),  # taken back
    ],
)
def test_days_covered_of_a_hundred(supplies: list[tuple[int, int]], covered: int, of: int) -> None:
    (found,) = coverage_of(
        [handed_out(day, lasts) for day, lasts in supplies], starts_on=FIRST, ends_on=FIRST + timedelta(days=99)
    )
    assert (found.days_covered, found.days) == (covered, of)
    assert found.share == covered / of


def test_each_medicine_has_its_own_share_and_one_never_handed_out_has_none() -> None:
    found = coverage_of(
        [handed_out(0, 80), handed_out(0, 79, code="B01AC06"), handed_out(5, 90, code="A10BA02", superseded=True)],
        starts_on=FIRST,
        ends_on=FIRST + timedelta(days=99),
    )
    assert {one.code: one.share >= RULES.coverage_at_least for one in found} == {"C10AA05": True, "B01AC06": False}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 120)), max_size=8), st.integers(1, 60))
def test_a_share_lies_between_none_and_all_and_more_of_it_never_covers_less(
    supplies: list[tuple[int, int]], more: int
) -> None:
    end = FIRST + timedelta(days=99)
    dispenses = [handed_out(day, lasts) for day, lasts in supplies]
    found = coverage_of(dispenses, starts_on=FIRST, ends_on=end)
    assert all(0 < one.days_covered <= one.days for one in found)
    if found:
        index_day = (found[0].starts_on - FIRST).days
        (fuller,) = coverage_of([*dispenses, handed_out(index_day, more)], starts_on=FIRST, ends_on=end)
        assert fuller.days_covered >= found[0].days_covered


@pytest.mark.parametrize(
    ("answers", "adherent", "helper"),
    [
        ({"missed_days": 0, "changed_dose": False, "stopped": False}, True, None),
        ({"missed_days": 1, "changed_dose": False, "stopped": False, "main_reason": "forgot"}, True, None),
        ({"missed_days": 2, "changed_dose": False, "stopped": False, "main_reason": "forgot"}, False, Helper.NURSE),
        ({"missed_days": 0, "changed_dose": True, "stopped": False, "main_reason": "felt_well"}, False, Helper.DOCTOR),
        ({"missed_days": 3, "changed_dose": False, "stopped": True, "main_reason": "cost"}, False, Helper.PHARMACIST),
        (
            {"missed_days": 7, "changed_dose": False, "stopped": True, "main_reason": "side_effects"},
            False,
            Helper.PHARMACIST,
        ),
        # Why is told in his own words only.
        (
            {"missed_days": 7, "changed_dose": False, "stopped": True, "main_reason": "other", "reason_said": "COUGH"},
            False,
            Helper.PHARMACIST,
        ),
        ({"missed_days": 5}, False, Helper.NURSE),
        ({"missed_days": 0}, None, None),  # too little was asked to call it adherent
        ({"missed_days": 0, "side_effects": "吃了药头晕"}, None, Helper.PHARMACIST),
        ({"missed_days": 0, "side_effects": "没有。"}, None, None),
        ({"missed_days": 0, "side_effects": "No"}, None, None),
    ],
)  # fmt: skip
def test_what_is_said_of_medicines_goes_to_whoever_can_help(
    answers: dict[str, AnswerValue], adherent: bool | None, helper: Helper | None
) -> None:
    found = adherence_in(answers, RULES)
    assert found is not None
    assert found.adherent is adherent
    route = route_of(found, RULES)
    assert (route.helper if route else None) is helper


def test_answers_that_say_nothing_of_medicines_find_nothing() -> None:
    assert adherence_in({"feeling": "worse"}, RULES) is None
    assert adherence_in({"side_effects": "无"}, RULES) is None


def test_the_routes_know_every_reason_that_the_form_offers() -> None:
    item = CONTENT.forms["adherence"].item(RULES.items.main_reason)
    assert item is not None
    known = {reason for route in RULES.routes for reason in route.reasons}
    assert {option.value for option in item.options} - known == {"other"}
    asked = {question.link_id for form in CONTENT.forms.values() for question in form.questions()}
    items = RULES.items
    names = {items.missed_days, items.changed_dose, items.stopped, items.main_reason, items.reason_said}
    assert names | {items.side_effects} <= asked
