"""Every score against its published or recorded examples, read from a record as the program reads them."""

from typing import Any

import pytest

from tests.support.risk import CONTENT, MG_PER_MMOL, a_stay, assessed, findings

CHINA_PAR: list[tuple[dict[str, Any], float, float]] = [
    # The paper's Table 2: men and women of 40 to 70 years; within 2 %.
    *(
        ({"sex": "male", "age": age, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1, "urban": 1}, risk, 0.02)
        for age, risk in ((40, 2.2), (50, 5.4), (60, 11.0), (70, 19.6))
    ),
    *(
        ({"sex": "female", "age": age, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1}, risk, 0.02)
        for age, risk in ((40, 2.4), (50, 5.4), (60, 10.1), (70, 17.1))
    ),
    # As recorded from the official calculator.
    (
        {"sex": "male", "age": 51, "sbp": 145, "treated": 1, "tc": 280, "hdl": 75, "waist": 95, "dm": 1, "smoker": 1}
        | {"fh": 1, "urban": 1},
        18.5,
        0.02,
    ),
    ({"sex": "female", "age": 39, "sbp": 135, "tc": 380, "hdl": 50, "waist": 90, "dm": 1}, 3.2, 0.02),
    # The acceptance scenario: TC 5.2 and HDL 1.1 mmol/L.
    (
        {"sex": "male", "age": 58, "sbp": 148, "treated": 1, "tc": 201.08, "hdl": 42.54, "waist": 94, "smoker": 1}
        | {"urban": 1},
        15.85,
        0.1 / 15.85,
    ),
    ({"sex": "male", "age": 60, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1, "urban": 1}, 11.04, 0.0005),
    ({"sex": "female", "age": 60, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1}, 10.13, 0.0005),
    ({"sex": "male", "age": 40, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1, "urban": 1}, 2.22, 0.0025),
    ({"sex": "female", "age": 70, "sbp": 130, "tc": 210, "hdl": 55, "waist": 80, "dm": 1}, 17.09, 0.0005),
]
FRAMINGHAM = [
    ("male", 55, 213, 50, 140, False, False, False, 13.53),
    ("female", 45, 200, 50, 125, True, False, False, 4.68),
    ("female", 61, 180, 47, 124, False, True, False, 10.48),
    ("male", 53, 161, 55, 125, True, False, True, 15.62),
]
FRAMINGHAM_BMI = [("male", 55, 30, 140, False, 16.75), ("female", 45, 27, 125, True, 4.91)]
LACE = [(6, True, 5, 1, 13), (6, True, 4, 1, 13), (2, False, 0, 0, 2), (20, True, 9, 9, 19)]
HOSPITAL = [("2016", 2, 8), ("2016", 1, 6), ("2013", 1, 8), ("2013", 0, 6), ("2016", 6, 11), ("2013", 6, 11)]


@pytest.mark.parametrize(("given", "risk", "within"), CHINA_PAR)
def test_china_par_agrees_with_the_paper_and_the_official_calculator(
    given: dict[str, Any], risk: float, within: float
) -> None:
    found = findings(
        sex=given["sex"],
        age=given["age"],
        results={
            "systolic": given["sbp"],
            "total_cholesterol": given["tc"] / MG_PER_MMOL,
            "hdl": given["hdl"] / MG_PER_MMOL,
            "waist": given["waist"],
            "smoker": given.get("smoker", 0),
        },
        diagnoses=["E11.900"] if given.get("dm") else [],
        stated={
            "treated": bool(given.get("treated")),
            "north": True,
            "urban": bool(given.get("urban")),
            "family_ascvd": bool(given.get("fh")),
        },
    )
    assert assessed("china-par", found).value == pytest.approx(risk, rel=within)


@pytest.mark.parametrize(("risk", "band"), [(3.2, "low"), (5.42, "moderate"), (15.85, "high")])
def test_china_par_has_the_bands_of_the_guideline(risk: float, band: str) -> None:
    found = CONTENT.risk_models["china-par"].band_of(risk, "male")
    assert found is not None
    assert found.key == band


@pytest.mark.parametrize(("sex", "age", "tc", "hdl", "sbp", "treated", "smoker", "dm", "risk"), FRAMINGHAM)
def test_framingham_with_lipids_agrees(
    sex: str, age: int, tc: float, hdl: float, sbp: float, treated: bool, smoker: bool, dm: bool, risk: float
) -> None:
    found = findings(
        sex=sex,
        age=age,
        results={
            "systolic": sbp,
            "total_cholesterol": tc / MG_PER_MMOL,
            "hdl": hdl / MG_PER_MMOL,
            "smoker": float(smoker),
        },
        diagnoses=["E11"] if dm else [],
        stated={"treated": treated},
    )
    assert assessed("framingham-2008", found).value == pytest.approx(risk, abs=0.01)


@pytest.mark.parametrize(("sex", "age", "bmi", "sbp", "treated", "risk"), FRAMINGHAM_BMI)
def test_framingham_with_the_body_mass_index_agrees_and_is_not_the_one_with_lipids(
    sex: str, age: int, bmi: float, sbp: float, treated: bool, risk: float
) -> None:
    found = findings(sex=sex, age=age, results={"systolic": sbp, "bmi": bmi, "smoker": 0}, stated={"treated": treated})
    assert assessed("framingham-2008-bmi", found).value == pytest.approx(risk, abs=0.01)


