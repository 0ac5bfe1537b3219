"""Which facts whoever answers has to say, and whether enough were right."""

from datetime import UTC, datetime, timedelta

import pytest

from care.consent import Purpose
from followup.identity import IdentityCheck, IdentityFacts, IdentityRisk, NeededChecks, needed_checks, risk_of
from runtime.content.library import Content
from runtime.settings import REPOSITORY

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CONTENT = Content(REPOSITORY / "content")
DEFAULT = CONTENT.identity_rules["default"]
NAME, DAY, AGE, WARD = IdentityCheck.NAME, IdentityCheck.BORN_MONTH_DAY, IdentityCheck.AGE, IdentityCheck.WARD


def facts(**values: object) -> IdentityFacts:
    return IdentityFacts(
        **{  # type: ignore[arg-type]
            "risk": IdentityRisk.STANDARD,
            "number_verified": False,
            "same_agent_spoke_at": None,
            "now": NOW,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ({NAME, DAY}, True),
        ({NAME, AGE}, True),
        ({NAME, IdentityCheck.DISCHARGE_MONTH}, True),
        ({NAME, WARD}, True),
        ({NAME}, False),
        ({DAY, AGE, WARD}, False),
        ({NAME, IdentityCheck.ID_DIGITS}, False),
        (set(), False),
    ],
)
def test_the_default_is_the_name_and_one_more_fact(said: set[IdentityCheck], enough: bool) -> None:
    needed = needed_checks(DEFAULT, facts())
    assert needed.met_by(said) is enough
    assert bool(needed.missing(said)) is not enough


def test_questions_of_the_mind_ask_for_one_fact_more() -> None:
    needed = needed_checks(DEFAULT, facts(risk=IdentityRisk.HIGH))
    assert (needed.met_by({NAME, DAY}), needed.met_by({NAME, DAY, AGE})) == (False, True)


@pytest.mark.parametrize(
    ("changed", "name_alone"),
    [
        ({}, True),
        ({"number_verified": False}, False),
        ({"same_agent_spoke_at": None}, False),
        ({"same_agent_spoke_at": NOW - timedelta(days=31)}, False),
        ({"risk": IdentityRisk.HIGH}, False),
    ],
)
def test_a_verified_number_and_the_same_nurse_within_thirty_days_need_the_name_alone(
    changed: dict[str, object], name_alone: bool
) -> None:
    known = {"number_verified": True, "same_agent_spoke_at": NOW - timedelta(days=30), **changed}
    assert needed_checks(DEFAULT, facts(**known)).met_by({NAME}) is name_alone


def test_digits_of_an_identity_card_are_asked_by_no_rule_but_the_strict_one() -> None:
    for rule in CONTENT.identity_rules.values():
        asked = {check for needed in rule.risks.values() for check in needed.every | needed.some}
        assert (IdentityCheck.ID_DIGITS in asked) is (rule.id == "strict")


def test_the_opening_asks_for_no_digits_and_tells_of_no_stay() -> None:
    line = next(each.text for each in CONTENT.scripts["opening"].lines if each.key == "identity")
    for told in ("后四位", "四位", "出院", "病区", "科", "last four", "discharge", "ward"):
        assert told not in line.zh
        assert told not in line.en


def test_the_risk_follows_purpose_and_form() -> None:
    assert risk_of(Purpose.CARE, sensitive_form=False) is IdentityRisk.STANDARD
    assert risk_of(Purpose.SURVEY, sensitive_form=False) is IdentityRisk.LOW
    assert risk_of(Purpose.REMINDER, sensitive_form=True) is IdentityRisk.HIGH


@pytest.mark.parametrize(("every", "some", "count"), [((), (), 0), ((NAME,), (DAY,), 2)])
def test_a_rule_that_asks_for_nothing_or_for_more_than_it_lists_is_refused(
    every: tuple[IdentityCheck, ...], some: tuple[IdentityCheck, ...], count: int
) -> None:
    with pytest.raises(ValueError, match="identity rule"):
        NeededChecks(every=frozenset(every), some=frozenset(some), count=count)
