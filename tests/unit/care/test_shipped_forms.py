"""The shipped instruments: their scores by hand, their languages, and that nothing protected is among them."""

import random
import re
from pathlib import Path

import pytest

from care.forms import (
    AnswerValue,
    Form,
    FormItem,
    ItemType,
    checked_answer,
    enabled_items,
    missing_items,
    next_item,
)
from care.relatives import Matter
from care.scoring import ScoreResult, ScoreState, scores_of
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
FORMS = CONTENT.forms
SHIPPED = {
    "adherence",
    "audit_c",
    "discharge_core",
    "frail",
    "gad2",
    "gad7",
    "home_blood_pressure",
    "home_glucose",
    "home_oxygen",
    "home_weight",
    "intake_cardiology",
    "intake_general",
    "intake_surgery",
    "mmrc",
    "nyha",
    "pain_nrs",
    "phq2",
    "phq9",
    "satisfaction",
}
PROTECTED = (
    "Morisky",
    "MMAS",
    "EQ-5D",
    "EQ VAS",
    "HCAHPS",
    "CAHPS",
    "NPS",
    "Net Promoter",
    "WHO-5",
    "EPDS",
    "DOSE-Non",
)


def score(form: str, answers: dict[str, AnswerValue], which: str = "total", sex: str | None = None) -> ScoreResult:
    return next(each for each in scores_of(FORMS[form], answers, sex=sex) if each.id == which)


def phq(*values: int) -> dict[str, AnswerValue]:
    return {f"phq9_{number}": str(value) for number, value in enumerate(values, start=1)}


def test_what_is_shipped_is_this_and_a_draft() -> None:
    assert set(FORMS) >= SHIPPED
    assert {FORMS[name].status for name in SHIPPED} == {"draft"}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_form_speaks_both_languages_and_names_source_and_license(name: str) -> None:
    form = FORMS[name]
    assert form.source
    assert form.license

    def each(item: FormItem) -> None:
        for text in (item.text, *(option.text for option in item.options)):
            assert re.search(r"[一-鿿0-9]", text["zh"]), (name, item.link_id)
            assert text["en"], (name, item.link_id)

    for item in form.questions():
        each(item)
        if item.type in (ItemType.INTEGER, ItemType.DECIMAL):
            assert (item.minimum, item.maximum) != (None, None), f"{name}.{item.link_id} has no range"


def test_nothing_protected_is_shipped() -> None:
    for path in (REPOSITORY / "content" / "forms").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert [name for name in PROTECTED if name.lower() in text.lower()] == [], path.name


@pytest.mark.parametrize(
    ("values", "total", "band"),
    [
        ((0,) * 9, 0, "minimal"),
        ((1, 1, 1, 1, 0, 0, 0, 0, 0), 4, "minimal"),
        ((1, 1, 1, 1, 1, 0, 0, 0, 0), 5, "mild"),
        ((2, 2, 2, 2, 1, 0, 0, 0, 0), 9, "mild"),
        ((2, 2, 2, 2, 2, 0, 0, 0, 0), 10, "moderate"),
        ((2, 2, 2, 2, 2, 2, 2, 0, 0), 14, "moderate"),
        ((2, 2, 2, 2, 2, 2, 2, 1, 1), 16, "moderately_severe"),
        ((3, 3, 3, 3, 3, 3, 2, 0, 0), 20, "severe"),
        ((3,) * 9, 27, "severe"),
    ],
)
def test_phq_9_by_hand(values: tuple[int, ...], total: int, band: str) -> None:
    result = score("phq9", phq(*values))
    assert (result.state, result.value, result.band) == (ScoreState.SCORED, total, band)


@pytest.mark.parametrize("left_out", range(1, 10))
def test_phq_9_without_an_answer_is_incomplete_and_never_low(left_out: int) -> None:
    answers = {key: value for key, value in phq(*(3,) * 9).items() if key != f"phq9_{left_out}"}
    result = score("phq9", answers)
    assert (result.state, result.value, result.band) == (ScoreState.INCOMPLETE, None, None)
    assert result.missing == (f"phq9_{left_out}",)


