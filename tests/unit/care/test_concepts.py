"""From what is written to what is meant: values, units, ranges, codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.concepts import (
    CodeMap,
    MappedCode,
    Mark,
    WrittenValue,
    concept_meant,
    mark_of,
    read_reference,
    read_value,
    value_with_unit,
)
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")


@pytest.mark.parametrize(
    ("code", "value", "unit", "wanted"),
    [
        ("glucose_fasting", 104, "mg/dL", 5.77),
        ("glucose_fasting", 5.77, "mmol/l", 5.77),
        ("total_cholesterol", 200, "MG/DL", 5.17),
        ("triglycerides", 150, "mg/dl", 1.69),
        ("creatinine", 1.0, "mg/dL", 88),
        ("creatinine", 88.4, "μmol/L", 88.4),
        ("hemoglobin", 13.5, "g/dL", 135),
        ("hba1c", 53, "mmol/mol", 7.0),
        ("temperature", 101.3, "℉", 38.5),
        ("systolic", 20, "kPa", 150),
        ("weight", 140, "斤", 70),
        ("height", 1.7, "m", 170),
        ("egfr", 60, "mL/min/1.73m2", 60),
        ("bmi", 24.91, "kg/m²", 24.91),
    ],
)
def test_a_value_stands_in_one_unit_whatever_it_was_sent_in(code: str, value: float, unit: str, wanted: float) -> None:
    concept, rules = CONTENT.concepts[code], CONTENT.unit_rules
    sent = rules.unit_named(unit)
    assert sent is not None
    converted = rules.converted(value, sent, concept)
    assert converted is not None
    assert converted == pytest.approx(wanted, abs=0.5 * 10**-concept.decimals)


def test_there_is_no_way_from_a_unit_that_measures_something_else() -> None:
    assert CONTENT.unit_rules.unit_named("bananas") is None
    assert CONTENT.unit_rules.converted(104, "mg/dL", CONTENT.concepts["sodium"]) is None
    # Cholesterol's factor is not glucose's: 104 mg/dL of the one are not 104 mg/dL of the other.
    of_cholesterol = CONTENT.unit_rules.converted(104, "mg/dL", CONTENT.concepts["ldl"])
    assert of_cholesterol == pytest.approx(2.69, abs=0.01)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("5.6", WrittenValue(number=5.6)),
        (" ５．６ ", WrittenValue(number=5.6)),
        ("1,204.5", WrittenValue(number=1204.5)),
        ("152 ↑", WrittenValue(number=152)),
        ("6.9H", WrittenValue(number=6.9)),
        ("<0.01", WrittenValue(number=0.01, sign="<")),
        (">= 33.3", WrittenValue(number=33.3, sign="≥")),
        ("-1.5", WrittenValue(number=-1.5)),
        (".5", WrittenValue(number=0.5)),
        ("阴性", WrittenValue(number=None, words="阴性")),
        ("H", WrittenValue(number=None, words="H")),
        ("3-5", WrittenValue(number=None, words="3-5")),
        ("1,20", WrittenValue(number=None, words="1,20")),
        ("", WrittenValue(number=None)),
    ],
)
def test_a_value_is_read_as_it_is_written_and_anything_else_is_words(written: str, wanted: WrittenValue) -> None:
    assert read_value(written) == wanted


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(written: str) -> None:
    read_value(written)
    low, high = read_reference(written)
    assert low is None or high is None or low <= high
    value_with_unit(written, CONTENT.unit_rules)


@given(st.floats(min_value=-1e9, max_value=1e9, allow_nan=False).map(lambda value: round(value, 4)))
def test_every_plain_number_is_read_back(value: float) -> None:
    assert read_value(f"{value:.4f}").number == pytest.approx(value)


def test_a_unit_behind_the_value_is_its_unit() -> None:
    value, unit = value_with_unit("5.6 mmol/L", CONTENT.unit_rules)
    assert (value.number, unit) == (5.6, "mmol/L")
    assert value_with_unit("5 people", CONTENT.unit_rules)[0].number is None


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("3.9-6.1", (3.9, 6.1)),
        ("3.90～6.10 mmol/L", (3.9, 6.1)),
        ("3.9--6.1", (3.9, 6.1)),
        ("（57—97）", (57, 97)),
        ("<5.2", (None, 5.2)),
        ("≥1.0", (1.0, None)),
        ("6.1-3.9", (None, None)),
        ("阴性", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_range_is_read_as_laboratories_write_it(written: str, wanted: tuple[float | None, float | None]) -> None:
    assert read_reference(written) == wanted


def test_a_value_is_marked_against_its_range_and_without_one_not_at_all() -> None:
    assert mark_of(3.8, 3.9, 6.1) is Mark.LOW
    assert mark_of(3.9, 3.9, 6.1) is Mark.NORMAL
    assert mark_of(6.2, None, 6.1) is Mark.HIGH
    assert mark_of(6.2, None, None) is None
    assert mark_of(None, 3.9, 6.1) is None


def test_ranges_go_by_sex_and_age_and_none_is_guessed() -> None:
    hemoglobin = CONTENT.concepts["hemoglobin"]
    of_man, of_woman = hemoglobin.reference_for("male", 40), hemoglobin.reference_for("female", 40)
    assert of_man is not None
    assert of_woman is not None
    assert (of_man.low, of_woman.low) == (130, 115)
    assert hemoglobin.reference_for(None, 40) is None
    assert hemoglobin.reference_for("male", None) is None


def test_the_hospitals_word_goes_before_the_shipped_maps_and_loinc_is_known() -> None:
    maps = (CodeMap(id="m", feeds=("hl7:*",), codes={"fpg": MappedCode(concept="glucose_fasting")}),)

    def meant(source: str, code: str, name: str = "", **decided: MappedCode) -> str | None:
        found = concept_meant(source, code, name, decided=decided, maps=maps, concepts=CONTENT.concepts)
        return found.concept if found else None

    assert meant("hl7:LIS", "ＦＰＧ") == "glucose_fasting"
    assert meant("hl7:LIS", "0012", "fpg") == "glucose_fasting"
    assert meant("hl7:LIS", "FPG", fpg=MappedCode(concept="glucose")) == "glucose"
    assert meant("list:a", "FPG") is None
    assert meant("list:a", "4548-4") == "hba1c"
    assert meant("list:a", "systolic") == "systolic"
    assert meant("list:a", "") is None


def test_codes_of_the_same_quantity_as_mass_are_known_too() -> None:
    def meant(code: str) -> str | None:
        found = concept_meant("hl7:LIS", code, "", decided={}, maps=CONTENT.code_maps, concepts=CONTENT.concepts)
        return found.concept if found else None

    assert [meant(code) for code in ("2093-3", "14647-2")] == ["total_cholesterol"] * 2
    assert [meant(code) for code in ("2160-0", "14682-9")] == ["creatinine"] * 2
