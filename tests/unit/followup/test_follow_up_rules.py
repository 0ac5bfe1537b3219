"""What a reading asks for: the rule sets as tables, the age, the reading before, and the day that decides."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.follow_up_rules import Control, RuleChoice, age_on, classify, rules_on
from runtime.content.library import Content
from runtime.settings import REPOSITORY

RULES = Content(REPOSITORY / "content").follow_up_rules
BPHS, NHC = RULES["BPHS-2017-hypertension"], RULES["NHC-primary-2025-hypertension"]
DIABETES = RULES["BPHS-2017-diabetes"]
FASTING = {"glucose_when": "fasting"}
C = Control


@pytest.mark.parametrize(
    ("rules", "age", "answers", "before", "control"),
    [
        (BPHS, 58, {"systolic": 134, "diastolic": 82}, None, C.CONTROLLED),
        (BPHS, 58, {"systolic": 139, "diastolic": 89}, C.REPEATEDLY_UNCONTROLLED, C.CONTROLLED),
        (BPHS, 58, {"systolic": 140, "diastolic": 80}, None, C.FIRST_UNCONTROLLED),
        (BPHS, 58, {"systolic": 120, "diastolic": 90}, C.CONTROLLED, C.FIRST_UNCONTROLLED),
        (BPHS, 58, {"systolic": 148, "diastolic": 92}, C.FIRST_UNCONTROLLED, C.REPEATEDLY_UNCONTROLLED),
        (BPHS, 58, {"systolic": 148, "diastolic": 92}, C.EMERGENCY, C.REPEATEDLY_UNCONTROLLED),
        (BPHS, 64, {"systolic": 146, "diastolic": 86}, None, C.FIRST_UNCONTROLLED),
        (BPHS, 65, {"systolic": 146, "diastolic": 86}, None, C.CONTROLLED),
        (BPHS, 66, {"systolic": 150, "diastolic": 86}, None, C.FIRST_UNCONTROLLED),
        (BPHS, None, {"systolic": 146, "diastolic": 86}, None, C.FIRST_UNCONTROLLED),
        (NHC, 58, {"systolic": 134, "diastolic": 82}, None, C.FIRST_UNCONTROLLED),
        (NHC, 66, {"systolic": 146, "diastolic": 86}, None, C.FIRST_UNCONTROLLED),
        (NHC, 80, {"systolic": 146, "diastolic": 86}, None, C.CONTROLLED),
        (BPHS, 58, {"systolic": 180, "diastolic": 80}, None, C.EMERGENCY),
        (BPHS, 58, {"systolic": 120, "diastolic": 110}, None, C.EMERGENCY),
        (BPHS, 58, {"systolic": 120, "diastolic": 80, "chest_pain": True}, None, C.EMERGENCY),
        (BPHS, 58, {"systolic": 120, "diastolic": 80, "chest_pain": False}, None, C.CONTROLLED),
        (BPHS, 58, {"systolic": 120, "diastolic": 80, "adverse_reaction": True}, None, C.FIRST_UNCONTROLLED),
        (BPHS, 58, {"systolic": 120, "diastolic": 80, "complication": True}, None, C.REPEATEDLY_UNCONTROLLED),
        (BPHS, 58, {"systolic": 120}, None, None),
        (BPHS, 58, {"systolic": True, "diastolic": "80"}, None, None),
        (DIABETES, 58, {"glucose": 6.9, **FASTING}, None, C.CONTROLLED),
        (DIABETES, 58, {"glucose": 7.0, **FASTING}, None, C.FIRST_UNCONTROLLED),
        (DIABETES, 58, {"glucose": 9.0, **FASTING}, C.FIRST_UNCONTROLLED, C.REPEATEDLY_UNCONTROLLED),
        (DIABETES, 58, {"glucose": 9.0, "glucose_when": "after_meal"}, None, None),
        (DIABETES, 58, {"glucose": 16.7, "glucose_when": "after_meal"}, None, C.EMERGENCY),
        (DIABETES, 58, {"glucose": 3.9, **FASTING}, None, C.EMERGENCY),
    ],
)
def test_a_reading_gets_the_class_of_the_table(
    rules: object, age: int | None, answers: dict[str, object], before: Control | None, control: Control | None
) -> None:
    found = classify(rules, answers, age=age, before=before)  # type: ignore[arg-type]
    assert (found.control if found is not None else None) == control


def test_only_what_is_uncontrolled_twice_in_a_row_bears_the_tag_with_its_evidence() -> None:
    high: dict[str, object] = {"systolic": 152, "diastolic": 94}
    first = classify(BPHS, high, age=58, before=C.CONTROLLED)
    second = classify(BPHS, high, age=58, before=C.FIRST_UNCONTROLLED)
    assert first is not None
    assert second is not None
    assert (first.tag, second.tag) == (None, "HTN-uncontrolled")
    assert second.because == ("systolic 152", "diastolic 94")


@given(st.integers(60, 260), st.integers(30, 160), st.integers(18, 100), st.sampled_from([None, *Control]))
def test_a_higher_reading_is_never_judged_milder(
    systolic: int, diastolic: int, age: int, before: Control | None
) -> None:
    order = [C.CONTROLLED, C.FIRST_UNCONTROLLED, C.REPEATEDLY_UNCONTROLLED, C.EMERGENCY]
    for rules in (BPHS, NHC):
        lower = classify(rules, {"systolic": systolic, "diastolic": diastolic}, age=age, before=before)
        higher = classify(rules, {"systolic": systolic + 1, "diastolic": diastolic + 1}, age=age, before=before)
        assert lower is not None
        assert higher is not None
        assert order.index(lower.control) <= order.index(higher.control)


def test_whatever_is_not_controlled_is_followed_up_within_two_weeks() -> None:
    for rules in RULES.values():
        for control in Control:
            actions = rules.actions[control]
            assert bool(actions) is (control is not C.CONTROLLED)
            assert all(action.latest.longest_hours <= 14 * 24 + 2 for action in actions)
            assert not actions or any(action.until_next_result for action in actions)


def test_the_rule_set_of_a_reading_is_the_one_chosen_for_its_day() -> None:
    choices = [
        RuleChoice(topic="hypertension", rule_set="NHC-primary-2025", effective_from=date(2026, 9, 1)),
        RuleChoice(topic="diabetes", rule_set="NHC-primary-2025", effective_from=date(2026, 1, 1)),
        RuleChoice(topic="hypertension", rule_set="BPHS-2017", effective_from=date(2027, 1, 1)),
    ]

    def chosen(day: date) -> str:
        found = rules_on(day, "hypertension", RULES.values(), choices)
        assert found is not None
        return found.rule_set

    assert chosen(date(2026, 8, 31)) == "BPHS-2017"
    assert chosen(date(2026, 9, 1)) == chosen(date(2026, 12, 31)) == "NHC-primary-2025"
    assert chosen(date(2027, 1, 1)) == "BPHS-2017"
    assert rules_on(date(2016, 1, 1), "hypertension", RULES.values(), []) is None
    assert rules_on(date(2026, 1, 1), "gout", RULES.values(), []) is None


def test_an_age_is_counted_in_full_years() -> None:
    assert age_on(date(1961, 9, 1), date(2026, 8, 31)) == 64
    assert age_on(date(1961, 9, 1), date(2026, 9, 1)) == 65
    assert age_on(None, date(2026, 9, 1)) is None
