"""Whom a score is not for, what it lacks, and which of several values in a record counts."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.history import EntryState, HistoryKind
from care.medicines import MedicineState
from care.observations import ObservationStatus, Setting
from care.risk.assessing import LackReason
from care.risk.inputs import Origin
from care.risk.models import CannotReckonError
from tests.support.risk import (
    CONTENT,
    NOW,
    a_fact,
    a_medicine,
    a_result,
    a_stay,
    an_entry,
    assessed,
    china_par,
    findings,
    refused,
)

LACKED = tuple[str, LackReason]


def lacked(model: str, **of: Any) -> list[LACKED]:
    return [(lack.input, lack.reason) for lack in refused(model, findings(**of)).lacks]


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("china-par", "I25.103"),
        ("china-par", "I63.900"),
        ("china-par", "Z95.501"),
        ("framingham-2008", "I21.900"),
        ("framingham-2008-bmi", "I70.203"),
    ],
)
def test_scores_of_primary_prevention_are_refused_with_known_vascular_disease(model: str, code: str) -> None:
    assert lacked(model, **china_par(diagnoses=[code])) == [("known_ascvd", LackReason.KNOWN_ILLNESS)]


@pytest.mark.parametrize("changes", [{"state": EntryState.RESOLVED}, {"kind": HistoryKind.PROCEDURE, "code": "36.06"}])
def test_what_is_over_and_what_was_operated_count_as_known_vascular_disease(changes: dict[str, Any]) -> None:
    entry = an_entry(changes.pop("code", "I21.900"), **changes)
    assert lacked("china-par", **china_par(history=[entry])) == [("known_ascvd", LackReason.KNOWN_ILLNESS)]


def test_a_refuted_or_replaced_diagnosis_keeps_no_one_from_a_score() -> None:
    refuted = an_entry("I21.900", state=EntryState.REFUTED)
    replaced = an_entry("I21.900", superseded_at=NOW)
    assert assessed("china-par", findings(**china_par(history=[refuted, replaced]))).value


@pytest.mark.parametrize("model", ["ncdrs", "findrisc"])
def test_scores_of_coming_diabetes_are_refused_with_known_diabetes(model: str) -> None:
    assert lacked(model, diagnoses=["E11.900"]) == [("known_diabetes", LackReason.KNOWN_ILLNESS)]


def test_the_stroke_score_is_refused_without_atrial_fibrillation() -> None:
    assert lacked("cha2ds2-vasc", age=76, sex="female") == [("atrial_fibrillation", LackReason.WITHOUT_ILLNESS)]


@pytest.mark.parametrize(
    ("model", "age"),
    [
        *(("china-par", age) for age in (20, 34, 75, 90)),
        *(("framingham-2008", age) for age in (29, 75)),
        *(("ncdrs", age) for age in (19, 75)),
        *((model, 17) for model in ("findrisc", "ckd-epi-2021", "has-bled", "cha2ds2-vasc")),
    ],
)
def test_an_age_that_the_model_does_not_hold_for_is_refused(model: str, age: int) -> None:
    assert lacked(model, age=age, diagnoses=["I48"]) == [("age", LackReason.OUT_OF_RANGE)]


@pytest.mark.parametrize("age", [35, 74])
def test_the_youngest_and_oldest_that_a_model_holds_for_are_assessed(age: int) -> None:
    assert assessed("china-par", findings(**china_par(age=age))).value


def test_a_sex_without_a_formula_is_refused_and_an_unknown_one_is_missing() -> None:
    assert lacked("china-par", **china_par(sex="other")) == [("sex", LackReason.OUT_OF_RANGE)]
    assert lacked("china-par", **china_par(sex="unknown")) == [("sex", LackReason.MISSING)]
    assert lacked("china-par", **china_par(age=None)) == [("age", LackReason.MISSING)]


def test_a_woman_is_not_asked_for_what_only_the_mens_equation_takes() -> None:
    stated = {"treated": False, "north": True}
    names = {each.name for each in assessed("china-par", findings(**china_par(sex="female", stated=stated))).inputs}
    assert not names & {"urban", "family_ascvd"}


@pytest.mark.parametrize("model", list(CONTENT.risk_models))
def test_no_model_says_anything_of_somebody_of_whom_nothing_is_known(model: str) -> None:
    visit = a_stay() if CONTENT.risk_models[model].of_visit else None
    refusal = refused(model, findings(age=None, sex=None, visit=visit))
    assert {lack.reason for lack in refusal.lacks} <= {LackReason.MISSING, LackReason.WITHOUT_ILLNESS}


def test_inputs_that_are_too_old_are_named_with_their_day_and_the_limit() -> None:
    long_ago = NOW - timedelta(days=366)
    base = china_par()
    systolic = base["results"].pop("systolic")
    found = findings(**base, more_results=[a_result("systolic", systolic, taken_at=long_ago)])
    (lack,) = refused("china-par", found).lacks
    assert (lack.input, lack.reason, lack.within_days) == ("systolic", LackReason.TOO_OLD, 365)
    assert lack.known is not None
    assert lack.known.taken_at == long_ago


def test_the_newest_value_counts_and_the_assessment_is_valid_as_long_as_its_oldest_input() -> None:
    base = china_par()
    older = a_result("waist", 80, taken_at=NOW - timedelta(days=600))
    result = assessed("china-par", findings(**base, more_results=[older]))
    waist = next(each for each in result.inputs if each.name == "waist")
    assert waist.value == 94
    assert result.valid_until == NOW - timedelta(days=1) + timedelta(days=365)


UNUSABLE: list[dict[str, Any]] = [
    {"status": ObservationStatus.ENTERED_IN_ERROR},
    {"superseded_at": NOW},
    {"taken_at": NOW + timedelta(days=1)},
    {"text": ">"},
    {"setting": Setting.HOME},
    {"setting": Setting.TOLD},
]


@pytest.mark.parametrize("changes", UNUSABLE)
def test_values_that_do_not_hold_or_were_not_measured_in_the_office_do_not_count(changes: dict[str, Any]) -> None:
    newer = a_result("systolic", 190, **{"taken_at": NOW - timedelta(hours=2), **changes})
    result = assessed("china-par", findings(**china_par(), more_results=[newer]))
    assert next(each for each in result.inputs if each.name == "systolic").value == 148


def test_an_index_reckoned_from_a_newer_weight_goes_before_an_older_one_that_was_sent() -> None:
    height = a_result("height", 170, taken_at=NOW - timedelta(days=3000))
    weight = a_result("weight", 72, taken_at=NOW - timedelta(days=1))
    sent = a_result("bmi", 22.0, taken_at=NOW - timedelta(days=100))
    found = findings(
        results={"systolic": 140, "smoker": 0}, stated={"treated": False}, more_results=[height, weight, sent]
    )
    bmi = next(each for each in assessed("framingham-2008-bmi", found).inputs if each.name == "bmi")
    assert bmi.value == pytest.approx(24.91, abs=0.005)
    assert (bmi.origin, set(bmi.references)) == (Origin.RECKONED, {weight.id, height.id})


@pytest.mark.parametrize(
    ("relation", "word", "points"),
    [("父亲", "first_degree", 38), ("mother", "first_degree", 38), ("祖母", "second_degree", 32)],
)
def test_the_familys_illness_is_read_from_the_history_by_whose_it_is(relation: str, word: str, points: int) -> None:
    entries = [an_entry("E11.900", kind=HistoryKind.FAMILY, relation=relation)]
    found = findings(age=52, results={"systolic": 136, "bmi": 26, "waist": 92}, history=entries)
    result = assessed("ncdrs", found)
    assert result.value == points
    assert next(each for each in result.inputs if each.name == "family_diabetes").value == word


def test_of_several_relatives_the_nearest_counts_and_the_familys_illness_is_not_the_patients() -> None:
    entries = [
        an_entry("E11.900", kind=HistoryKind.FAMILY, relation="祖母"),
        an_entry("E11.900", kind=HistoryKind.FAMILY, relation="母亲"),
    ]
    found = findings(age=52, results={"systolic": 136, "bmi": 26, "waist": 92}, history=entries)
    assert assessed("ncdrs", found).value == 38


def test_a_newer_statement_goes_before_an_older_one_and_before_older_history() -> None:
    history = [an_entry("I63.900", kind=HistoryKind.FAMILY, relation="父亲")]
    with_family = assessed("china-par", findings(**china_par(stated=stated_but("family_ascvd"), history=history)))
    facts = [a_fact("family_ascvd", value=False)]
    asked_again = findings(**china_par(stated=stated_but("family_ascvd"), history=history, facts=facts))
    assert with_family.value > assessed("china-par", asked_again).value


def stated_but(*left_out: str) -> dict[str, Any]:
    return {name: value for name, value in china_par()["stated"].items() if name not in left_out}


def test_a_medicine_that_is_taken_says_yes_and_none_on_the_list_says_nothing() -> None:
    stated = stated_but("treated")
    taken = a_medicine("C09AA02")
    result = assessed("china-par", findings(**china_par(stated=stated, medicines=[taken])))
    treated = next(each for each in result.inputs if each.name == "treated")
    assert (treated.value, treated.origin, treated.references) == (True, Origin.MEDICINES, (taken.id,))
    for medicines in (
        [],
        [a_medicine("N02BE01")],
        [a_medicine("")],
        [a_medicine("C09AA02", state=MedicineState.STOPPED)],
        [a_medicine("C09AA02", until=NOW.date() - timedelta(days=1))],
        [a_medicine("C09AA02", superseded_at=NOW)],
    ):
        refusal = refused("china-par", findings(**china_par(stated=stated, medicines=medicines)))
        assert [lack.input for lack in refusal.lacks] == ["treated"]


def test_heavier_forms_of_an_illness_take_the_place_of_lighter_ones() -> None:
    stated = {"stay_days": 1, "emergency_admission": False, "emergency_visits": 0}
    found = findings(stated=stated, visit=a_stay(), diagnoses=["E11.900", "E11.200x002", "C78.000", "C16.900"])
    charlson = next(each for each in assessed("lace", found).inputs if each.name == "charlson")
    assert charlson.value == 2 + 6


def test_stays_before_this_one_are_counted_over_a_year_unless_somebody_knows_of_more() -> None:
    visit = a_stay()
    before = [a_stay(occurred_at=NOW - timedelta(days=days)) for days in (30, 364, 366)]
    appointment = a_stay(kind="appointment", occurred_at=NOW - timedelta(days=10))
    of_stay = {
        "oncology_discharge": False,
        "procedure_done": False,
        "emergency_admission": False,
        "stay_days": 1,
    }
    results = {"hemoglobin": 130, "sodium": 140}
    found: dict[str, Any] = {"results": results, "visit": visit, "visits": [visit, *before, appointment]}
    counted = next(i for i in assessed("hospital", findings(stated=of_stay, **found)).inputs if i.name == "admissions")
    assert (counted.value, counted.origin) == (2, Origin.VISITS)
    told = findings(stated={**of_stay, "admissions": 4}, **found)
    known = next(i for i in assessed("hospital", told).inputs if i.name == "admissions")
    assert (known.value, known.origin) == (4, Origin.STATED)


def test_values_beyond_what_the_model_was_tried_with_are_reckoned_and_marked() -> None:
    base = china_par()
    base["results"]["systolic"] = 240
    result = assessed("china-par", findings(**base))
    assert result.out_of_range
    assert [each.name for each in result.inputs if each.out_of_range] == ["systolic"]
    assert not assessed("china-par", findings(**china_par())).out_of_range


def test_the_shares_tell_what_a_favorable_value_would_take_away() -> None:
    result = assessed("china-par", findings(**china_par()))
    smoking = next(each for each in result.inputs if each.name == "smoker")
    base = china_par()
    base["results"]["smoker"] = 0
    without = assessed("china-par", findings(**base))
    assert smoking.share == pytest.approx(result.value - without.value, abs=0.011)
    assert next(each for each in result.inputs if each.name == "north").share is None


@given(
    sex=st.sampled_from(["male", "female"]),
    age=st.integers(min_value=35, max_value=74),
    systolic=st.integers(min_value=60, max_value=260),
    cholesterol=st.floats(min_value=1, max_value=15),
    hdl=st.floats(min_value=0.2, max_value=4),
    waist=st.integers(min_value=40, max_value=180),
    smoker=st.booleans(),
    treated=st.booleans(),
)
def test_a_risk_is_a_share_of_hundred_and_its_band_is_that_of_the_number_shown(
    *, sex: str, age: int, systolic: int, cholesterol: float, hdl: float, waist: int, smoker: bool, treated: bool
) -> None:
    found = findings(
        sex=sex,
        age=age,
        results={
            "systolic": systolic,
            "total_cholesterol": cholesterol,
            "hdl": hdl,
            "waist": waist,
            "smoker": smoker,
        },
        stated={"treated": treated, "north": False, "urban": False, "family_ascvd": False},
    )
    result = assessed("china-par", found)
    assert result.band is not None
    assert 0 <= result.value <= 100
    assert result.band.key == ("high" if result.value >= 10 else "moderate" if result.value >= 5 else "low")


@pytest.mark.parametrize(
    ("model", "values", "said"),
    [
        ("china-par", {"sex": "other"}, "no equation"),
        ("china-par", {"sex": "male", "age": 0.0}, "above 0"),
        ("lace", {"stay_days": "six"}, "must be a number"),
        ("lace", {"stay_days": 1.0, "emergency_admission": 1.0}, "yes or no"),
        ("ncdrs", {"sex": "male", "age": 19.0}, "no points are known for 19"),
        ("ckd-epi-2021", {"sex": "male", "creatinine": 0.0}, "above 0"),
    ],
)
def test_a_method_given_what_does_not_fit_says_so_in_words(model: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(CannotReckonError, match=said):
        CONTENT.risk_models[model].method.reckon(values, "")
