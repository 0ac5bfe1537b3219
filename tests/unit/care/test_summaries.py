"""A summary's states: what a draft allows, what a signature ends, and what stays possible afterwards."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from care.stage_facts import ContactWay, PersonFacts, ResultPoint
from care.summaries import StageSummary, SummaryChangedError, SummaryState, SummaryStateError
from tests.support.summaries import a_summary, empty_facts, full_facts

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


def a_draft() -> StageSummary:
    return a_summary(full_facts(), state=SummaryState.DRAFT)


def test_a_draft_without_a_conclusion_is_not_signed() -> None:
    draft = a_summary(full_facts(), state=SummaryState.DRAFT, conclusion=" \n")
    with pytest.raises(SummaryStateError, match="no conclusion"):
        draft.sign(version=1, by="d", name="陈医生", at=NOW)
    assert draft.state is SummaryState.DRAFT


def test_nobody_signs_or_overwrites_a_version_that_he_has_not_read() -> None:
    draft = a_draft()
    draft.rewrite(conclusion="好", next_steps="", version=1, by="a", at=NOW)
    assert draft.version == 2
    attempts: tuple[Callable[[], None], ...] = (
        lambda: draft.rewrite(conclusion="坏", next_steps="", version=1, by="b", at=NOW),
        lambda: draft.sign(version=1, by="d", name="陈医生", at=NOW),
        lambda: draft.gather_again(empty_facts(), version=1, by="b", at=NOW),
    )
    for late in attempts:
        with pytest.raises(SummaryChangedError, match="version 2"):
            late()
    assert draft.conclusion == "好"


def test_the_same_words_again_are_no_new_version() -> None:
    draft = a_draft()
    draft.rewrite(conclusion=draft.conclusion, next_steps=draft.next_steps, version=1, by="a", at=NOW)
    assert draft.version == 1


def test_what_is_signed_takes_no_change_and_is_taken_back_only_once() -> None:
    signed = a_summary(full_facts())
    changes: tuple[Callable[[], None], ...] = (
        lambda: signed.rewrite(conclusion="x", next_steps="", version=1, by="a", at=NOW),
        lambda: signed.gather_again(empty_facts(), version=1, by="a", at=NOW),
        lambda: signed.sign(version=1, by="d", name="李医生", at=NOW),
        lambda: signed.discard(by="a", because="wrong", at=NOW),
    )
    for change in changes:
        with pytest.raises(SummaryStateError, match="signed"):
            change()
    signed.withdraw(by="d", because="不是这个病人的结果", at=NOW)
    assert (signed.state, signed.settled_because) == (SummaryState.WITHDRAWN, "不是这个病人的结果")
    with pytest.raises(SummaryStateError, match="only a signed one"):
        signed.withdraw(by="d", because="again", at=NOW)


def test_only_a_signed_summary_is_sent() -> None:
    for state in (SummaryState.DRAFT, SummaryState.DISCARDED, SummaryState.WITHDRAWN):
        with pytest.raises(SummaryStateError, match="sent only once a doctor has signed"):
            a_summary(full_facts(), state=state).must_be_signed("sent")
    a_summary(full_facts()).must_be_signed("sent")


def test_calls_of_machines_and_of_people_are_counted_apart() -> None:
    assert full_facts().contacts_by_way() == {ContactWay.CALL: (4, 4), ContactWay.AUTOMATED: (1, 0)}


@pytest.mark.parametrize(
    ("day", "age"), [(date(2026, 3, 1), 57), (date(2026, 3, 2), 58), (date(2026, 12, 31), 58), (date(1968, 3, 2), 0)]
)
def test_age_is_in_full_years_of_the_day(day: date, age: int) -> None:
    assert PersonFacts(name="x", record_number="1", born=date(1968, 3, 2)).age_on(day) == age


@pytest.mark.parametrize(
    ("low", "high", "value", "mark"),
    [
        (3.9, 6.1, 3.89, "low"),
        (3.9, 6.1, 3.9, "within"),
        (3.9, 6.1, 6.1, "within"),
        (3.9, 6.1, 6.11, "high"),
        (None, 5.19, 1, "within"),
        (1.0, None, 0.9, "low"),
        (None, None, 9, "unknown"),
    ],
)
def test_a_result_is_held_against_its_own_range(low: float | None, high: float | None, value: float, mark: str) -> None:
    assert ResultPoint(at=NOW, value=value, low=low, high=high, source="x").mark == mark
