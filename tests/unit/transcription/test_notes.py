"""Drafts repeat what was entered."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from followup.outcomes import AttemptOutcome
from transcription.notes import AttemptFacts, FormAnswer, draft_note

DIALED = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)


def _facts(outcome: AttemptOutcome, **changes: object) -> AttemptFacts:
    given_facts: dict[str, object] = {
        "outcome": outcome,
        "reason_for_call": "出院后48小时",
        "dialed_at": DIALED,
        "answered_at": DIALED + timedelta(seconds=12),
        "ended_at": DIALED + timedelta(seconds=12 + 135),
        "agent": "王护士",
        "zone": ZoneInfo("Asia/Shanghai"),
        "answers": (FormAnswer(question="现在感觉怎么样?", answer="好转"),),
        "agreed": ("11月28日到心内科门诊复诊",),
        "next_contact": "2026-11-28",
    }
    return AttemptFacts(**(given_facts | changes))  # type: ignore[arg-type]


def test_the_chinese_draft_says_who_when_how_long_and_what_was_agreed() -> None:
    assert draft_note(_facts(AttemptOutcome.CONNECTED_PATIENT), "zh") == (
        "2026-11-21 09:30 电话随访(出院后48小时), 王护士: 已与患者本人通话, 通话2分15秒。\n"
        "现在感觉怎么样? 好转\n"
        "约定: 11月28日到心内科门诊复诊\n"
        "下次联系: 2026-11-28"
    )


def test_the_english_draft_names_the_relative_who_spoke() -> None:
    facts = _facts(
        AttemptOutcome.CONNECTED_PROXY, reason_for_call="48 h after discharge", agent="Nurse Wang",
        spoke_with="daughter", answers=(), agreed=(), next_contact=None,
    )  # fmt: skip
    assert draft_note(facts, "en") == (
        "2026-11-21 09:30 telephone follow-up (48 h after discharge), Nurse Wang:"
        " Spoke with a relative or caregiver (daughter), 2 min 15 s."
    )


def test_an_unanswered_automated_call_is_one_line_without_a_length() -> None:
    facts = _facts(AttemptOutcome.NO_ANSWER, answered_at=None, agent=None, answers=(), agreed=(), next_contact=None)
    assert draft_note(facts, "zh") == "2026-11-21 09:30 电话随访(出院后48小时), 自动外呼: 无人接听。"


@pytest.mark.parametrize("outcome", [AttemptOutcome.WRONG_NUMBER, AttemptOutcome.CONNECTED_WRONG_PERSON])
def test_a_strangers_answers_never_enter_the_patients_note(outcome: AttemptOutcome) -> None:
    note = draft_note(_facts(outcome), "zh")
    assert "好转" not in note
    assert "复诊" not in note


@pytest.mark.parametrize("outcome", list(AttemptOutcome))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_outcome_has_its_words(outcome: AttemptOutcome, language: str) -> None:
    assert draft_note(_facts(outcome), language).startswith("2026-11-21 09:30")
