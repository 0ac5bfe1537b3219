"""Signs of danger are heard when said, by homophones too, and not when denied."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from followup.alerts import AlertLevel
from followup.recordings import Channel, Turn
from runtime.content.documents import ContentError
from transcription.phrase_patterns import example_of
from transcription.red_flags import HeardAlert, RedFlag, alerts_in, flags_for, load_red_flags

CONTENT = Path(__file__).parents[3] / "content" / "red_flags"
SETS = load_red_flags(CONTENT)


def _turn(text: str, channel: Channel = Channel.PATIENT, start: float = 10.0) -> Turn:
    return Turn(channel=channel, start=start, end=start + 10, text=text, confidence=0.9)


def _alerts(*turns: Turn, language: str, sets: tuple[str, ...] = ()) -> list[HeardAlert]:
    return alerts_in(turns, flags_for(SETS, sets), language)


def _codes(text: str, language: str, *sets: str) -> set[tuple[str, str]]:
    return {(alert.code, alert.level.value) for alert in _alerts(_turn(text), language=language, sets=sets)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我今天胸口痛得厉害", "chest_pain"),
        ("昨天开始凶痛", "chest_pain"),  # 胸痛 by its sound
        ("我呼吸坤南", "severe_breathlessness"),  # 呼吸困难 without regard to tones
        ("受不了胸痛", "chest_pain"),
        ("无缘无故晕倒了", "unconscious_or_confused"),
        ("忍不住呕血", "heavy_bleeding"),
        ("我不想活了", "suicidal_thoughts"),
        ("没有力气，胸痛", "chest_pain"),
        ("我是不是心绞痛啊", "chest_pain"),
    ],
)
def test_a_red_sign_in_chinese_is_heard(text: str, code: str) -> None:
    assert (code, "red") in _codes(text, "zh")


@pytest.mark.parametrize(
    "text",
    [
        "没有胸痛",
        "我没什么胸痛",
        "没有胸痛、呼吸困难或晕倒",
        "从来没有晕倒过",
        "不想自杀",
        "他们要去学习",
        "我挺好的，谢谢",
        "体温36.5度",
    ],
)
def test_what_is_denied_or_harmless_in_chinese_raises_nothing(text: str) -> None:
    assert _codes(text, "zh") == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I've had chest pain since yesterday", "chest_pain"),
        ("I can’t breathe", "severe_breathlessness"),
        ("No fever, but I fainted twice.", "unconscious_or_confused"),
        ("I'm not sure, chest pain maybe", "chest_pain"),
        ("Sometimes I want to die.", "suicidal_thoughts"),
        ("I can't stand this chest pain", "chest_pain"),
    ],
)
def test_a_red_sign_in_english_is_heard(text: str, code: str) -> None:
    assert (code, "red") in _codes(text, "en")


@pytest.mark.parametrize(
    "text",
    [
        "No chest pain.",
        "I don't have any chest pain or difficulty breathing.",
        "I have never had chest pain",
        "I don't want to die.",
        "I use the confuser remote",
        "Fine, thank you.",
    ],
)
def test_what_is_denied_or_harmless_in_english_raises_nothing(text: str) -> None:
    assert _codes(text, "en") == set()


def test_a_value_over_its_limit_raises_the_flag_of_the_patients_sets_only() -> None:
    assert _codes("血压182 112", "zh", "hypertension") == {("blood_pressure_very_high", "amber")}
    assert _codes("血压182 112", "zh") == set()
    assert _codes("体温38.6度", "zh") == {("high_fever", "amber")}
    assert _codes("体温38.1度", "zh", "oncology") == {("neutropenic_fever", "red")}
    assert _codes("血氧87", "zh", "copd") == {("oxygen_very_low", "red")}


def test_the_agents_words_raise_nothing_by_themselves() -> None:
    assert _alerts(_turn("如果胸痛请立即拨打120", Channel.AGENT), language="zh") == []


def test_a_sign_asked_about_and_affirmed_counts_as_the_patients() -> None:
    asked = _turn("您好。最近有没有胸痛?", Channel.AGENT, 0)
    (alert,) = _alerts(asked, _turn("有，昨天晚上"), language="zh")
    assert (alert.code, alert.level, alert.at, alert.turn) == ("chest_pain", AlertLevel.RED, 10.0, 1)
    assert _alerts(asked, _turn("没有"), language="zh") == []
    (english,) = _alerts(_turn("Do you have chest pain?", Channel.AGENT, 0), _turn("Yes, a bit."), language="en")
    assert english.code == "chest_pain"


@pytest.mark.parametrize(
    ("asked", "answer", "language", "codes"),
    [
        ("有没有胸痛、呼吸困难?", "有", "zh", ["chest_pain"]),
        ("有没有胸痛、呼吸困难?", "嗯", "zh", []),
        ("胸口还痛不痛", "痛", "zh", ["chest_pain"]),
        ("所以您是胸口痛，对吧", "对。", "zh", ["chest_pain"]),
        ("那我确认一下，您这两天胸口痛，喘不上气。对吗？", "对，是的。", "zh", ["chest_pain", "severe_breathlessness"]),
        ("您是说您昨天晕倒了", "是的", "zh", ["unconscious_or_confused"]),
        ("So you have had chest pain since yesterday.", "Yes, that's right.", "en", ["chest_pain"]),
        ("You passed out. Is that right?", "Correct.", "en", ["unconscious_or_confused"]),
        ("您没有胸痛，对吗", "对", "zh", []),
        ("So you have no chest pain, right?", "Right.", "en", []),
        ("如果胸口痛要马上打120，知道吗", "对，知道", "zh", []),
        ("If you have chest pain call 911, okay?", "Yes.", "en", []),
        ("您以前胸痛过吗", "有", "zh", []),
        ("那出现胸痛要马上来医院", "好的", "zh", []),
        ("所以如果胸口痛您就打120，对吧", "对", "zh", []),
        ("胸痛随时打急救电话，对吧", "对", "zh", []),
        ("So call us for chest pain or bleeding.", "Yes.", "en", []),
    ],
)
def test_what_the_agent_asks_or_repeats_counts_where_it_is_affirmed(
    asked: str, answer: str, language: str, codes: list[str]
) -> None:
    alerts = _alerts(_turn(asked, Channel.AGENT, 0), _turn(answer), language=language)
    assert sorted(alert.code for alert in alerts) == codes


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("胸口从来没这么痛过", "zh"),
        ("从没胸口痛得这么厉害", "zh"),
        ("I have never felt chest pain like this", "en"),
        ("不能说没有胸痛", "zh"),
        ("要不是胸痛我也不打电话", "zh"),
        ("I wouldn't be calling if I didn't have chest pain", "en"),
        ("It's not that I don't have chest pain", "en"),
        ("I'm worried about the chest pain", "en"),
        ("我有chest pain", "zh"),
        ("I have chest pain", "zh"),
        ("我胸口痛得厉害", "en"),
    ],
)
def test_a_sign_behind_two_denials_or_in_the_other_language_is_heard(text: str, language: str) -> None:
    assert "chest_pain" in {alert.code for alert in _alerts(_turn(text), language=language)}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("胸痛头晕都没有", "zh"),
        ("胸痛、头晕、出血都没有", "zh"),
        ("Chest pain? No, nothing.", "en"),
        ("没有chest pain", "zh"),
        ("我胸不痛", "zh"),
        ("我胸不疼", "zh"),
        ("从来没有胸痛过", "zh"),
        ("No chest pain", "zh"),
    ],
)
def test_a_list_an_echo_or_a_foreign_word_that_is_denied_raises_nothing(text: str, language: str) -> None:
    assert _alerts(_turn(text), language=language) == []


def test_bleeding_that_did_not_stop_is_no_denial() -> None:
    assert ("heavy_bleeding", "red") in _codes("鼻血没止住", "zh")
    assert {code for code, _ in _codes("便血没有止住", "zh")} >= {"heavy_bleeding"}


def test_a_gain_of_weight_is_the_patients_and_of_now() -> None:
    assert _codes("两天胖了三斤", "zh", "heart_failure") == {("weight_gain", "amber")}
    for text in ("两天没胖三斤", "我爱人两天胖了三斤", "如果两天涨了三斤怎么办"):
        assert _codes(text, "zh", "heart_failure") == set()


def test_a_value_below_is_below_and_a_value_not_reached_is_none() -> None:
    assert _codes("血氧不到90", "zh", "copd") == {("oxygen_low", "amber")}
    assert _codes("血氧低于88", "zh", "copd") == {("oxygen_very_low", "red")}
    assert _codes("血压没到180", "zh", "hypertension") == set()
    assert _codes("血压低于180", "zh", "hypertension") == set()
    assert _codes("血压没超过180", "zh", "hypertension") == set()
    assert _codes("my blood pressure was never over 180", "en", "hypertension") == set()
    assert _codes("血压超过180", "zh", "hypertension") == {("blood_pressure_very_high", "amber")}
    assert _codes("血压不是190，是130", "zh", "hypertension") == set()
    assert _codes("膝盖能弯到40度", "zh", "oncology") == set()


def test_an_alert_names_its_second_its_turn_and_the_words() -> None:
    (alert,) = _alerts(_turn("Hello.", Channel.AGENT, 0), _turn("Well. I have chest pain today."), language="en")
    assert (alert.turn, alert.heard) == (1, "chest pain")
    assert alert.at == pytest.approx(10 + 10 * 13 / 30, abs=0.1)


def test_a_sign_said_twice_is_one_alert_at_its_first_second() -> None:
    alerts = _alerts(_turn("胸痛", start=5), _turn("还是胸痛", start=50), language="zh")
    assert [(alert.code, alert.turn) for alert in alerts] == [("chest_pain", 0)]


@settings(deadline=None)  # the first sentence waits for the phrases to be compiled
@given(st.text(max_size=60), st.sampled_from(["zh", "en"]))
def test_any_text_gives_alerts_within_its_turn(text: str, language: str) -> None:
    for alert in _alerts(_turn(text), language=language, sets=tuple(SETS)):
        assert 10 <= alert.at <= 20
        assert alert.turn == 0


@pytest.mark.parametrize("name", sorted(SETS))
def test_the_shipped_set_is_a_draft_that_names_its_source_in_both_languages(name: str) -> None:
    shipped = SETS[name]
    assert shipped.status == "draft"
    assert shipped.source
    for flag in shipped.flags:
        assert set(flag.title) == {"zh", "en"}
        assert flag.zh or flag.zh_exact or flag.measured or flag.every, flag.code
        assert bool(flag.zh or flag.zh_exact) == bool(flag.en), flag.code


def _is_raised(flag: RedFlag, alerts: list[HeardAlert]) -> bool:
    """Itself, a more urgent one of its family, or nothing where it is only a part of others."""
    return flag.level is None or any(alert.code == flag.code or alert.family == flag.family != "" for alert in alerts)


@pytest.mark.parametrize("name", sorted(SETS))
def test_each_shipped_phrase_raises_its_flag(name: str) -> None:
    unheard = [
        phrase
        for flag in SETS[name].flags
        for language, phrases in (("zh", (*flag.zh, *flag.zh_exact)), ("en", flag.en))
        for phrase in phrases
        for said in [example_of(phrase)]
        for text in [said.replace(" ", "") if language == "zh" else f"Well, {said} today."]
        if not _is_raised(flag, _alerts(_turn(text), language=language, sets=(name,)))
    ]
    assert unheard == []


def test_a_faulty_file_is_named_with_its_fault(tmp_path: Path) -> None:
    (tmp_path / "general.yaml").write_text("id: general\nversion: 1\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"general\.yaml.*flags"):
        load_red_flags(tmp_path)
    (tmp_path / "general.yaml").unlink()
    with pytest.raises(ContentError, match=r"holds no general\.yaml"):
        load_red_flags(tmp_path)


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(ContentError, match="called gout"):
        flags_for(SETS, ["gout"])