@pytest.mark.parametrize(
    ("values", "band", "leads_to"),
    [((1, 1), "negative", None), ((1, 2), "positive", "phq9"), ((3, 3), "positive", "phq9")],
)
def test_phq_2_leads_on_from_three(values: tuple[int, int], band: str, leads_to: str | None) -> None:
    result = score("phq2", {"phq2_1": str(values[0]), "phq2_2": str(values[1])})
    assert (result.band, result.leads_to) == (band, leads_to)


@pytest.mark.parametrize(("one", "band"), [(0, "minimal"), (1, "mild"), (2, "moderate"), (3, "severe")])
def test_gad_7_by_hand(one: int, band: str) -> None:
    result = score("gad7", {f"gad7_{number}": str(one) for number in range(1, 8)})
    assert (result.value, result.band) == (7 * one, band)


def test_gad_2_from_three() -> None:
    assert score("gad2", {"gad2_1": "1", "gad2_2": "2"}).leads_to == "gad7"


@pytest.mark.parametrize(("grade", "band"), [("0", "less"), ("1", "less"), ("2", "more"), ("4", "more")])
def test_mmrc_from_two_is_more_breathless(grade: str, band: str) -> None:
    assert score("mmrc", {"mmrc": grade}, "grade").band == band


@pytest.mark.parametrize(("pain", "band"), [(0, "none"), (3, "mild"), (4, "moderate"), (6, "moderate"), (7, "severe")])
def test_pain_classes(pain: int, band: str) -> None:
    assert score("pain_nrs", {"pain": pain}, "pain").band == band


def test_nyha_class_is_what_was_chosen() -> None:
    assert score("nyha", {"nyha": "3"}, "class").band == "class_3"


@pytest.mark.parametrize(
    ("fatigue", "stairs", "walking", "illnesses", "loss", "total", "band"),
    [
        ("none", False, False, 4, False, 0, "robust"),
        ("most", False, False, 4, False, 1, "pre_frail"),
        ("most", True, False, 5, False, 3, "frail"),
        ("all", True, True, 11, True, 5, "frail"),
    ],
)
def test_frail_by_hand(
    fatigue: str, stairs: bool, walking: bool, illnesses: int, loss: bool, total: int, band: str
) -> None:
    answers: dict[str, AnswerValue] = {
        "fatigue": fatigue,
        "stairs": stairs,
        "walking": walking,
        "illnesses": illnesses,
        "weight_loss": loss,
    }
    result = score("frail", answers)
    assert (result.value, result.band) == (total, band)


def test_audit_c_has_a_cut_for_each_sex_and_no_class_without_one() -> None:
    three: dict[str, AnswerValue] = {"how_often": "2_3_week", "how_much": "1_2", "six_or_more": "never"}
    assert [score("audit_c", three, sex=sex).band for sex in ("male", "female", None)] == ["low", "positive", None]
    four: dict[str, AnswerValue] = {**three, "six_or_more": "less_monthly"}
    assert score("audit_c", four, sex="male").band == "positive"


def test_audit_c_of_somebody_who_never_drinks_is_complete_with_one_answer() -> None:
    result = score("audit_c", {"how_often": "never"}, sex="male")
    assert (result.state, result.value, result.band) == (ScoreState.SCORED, 0, "low")


@pytest.mark.parametrize(
    ("missed", "changed", "stopped", "band"),
    [
        (0, False, False, "adherent"),
        (1, False, False, "adherent"),
        (2, False, False, "not_adherent"),
        (0, True, False, "not_adherent"),
        (1, False, True, "not_adherent"),
    ],
)
def test_adherence_is_one_missed_day_at_most_and_no_change_of_ones_own(
    missed: int, changed: bool, stopped: bool, band: str
) -> None:
    answers: dict[str, AnswerValue] = {"missed_days": missed, "changed_dose": changed, "stopped": stopped}
    assert score("adherence", answers, "departures").band == band


