"""Drafts repeat what was entered; proposals quote what was said; masks hide who it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Turn
from runtime.content.documents import ContentError
from transcription.notes import (
    AttemptFacts,
    FormAnswer,
    NoteProposal,
    ProposalKind,
    draft_note,
    load_note_words,
    propose_additions,
    redact,
)
from transcription.red_flags import alerts_in, flags_for, load_red_flags

CONTENT = Path(__file__).parents[3] / "content"
WORDS = load_note_words(CONTENT / "note_words" / "words.yaml")
FLAGS = flags_for(load_red_flags(CONTENT / "red_flags"), ["hypertension"])
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


def _turn(text: str, start: float, channel: Channel = Channel.PATIENT) -> Turn:
    return Turn(channel=channel, start=start, end=start + 4, text=text, confidence=0.9)


def _proposals(turns: list[Turn], note: str = "", language: str = "zh") -> list[NoteProposal]:
    return propose_additions(turns, alerts_in(turns, FLAGS, language), note, WORDS, language)


def test_symptoms_medicines_numbers_and_signs_of_danger_are_proposed_with_their_seconds() -> None:
    turns = [
        _turn("您有没有咳嗽?", 0, Channel.AGENT),
        _turn("有点头晕，晚上咳嗽", 5),
        _turn("阿司匹林在吃，血压150 92", 10),
        _turn("今天胸口痛", 20),
    ]
    found = _proposals(turns)
    assert [(each.kind, each.turn, each.start, each.end) for each in found] == [
        (ProposalKind.RED_FLAG, 2, 10, 14),
        (ProposalKind.RED_FLAG, 3, 20, 24),
        (ProposalKind.SYMPTOM, 1, 5, 9),
        (ProposalKind.MEDICINE, 2, 10, 14),
        (ProposalKind.NUMBER, 2, 10, 14),
    ]
    assert found[2].text == "症状: 头晕、咳嗽。患者原话: “有点头晕，晚上咳嗽”"
    assert found[4].text == "数值: 收缩压 150 mmHg、舒张压 92 mmHg。患者原话: “阿司匹林在吃，血压150 92”"


def test_the_agents_words_are_not_proposed() -> None:
    assert _proposals([_turn("您吃阿司匹林后头晕吗?", 0, Channel.AGENT)]) == []


def test_what_the_note_holds_already_is_not_proposed_again() -> None:
    assert _proposals([_turn("我头晕", 0)], note="患者诉头晕") == []


def test_english_words_count_only_whole() -> None:
    (proposal,) = _proposals([_turn("I take aspirin and feel dizzy in coffee shops", 0)], language="en")[:1]
    assert proposal.text == 'Symptoms: dizzy. Quote: "I take aspirin and feel dizzy in coffee shops"'


def test_the_same_turns_give_the_same_proposals() -> None:
    turns = [_turn("头晕，阿司匹林", 0), _turn("胸痛", 8)]
    assert _proposals(turns) == _proposals(turns)


def test_a_faulty_word_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"words\.yaml: status: Field required"):
        load_note_words(tmp_path / "words.yaml")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678,谢谢", "电话***,谢谢"),
        ("电话138 1234 5678", "电话***"),
        ("身份证11010519491231002X。", "身份证***。"),
        ("一三八一二三四五六七八", "***"),
        ("call +86 (10) 8888-7777 now", "call *** now"),
        ("write to wang.fang@example.org please", "write to *** please"),
        ("血压150/92,心率80", "血压150/92,心率80"),
        ("2026年11月28日复诊", "2026年11月28日复诊"),
    ],
)
def test_identifying_numbers_are_masked_and_values_stay(text: str, masked: str) -> None:
    assert redact(text) == masked


@given(before=st.text(max_size=10), number=st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), after=st.text(max_size=10))
def test_a_mobile_number_never_survives(before: str, number: str, after: str) -> None:
    assert number not in redact(before + number + after)