@pytest.mark.parametrize(("days", "emergency", "charlson", "visits", "points"), LACE)
def test_lace_counts_as_published_and_not_as_the_modified_one(
    days: int, emergency: bool, charlson: int, visits: int, points: int
) -> None:
    stated = {"stay_days": days, "emergency_admission": emergency, "charlson": charlson, "emergency_visits": visits}
    result = assessed("lace", findings(stated=stated, visit=a_stay()))
    assert result.value == points
    assert result.band is not None
    assert result.band.key == ("high" if points >= 10 else "moderate" if points >= 5 else "low")


def test_lace_weighs_the_diagnoses_of_the_record_and_four_of_them_make_five_points() -> None:
    stated = {"stay_days": 6, "emergency_admission": True, "emergency_visits": 1}
    found = findings(stated=stated, visit=a_stay(), diagnoses=["I50.900", "E11.900", "I21.001"])
    result = assessed("lace", found)
    assert result.value == 13
    charlson = next(each for each in result.inputs if each.name == "charlson")
    assert (charlson.value, charlson.points, charlson.source) == (
        4,
        5,
        "myocardial_infarction, diabetes, heart_failure",
    )


@pytest.mark.parametrize(("variant", "admissions", "points"), HOSPITAL)
def test_hospital_counts_stays_of_the_year_before_as_the_variant_asked_for(
    variant: str, admissions: int, points: int
) -> None:
    stated = {
        "oncology_discharge": False,
        "procedure_done": True,
        "emergency_admission": True,
        "admissions": admissions,
        "stay_days": 6,
    }
    found = findings(results={"hemoglobin": 112, "sodium": 133}, stated=stated, visit=a_stay())
    assert assessed("hospital", found, variant=variant).value == points
    if variant == "2016":
        assert assessed("hospital", found).value == points, "2016 counts unless another is asked for"


def test_findrisc_agrees() -> None:
    found = findings(
        sex="male",
        age=58,
        results={"bmi": 27.5, "waist": 96},
        stated={
            "active": False,
            "vegetables": True,
            "treated": True,
            "high_glucose_ever": False,
            "family_diabetes": "first_degree",
        },
    )
    result = assessed("findrisc", found)
    assert result.value == 16
    points = {each.name: each.points for each in result.inputs if each.points}
    assert points == {"age": 3, "bmi": 1, "waist": 3, "active": 2, "treated": 2, "family_diabetes": 5}


@pytest.mark.parametrize(
    ("sex", "age", "sbp", "bmi", "waist", "family", "points", "band"),
    [
        ("male", 52, 136, 26, 92, "first_degree", 38, "high"),
        ("female", 38, 118, 21.5, 72, "none", 12, "not_high"),
        ("male", 74, 160, 30, 95, "first_degree", 51, "high"),
        ("female", 20, 109, 21, 69, "none", 0, "not_high"),
    ],
)
def test_the_chinese_diabetes_score_agrees_and_ends_at_51(
    sex: str, age: int, sbp: float, bmi: float, waist: float, family: str, points: int, band: str
) -> None:
    found = findings(
        sex=sex,
        age=age,
        results={"systolic": sbp, "bmi": bmi, "waist": waist},
        stated={"family_diabetes": family},
    )
    result = assessed("ncdrs", found)
    assert result.value == points
    assert result.band is not None
    assert result.band.key == band


@pytest.mark.parametrize(
    ("sex", "age", "diagnoses", "points", "band"),
    [
        ("female", 76, ["I10.x00", "E11.900"], 5, "high"),
        ("male", 50, [], 0, "low"),
        ("female", 50, [], 1, "low"),
        ("male", 65, [], 1, "intermediate"),
        ("female", 65, [], 2, "intermediate"),
        ("female", 80, ["I50.900", "I10", "E11", "I63.900", "I21.900"], 9, "high"),
    ],
)
def test_stroke_in_atrial_fibrillation_agrees(sex: str, age: int, diagnoses: list[str], points: int, band: str) -> None:
    result = assessed("cha2ds2-vasc", findings(sex=sex, age=age, diagnoses=["I48.x00", *diagnoses]))
    assert result.value == points
    assert result.band is not None
    assert result.band.key == band


def test_bleeding_counts_nine_items() -> None:
    asked = ("abnormal_renal", "abnormal_liver", "bleeding", "labile_inr", "bleeding_drugs", "heavy_alcohol")
    all_of_it = findings(age=66, results={"systolic": 161}, diagnoses=["I63.900"], stated=dict.fromkeys(asked, True))
    assert assessed("has-bled", all_of_it).value == 9
    nothing = findings(age=65, results={"systolic": 160}, stated=dict.fromkeys(asked, False))
    assert assessed("has-bled", nothing).value == 0


@pytest.mark.parametrize(
    ("sex", "age", "umol", "rate", "within", "stage"),
    [
        ("male", 60, 100, 74.3, 0.1, "g2"),
        ("female", 50, 0.8 * 88.4, 89.7, 0.1, "g2"),
        ("female", 55, 0.9 * 88.4, 76, 0.6, "g2"),
        ("male", 70, 500, 10.2, 0.5, "g5"),
    ],
)
def test_the_filtration_rate_agrees(sex: str, age: int, umol: float, rate: float, within: float, stage: str) -> None:
    result = assessed("ckd-epi-2021", findings(sex=sex, age=age, results={"creatinine": umol}))
    assert result.value == pytest.approx(rate, abs=within)
    assert result.band is not None
    assert result.band.key == stage
