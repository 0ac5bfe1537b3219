"""Signs of danger in answers: the shipped rules say red, amber and yellow where they should, and nothing elsewhere."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from followup.alerts import AlertLevel
from followup.answer_alerts import EarlierAnswers, alerts_for, red_rules
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import an_instant

CONTENT = Content(REPOSITORY / "content")
NOW = an_instant("2026-11-18 10:10")  # 18:10 in the hospital


def signs(
    form: str,
    answers: Mapping[str, object],
    *earlier: EarlierAnswers,
    scores: Mapping[str, float] | None = None,
    at: datetime = NOW,
) -> list[tuple[str, str]]:
    found = alerts_for(form, CONTENT.answer_alerts, answers, earlier, at=at, zone="Asia/Shanghai", scores=scores)
    return [(sign.code, sign.level.value) for sign in found]


def weighed(at: str, kilograms: float) -> EarlierAnswers:
    return EarlierAnswers(at=an_instant(at), answers={"weight": kilograms})


def test_item_nine_is_red_by_itself_though_the_form_is_incomplete() -> None:
    assert signs("phq9", {"phq9_9": 1}) == [("thoughts_of_self_harm", "red")]
    assert signs("phq9", {"phq9_9": 0, "phq9_1": 3}) == []


@pytest.mark.parametrize(
    ("form", "score", "expected"),
    [
        ("phq9", 20, [("depression_severe", "amber")]),
        ("phq9", 19, [("depression_moderate", "yellow")]),
        ("phq9", 9, []),
        ("gad7", 15, [("anxiety_severe", "amber")]),
        ("gad7", 14, []),
    ],
)
def test_scores_speak_only_when_they_are_given(form: str, score: float, expected: list[tuple[str, str]]) -> None:
    assert signs(form, {}, scores={"total": score}) == expected
    assert signs(form, {}) == []


def test_very_high_blood_pressure_is_amber_without_a_symptom_and_red_with_one() -> None:
    assert signs("home_blood_pressure", {"systolic": 182, "diastolic": 112}) == [("blood_pressure_very_high", "amber")]
    assert signs("home_blood_pressure", {"systolic": 182, "diastolic": 112, "headache": False}) == [
        ("blood_pressure_very_high", "amber")
    ]
    assert signs("home_blood_pressure", {"systolic": 182, "diastolic": 112, "headache": True}) == [
        ("blood_pressure_very_high_with_symptom", "red")
    ]
    assert signs("home_blood_pressure", {"systolic": 138, "diastolic": 88}) == []


@pytest.mark.parametrize(
    ("kilograms", "earlier", "expected"),
    [
        (63.2, [weighed("2026-11-16 02:00", 61.0)], True),  # + 2.2 kg in two days
        (62.0, [weighed("2026-11-16 02:00", 61.0)], True),  # exactly 1 kg in two days
        (61.9, [weighed("2026-11-16 02:00", 61.0)], False),
        (62.5, [weighed("2026-11-13 02:00", 61.0)], False),  # + 1.5 kg in five days
        (63.0, [weighed("2026-11-11 02:00", 61.0)], True),  # + 2 kg in a week
        (64.0, [weighed("2026-11-10 02:00", 61.0)], False),  # longer ago than a week
        (63.2, [], False),
        (60.0, [weighed("2026-11-17 02:00", 61.0)], False),
    ],
)
def test_weight_that_rises_within_days_is_amber(
    kilograms: float, earlier: list[EarlierAnswers], expected: bool
) -> None:
    assert signs("home_weight", {"weight": kilograms}, *earlier) == ([("weight_gain", "amber")] if expected else [])


def test_days_of_a_span_are_those_of_the_patients_calendar() -> None:
    # 23:30 on the 16th in Shanghai and 0:30 on the 19th are three calendar days though little more than two pass.
    late = EarlierAnswers(at=an_instant("2026-11-16 15:30"), answers={"weight": 61.0})
    assert signs("home_weight", {"weight": 62.2}, late, at=an_instant("2026-11-18 15:59")) == [("weight_gain", "amber")]
    assert signs("home_weight", {"weight": 62.2}, late, at=an_instant("2026-11-18 16:30")) == []


def test_of_a_family_only_the_most_urgent_sign_counts_and_the_most_urgent_comes_first() -> None:
    assert signs("home_glucose", {"glucose": 3.2, "confused": True, "glucose_when": "fasting"}) == [
        ("glucose_low_with_confusion", "red"),
        ("unconscious_or_confused", "red"),
    ]
    assert signs("discharge_core", {"feeling": "worse", "temperature": 38.5, "chest_pain": True}) == [
        ("chest_pain", "red"),
        ("fever", "amber"),
        ("feels_worse", "yellow"),
    ]


@pytest.mark.parametrize("answer", [None, False, "", "no", 0])
def test_nothing_is_concluded_from_a_no_or_from_what_was_not_answered(answer: object) -> None:
    assert signs("discharge_core", {"chest_pain": answer}) == []


def test_a_yes_is_no_number_and_a_number_no_yes() -> None:
    assert signs("discharge_core", {"temperature": True, "chest_pain": 1, "missed_days": True}) == []


def test_the_answers_that_made_it_so_are_kept_with_the_sign() -> None:
    (sign,) = alerts_for(
        "home_blood_pressure",
        CONTENT.answer_alerts,
        {"systolic": 182, "diastolic": 100, "heart_rate": 80},
        [],
        at=NOW,
        zone="Asia/Shanghai",
    )
    assert sign.evidence == {"systolic": 182, "diastolic": 100}


def test_every_rule_names_an_item_or_score_that_a_shipped_form_has() -> None:
    items = {item.link_id for form in CONTENT.forms.values() for item in form.questions()}
    unknown = {
        f"{rule.code}: {item}"
        for rule in CONTENT.answer_alerts
        for item in rule.when.items() - items - ASKED_BY_NO_FORM_YET
    }
    assert unknown == set()
    assert {rule.form for rule in CONTENT.answer_alerts} - {"*"} <= set(CONTENT.forms)


ASKED_BY_NO_FORM_YET = frozenset({"chest_pain_minutes", "fainting", "fall_with_injury", "oxygen_saturation"})


def test_a_form_with_red_rules_is_known_by_its_items() -> None:
    items = {key: frozenset(item.link_id for item in form.questions()) for key, form in CONTENT.forms.items()}
    assert "chest_pain" in red_rules(["discharge_core"], CONTENT.answer_alerts, items)
    assert red_rules(["phq9"], CONTENT.answer_alerts, items) == ["thoughts_of_self_harm"]
    assert red_rules(["gad7", "satisfaction"], CONTENT.answer_alerts, items) == []


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"item": "a"}, "give bounds"),
        ({"item": "a", "at_least": 1, "values": [1]}, "give bounds"),
        ({"item": "a", "rises_by": 1}, "belong together"),
        ({"score": "total"}, "give bounds"),
        ({"item": "a", "score": "b", "at_least": 1}, "exactly one"),
        ({"every": [{"item": "a", "at_least": 1}], "at_least": 2}, "stand alone"),
        ({"item": "a", "more_than": 1}, "more_than"),
    ],
)
def test_a_rule_that_says_two_things_or_nothing_is_refused(
    tmp_path: Path, when: dict[str, object], message: str
) -> None:
    folder = tmp_path / "answer_alerts"
    folder.mkdir()
    words = {"zh": "甲", "en": "a"}
    rule = {"code": "odd", "level": "red", "title": words, "when": when}
    head = {"id": "odd", "version": 1, "status": "draft", "source": "tests", "form": "*", "title": words}
    (folder / "odd.yaml").write_text(yaml.safe_dump({**head, "rules": [rule]}, allow_unicode=True))
    with pytest.raises(ContentError, match=message):
        _ = Content(tmp_path).answer_alerts


def test_levels_are_shipped_with_words_in_both_languages() -> None:
    assert {level: clock.acknowledge_within for level, clock in CONTENT.alert_clocks.items()} == {
        AlertLevel.RED: timedelta(minutes=5),
        AlertLevel.AMBER: timedelta(hours=2),
        AlertLevel.YELLOW: None,
    }
    assert "120" in CONTENT.alert_clocks[AlertLevel.RED].advice["zh"]
    assert "120" in CONTENT.alert_clocks[AlertLevel.RED].advice["en"]