def test_not_applicable_counts_for_nothing_in_satisfaction() -> None:
    items = [item.link_id for item in FORMS["satisfaction"].questions() if item.type is ItemType.CHOICE]
    answers: dict[str, AnswerValue] = {**dict.fromkeys(items, "5"), items[0]: "9", items[1]: "3"}
    assert score("satisfaction", answers, "mean").value == pytest.approx((11 * 5 + 3) / 12)
    half: dict[str, AnswerValue] = {**dict.fromkeys(items[:6], "5")}
    assert score("satisfaction", half, "mean").state is ScoreState.INCOMPLETE


@pytest.mark.parametrize(("given", "band"), [(6, "detractor"), (7, "passive"), (8, "passive"), (9, "promoter")])
def test_willingness_to_recommend(given: int, band: str) -> None:
    assert score("satisfaction", {"recommend": given}, "recommend").band == band


def test_questions_of_the_mind_are_for_the_patient_alone() -> None:
    for name in ("phq2", "phq9", "gad2", "gad7"):
        form: Form = FORMS[name]
        assert form.sensitive
        assert {(item.for_proxies, item.matter) for item in form.questions()} == {(False, Matter.PSYCHOLOGY)}


def test_link_ids_of_the_discharge_core_never_change() -> None:
    """Answers of all versions stand under them."""
    kept = {"feeling", "new_symptoms", "medicines_obtained", "missed_days", "side_effects"}
    kept |= {"knows_appointment", "knows_whom_to_call", "questions"}
    assert kept <= {item.link_id for item in FORMS["discharge_core"].questions()}


def test_every_sign_of_danger_is_asked_by_some_form() -> None:
    asked = {item.link_id for form in FORMS.values() for item in form.questions()}
    never = {rule.code for rule in CONTENT.answer_alerts if not rule.when.items() & asked and rule.when.items()}
    assert never == set()


def test_a_faulty_file_is_refused_with_its_name_and_place(tmp_path: Path) -> None:
    folder = tmp_path / "forms"
    folder.mkdir()
    good = (REPOSITORY / "content" / "forms" / "gad2.yaml").read_text(encoding="utf-8")
    for faulty, told in (
        (good.replace("gad2_2, type", "gad2_1, type"), "gad2_1 is used twice"),
        (good.replace("type: choice", "type: slider", 1), r"gad2\.yaml.*\n.*items\.0\.type"),
        (good, "leads to gad7, which is not there"),
    ):
        (folder / "gad2.yaml").write_text(faulty, encoding="utf-8")
        with pytest.raises(ContentError, match=told):
            _ = Content(tmp_path).forms


def an_answer(item: FormItem, dice: random.Random) -> AnswerValue:
    match item.type:
        case ItemType.CHOICE:
            return dice.choice(item.options).value
        case ItemType.BOOLEAN:
            return dice.random() < 0.5
        case ItemType.TEXT:
            return "话"
        case ItemType.DATE:
            return f"2026-03-{dice.randint(10, 28)}"
        case _:
            low, high = item.minimum or 0, item.maximum or 100
            return dice.randint(int(low) + 1, int(high) - 1)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_walk_through_a_form_ends_and_leaves_nothing_open(name: str, dice: random.Random) -> None:
    form = FORMS[name]
    for _ in range(20):
        answers: dict[str, AnswerValue] = {}
        while (item := next_item(form, answers)) is not None:
            answers[item.link_id] = checked_answer(form, answers, item.link_id, an_answer(item, dice))
            if dice.random() < 0.2:
                changed = dice.choice([each for each in enabled_items(form, answers) if each.link_id in answers])
                others = {key: value for key, value in answers.items() if key != changed.link_id}
                answers = {
                    **others,
                    changed.link_id: checked_answer(form, others, changed.link_id, an_answer(changed, dice)),
                }
            assert len(answers) <= len(form.questions())
        assert missing_items(form, answers) == ()
        for result in scores_of(form, answers, sex="female"):
            not_applicable = name == "satisfaction" and "9" in answers.values()
            assert result.state is ScoreState.SCORED or not_applicable, (result, answers)
