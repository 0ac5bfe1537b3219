"""The outline of a call: its lines, each quoting its turn, and what is left out because nobody can be sure of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.alerts import AlertLevel
from followup.notes import Clarity, NoteSection
from followup.recordings import Channel, Turn
from runtime.content.documents import ContentError
from tests.support.spoken_turns import a_talk
from transcription.note_words import load_note_words
from transcription.outline import Outline, outline_of
from transcription.outline_words import ask_to_listen
from transcription.red_flags import HeardAlert

CONTENT = Path(__file__).parents[3] / "content"
WORDS = load_note_words(CONTENT / "note_words" / "words.yaml")

CHINESE = """
A: 您好，请问是李小伟本人吗？
P: 是的，我就是。
A: 您现在感觉怎么样？
P: 好多了，就是晚上有点咳嗽。
A: 有没有头晕、恶心？
P: 没有。
A: 药都按时吃了吗？
P: 有两天忘了吃阿司匹林。
A: 这两天血压多少？
P: 早上量的一百四十到九十。
P: 我能不能吃鸡蛋啊？
A: 可以吃，一天一个。
A: 请您按时吃药，注意低盐饮食。下周三上午九点来心内科门诊复查。
P: 好的，体重两天涨了三斤。
"""
ENGLISH = """
A: Hello, is this Mr. Brown?
P: This is his daughter.
A: How is he feeling now?
P: Much better, but he still has a cough at night.
A: Any chest pain or dizziness?
P: No, not at all.
A: Is he taking his medicines?
P: He forgot to take the aspirin on two days.
A: What was his blood pressure?
P: It was one fifty over ninety five this morning.
P: Can he drive a car?
A: Not yet, please wait two weeks. His next appointment is on Tuesday at 9 am.
"""


def _lines(outline: Outline) -> list[tuple[str, str]]:
    return [(line.section.value, line.text) for line in outline.lines]


def test_a_chinese_call_becomes_an_outline_in_its_fixed_order() -> None:
    assert _lines(outline_of(a_talk(CHINESE), [], "", WORDS, "zh")) == [
        ("reached", "接听者自述: 本人。患者原话: “是的，我就是。”"),
        ("condition", "病情自述: 自觉好转。患者原话: “好多了，就是晚上有点咳嗽。”"),
        ("symptom", "症状: 咳嗽。患者原话: “好多了，就是晚上有点咳嗽。”"),
        ("symptom", "否认症状: 头晕、恶心。问: “有没有头晕、恶心？” 答: “没有。”"),
        ("number", "数值: 收缩压 140 mmHg、舒张压 90 mmHg。患者原话: “早上量的140/90。”"),
        ("number", "数值: 体重增加 1.5 kg(2天内)。患者原话: “好的，体重2天涨了3斤。”"),
        ("medicine", "用药: 阿司匹林(漏服)。患者原话: “有2天忘了吃阿司匹林。”"),
        ("question", "患者提问: “我能不能吃鸡蛋啊？” 答: “可以吃，一天一个。”"),
        ("advice", "医护建议: “请您按时吃药，注意低盐饮食。”"),
        ("appointment", "复诊(医护): 下周三上午9点。“下周三上午9点来心内科门诊复查。”"),
    ]


def test_an_english_call_with_a_relative_is_told_of_the_patient() -> None:
    assert _lines(outline_of(a_talk(ENGLISH, "en"), [], "", WORDS, "en", by_relative=True)) == [
        ("reached", 'Reached: daughter. Quote: "This is his daughter."'),
        ("condition", 'Condition: feels better. Quote: "Much better, but he still has a cough at night."'),
        ("symptom", 'Symptoms: cough. Quote: "Much better, but he still has a cough at night."'),
        (
            "symptom",
            'Denies: chest pain, dizziness. Asked: "Any chest pain or dizziness?" Answer: "No, not at all."',
        ),
        (
            "number",
            'Values: systolic pressure 150 mmHg, diastolic pressure 95 mmHg. Quote: "It was 150/95 this morning."',
        ),
        ("medicine", 'Medicines: aspirin (missed doses). Quote: "He forgot to take the aspirin on 2 days."'),
        ("question", 'The patient asked: "Can he drive a car?" Answer: "Not yet, please wait 2 weeks."'),
        ("advice", 'Advice given: "Not yet, please wait 2 weeks."'),
        ("appointment", 'Next appointment (agent): Tuesday at 9 am. "His next appointment is on Tuesday at 9 am."'),
    ]


@pytest.mark.parametrize(("talk", "language"), [(CHINESE, "zh"), (ENGLISH, "en")])
def test_every_line_quotes_its_turn_and_lies_within_its_seconds(talk: str, language: str) -> None:
    turns = a_talk(talk, language)
    for line in outline_of(turns, [], "", WORDS, language).lines:
        quoted = line.quote.split(" / ")
        assert len(quoted) == len(line.turns)
        for words, number in zip(quoted, line.turns, strict=True):
            assert words in turns[number].as_written
            assert turns[number].start - 0.01 <= line.end
            assert line.start <= turns[number].end + 0.01
        assert min(turns[number].start for number in line.turns) <= line.start < line.end
        assert line.end <= max(turns[number].end for number in line.turns) + 0.01


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("P: 我没有头晕恶心", "否认症状: 头晕、恶心"),
        ("P: 头不晕了，脚还有点肿", "否认症状: 头晕"),
        ("P: 现在还是头晕", "症状: 头晕"),
        ("P: 住院的时候头晕过", "曾有症状: 头晕"),
        ("P: 我爱人最近头晕", ""),
        ("P: 如果头晕怎么办", ""),
        ("P: 吃这个药会不会头晕", ""),
        ("A: 您吃药后头晕吗？", ""),
        ("A: 有没有头晕、咳嗽？\nP: 有一点", ""),
        ("A: 有没有咳嗽？\nP: 有一点", "症状: 咳嗽"),
        ("A: 您没有头晕吧？\nP: 嗯", ""),
    ],
)
def test_a_symptom_counts_as_the_patient_means_it(said: str, told: str) -> None:
    found = [line.text for line in outline_of(a_talk(said), [], "", WORDS, "zh").lines if line.section == "symptom"]
    assert [text.split("。")[0] for text in found] == ([told] if told else [])


def test_what_was_hardly_heard_is_not_proposed_from_but_named() -> None:
    turns = a_talk("A: 感觉怎么样？\nP: 好多了，谢谢你们打电话来。\nP?: 头晕")
    outline = outline_of(turns, [], "", WORDS, "zh")
    assert (outline.clarity, [line.section for line in outline.lines]) == (Clarity.PARTLY, [NoteSection.CONDITION])
    assert [(passage.start, passage.end) for passage in outline.passages] == [(turns[2].start, turns[2].end)]


def test_a_call_that_was_not_understood_gives_signs_of_danger_only_and_asks_to_listen() -> None:
    turns = a_talk("A: 感觉怎么样？\nP?: 胸口痛得厉害，血压一百八\nP: 好的")
    alert = HeardAlert(code="chest_pain", level=AlertLevel.RED, at=turns[1].start, turn=1, heard="胸口痛")
    outline = outline_of(turns, [alert], "", WORDS, "zh")
    assert outline.clarity is Clarity.UNCLEAR
    (line,) = outline.lines
    assert (line.section, line.text.split("。")[0]) == (
        NoteSection.RED_FLAG,
        "红色警示(听得不清, 请先听录音): 胸口痛",
    )


def test_a_patient_who_was_not_heard_at_all_makes_the_call_unclear() -> None:
    outline = outline_of(a_talk("A: 喂，您好？\nA: 喂？"), [], "", WORDS, "zh")
    assert (outline.clarity, outline.lines, outline.confidence) == (Clarity.UNCLEAR, (), 0.0)


def test_who_only_pressed_keys_is_not_called_misunderstood() -> None:
    silent, noisy = ask_to_listen(Clarity.UNCLEAR, 0.0), ask_to_listen(Clarity.UNCLEAR, 0.4)
    assert silent is not None
    assert noisy is not None
    assert silent["zh"].startswith("录音中没有听到患者说话")
    assert noisy["en"].startswith("Most of what the patient said was not understood")
    assert ask_to_listen(Clarity.CLEAR, 0.9) is None


def test_two_signs_of_danger_in_one_sentence_are_two_lines() -> None:
    turns = a_talk("P: 我胸口疼得厉害，喘不上气")
    signs = [("chest_pain", "胸口疼"), ("severe_breathlessness", "喘不上气"), ("chest_pain", "胸口疼")]
    alerts = [
        HeardAlert(code=code, level=AlertLevel.RED, at=turns[0].start, turn=0, heard=heard) for code, heard in signs
    ]
    lines = outline_of(turns, alerts, "", WORDS, "zh").lines
    assert [line.text.split("。")[0] for line in lines if line.section is NoteSection.RED_FLAG] == [
        "红色警示: 胸口疼",
        "红色警示: 喘不上气",
    ]


def test_what_the_note_holds_already_is_not_proposed_again() -> None:
    talk = a_talk("P: 我头晕，血压150/90")
    assert outline_of(talk, [], "患者诉头晕, 血压 150/90", WORDS, "zh").lines == ()


def test_a_thing_said_twice_is_one_line_at_its_first_second() -> None:
    turns = a_talk("P: 有点头晕\nA: 嗯\nP: 就是头晕")
    (line,) = outline_of(turns, [], "", WORDS, "zh").lines
    assert line.turns == (0,)


@given(
    spoken=st.lists(
        st.tuples(
            st.sampled_from(Channel),
            st.text(alphabet="我没有头晕吗血压140/90吃药阿司匹林，。？下周三复诊 don't any cough?", max_size=40),
            st.floats(0, 1),
        ),
        max_size=6,
    ),
    language=st.sampled_from(["zh", "en"]),
)
def test_whatever_was_said_every_line_stands_in_its_turns(
    spoken: list[tuple[Channel, str, float]], language: str
) -> None:
    turns = [
        Turn(channel=channel, start=place * 3.0, end=place * 3.0 + 2, text=text, confidence=confidence)
        for place, (channel, text, confidence) in enumerate(spoken)
    ]
    outline = outline_of(turns, [], "", WORDS, language)
    assert outline == outline_of(turns, [], "", WORDS, language)
    for line in outline.lines:
        assert all(turns[number].confidence >= WORDS.limits.turn for number in line.turns)
        for words, number in zip(line.quote.split(" / "), line.turns, strict=True):
            assert words in turns[number].text


def test_a_faulty_word_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"words\.yaml: status: Field required"):
        load_note_words(tmp_path / "words.yaml")


@pytest.mark.parametrize(
    "said",
    [
        "我爱人血压一百八到一百一",
        "去年血压一百八到一百一",
        "血压不是一百六，是一百四",
        "血压从一百八降到一百四",
        "血压没到一百六",
        "体重一百三",
    ],
)
def test_no_value_is_proposed_that_is_not_the_patients_of_now_as_said(said: str) -> None:
    outline = outline_of(a_talk(f"A: 您说。\nP: {said}", "zh"), [], "", WORDS, "zh")
    assert not [line for line in outline.lines if line.section is NoteSection.NUMBER]


def test_the_worst_there_ever_was_is_not_written_down_as_denied() -> None:
    outline = outline_of(a_talk("A: 您说。\nP: 从来没有胸痛得这么厉害", "zh"), [], "", WORDS, "zh")
    (line,) = [line for line in outline.lines if line.section is NoteSection.SYMPTOM]
    assert line.text.startswith("症状: 胸痛")
