"""How long recordings are kept: the longest rule wins, never below the law's least, never shorter unasked."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from care.consent import Purpose
from followup.alerts import AlertLevel
from followup.offsets import Offset
from followup.outcomes import AttemptOutcome
from followup.retention import (
    HoldState,
    Keeping,
    KeepingFacts,
    LegalHold,
    RetentionRule,
    RetentionRules,
    keeping_of,
    settle,
)
from runtime.content.library import Content
from runtime.content.retention import RetentionDocument
from runtime.settings import REPOSITORY

ZONE = ZoneInfo("Asia/Shanghai")
BEGUN = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
CONTENT = Content(REPOSITORY / "content")


def facts(**values: object) -> KeepingFacts:
    given_facts: dict[str, object] = {"begun_at": BEGUN, "purposes": frozenset({Purpose.CARE}), **values}
    return KeepingFacts(**given_facts)  # type: ignore[arg-type]


def rule(name: str, keep: str | None, **values: object) -> RetentionRule:
    return RetentionRule(id=name, keep=Offset.parse(keep) if keep else None, **values)  # type: ignore[arg-type]


def rules(*of: RetentionRule, floor: str = "30 d") -> RetentionRules:
    return RetentionRules(id="test", version=1, floor=Offset.parse(floor), rules=of)


def test_the_longest_of_all_matching_rules_wins_wherever_it_stands() -> None:
    some = (rule("a", "90 d"), rule("b", "3 y", purposes=frozenset({Purpose.CARE})), rule("c", "1 y"))
    for order in (some, some[::-1]):
        kept = keeping_of(rules(*order), facts(), ZONE)
        assert kept == Keeping(rule="b", until=datetime(2029, 11, 20, 2, 30, tzinfo=UTC))


def test_for_ever_is_longer_than_any_time() -> None:
    kept = keeping_of(rules(rule("a", "30 y"), rule("b", None)), facts(), ZONE)
    assert kept == Keeping(rule="b", until=None)


def test_what_no_rule_knows_is_kept_for_ever() -> None:
    kept = keeping_of(rules(rule("a", "90 d", purposes=frozenset({Purpose.SURVEY}))), facts(), ZONE)
    assert kept == Keeping(rule=None, until=None)


def test_the_laws_least_holds_where_a_rule_would_end_before_it() -> None:
    kept = keeping_of(rules(rule("a", "1 d"), floor="30 d"), facts(), ZONE)
    assert kept.until == BEGUN + timedelta(days=30)


@pytest.mark.parametrize(
    ("condition", "known", "matches"),
    [
        ({"purposes": frozenset({Purpose.SURVEY})}, {"purposes": frozenset({Purpose.CARE, Purpose.SURVEY})}, True),
        ({"purposes": frozenset({Purpose.SURVEY})}, {}, False),
        ({"departments": frozenset({"cardiology"})}, {"departments": frozenset({"cardiology", "surgery"})}, True),
        ({"departments": frozenset({"cardiology"})}, {}, False),
        ({"outcomes": frozenset({AttemptOutcome.BUSY})}, {"outcome": AttemptOutcome.BUSY}, True),
        ({"outcomes": frozenset({AttemptOutcome.BUSY})}, {}, False),
        ({"alert_levels": frozenset({AlertLevel.RED})}, {"alert_levels": frozenset({AlertLevel.RED})}, True),
        ({"alert_levels": frozenset({AlertLevel.RED})}, {"alert_levels": frozenset({AlertLevel.YELLOW})}, False),
        ({"complaint": True}, {"complaint": True}, True),
        ({"complaint": True}, {}, False),
        ({}, {"complaint": True}, True),
    ],
)
def test_a_rule_matches_when_every_condition_it_names_holds(
    condition: dict[str, object], known: dict[str, object], matches: bool
) -> None:
    assert rule("a", "1 y", **condition).matches(facts(**known)) is matches


_KEEPING = st.builds(
    Keeping,
    rule=st.sampled_from([None, "a", "b"]),
    until=st.one_of(st.none(), st.integers(0, 4000).map(lambda days: BEGUN + timedelta(days=days))),
)


@given(_KEEPING, _KEEPING)
def test_whatever_rules_say_later_nothing_is_ever_destroyed_earlier_without_a_word(
    before: Keeping, wanted: Keeping
) -> None:
    settled = settle(before, wanted)
    assert not settled.holds.is_shorter_than(before)
    assert settled.holds == wanted or settled.shorter == wanted


@given(st.permutations(["30 d", "1 y", "3 y"]))
def test_more_rules_never_make_it_shorter(times: list[str]) -> None:
    found = [
        keeping_of(rules(*(rule(f"r{n}", keep) for n, keep in enumerate(times[:count]))), facts(), ZONE)
        for count in (1, 2, 3)
    ]
    assert not any(later.is_shorter_than(earlier) for earlier, later in pairwise(found))


def a_hold() -> LegalHold:
    return LegalHold(
        id="h",
        patient_id="p",
        recording_id=None,
        case="D-7",
        reason="dispute",
        placed_by="a",
        placed_at=BEGUN,
        until=None,
    )


def test_a_hold_is_lifted_by_two_people_and_by_no_one_alone() -> None:
    hold = a_hold()
    with pytest.raises(ValueError, match="somebody has to ask for its release first"):
        hold.release(by="b", now=BEGUN)
    hold.ask_release(by="a", because="settled", now=BEGUN)
    with pytest.raises(ValueError, match="a second person has to"):
        hold.release(by="a", now=BEGUN)
    hold.release(by="b", now=BEGUN)
    assert (hold.state, hold.release_asked_by, hold.ended_by) == (HoldState.RELEASED, "a", "b")


def test_a_refused_release_leaves_the_hold_as_it_was() -> None:
    hold = a_hold()
    hold.ask_release(by="a", because="settled", now=BEGUN)
    hold.refuse_release()
    assert (hold.state, hold.release_asked_by, hold.release_because) == (HoldState.HELD, None, "")


def test_every_jurisdiction_has_rules_that_know_every_outcome() -> None:
    assert set(CONTENT.retention) == set(CONTENT.jurisdictions)
    for found in CONTENT.retention.values():
        for outcome in AttemptOutcome:
            assert keeping_of(found, facts(outcome=outcome), ZONE).rule is not None, (found.id, outcome)


def test_three_years_in_china_and_five_where_danger_was_heard() -> None:
    china = CONTENT.retention["cn"]
    spoken = facts(outcome=AttemptOutcome.CONNECTED_PATIENT)
    assert keeping_of(china, spoken, ZONE).until == datetime(2029, 11, 20, 2, 30, tzinfo=UTC)
    danger = facts(outcome=AttemptOutcome.CONNECTED_PATIENT, alert_levels=frozenset({AlertLevel.RED}))
    assert keeping_of(china, danger, ZONE).until == datetime(2031, 11, 20, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"floor": "60 d"}, "kept for less than the law's 60 d"),
        ({"floor": "soon"}, "is no distance in time"),
        ({"rules": [{"id": "a1", "keep": "-3 d", "words": {"zh": "a", "en": "a"}}]}, "is no time of keeping"),
        ({"rules": [{"id": "a1", "keep": "60 d", "words": {"zh": "a", "en": "a"}}] * 2}, "rules named twice: a1"),
        ({"rules": []}, "at least 1 item"),
    ],
)
def test_a_file_of_rules_that_cannot_be_is_refused_in_words(change: dict[str, object], said: str) -> None:
    document = {
        "id": "x",
        "version": 1,
        "status": "draft",
        "source": "tests",
        "floor": "30 d",
        "rules": [{"id": "a1", "keep": "31 d", "words": {"zh": "a", "en": "a"}}],
    }
    with pytest.raises(ValidationError, match=said):
        RetentionDocument.model_validate({**document, **change})
