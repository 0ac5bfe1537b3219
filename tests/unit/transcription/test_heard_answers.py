"""Answers heard in calls: proposed where question and answer are plain, and left out where they are not."""

from pathlib import Path

import pytest

from care.forms import AnswerValue, fitting
from runtime.content.library import Content
from tests.support.spoken_turns import a_talk
from transcription.heard_answers import answers_heard
from transcription.question_phrases import load_question_phrases

CONTENT = Path(__file__).parents[3] / "content"
FORMS = Content(CONTENT).forms
PHRASES = load_question_phrases(CONTENT / "heard_answers.yaml")
Found = dict[str, AnswerValue]


def _heard(
    talk: str, form: str = "discharge_core", language: str = "zh", *, by_relative: bool = False, **answers: AnswerValue
) -> Found:
    turns = a_talk(talk, language)
    found = answers_heard(turns, FORMS[form], answers, PHRASES, language, at_least=0.45, by_relative=by_relative)
    for one in found:
        item = FORMS[form].item(one.link_id)
        assert item is not None
        assert fitting(item, one.value) == one.value
        assert one.quote in turns[one.turns[-1]].as_written
    return {one.link_id: one.value for one in found}


def test_every_entry_is_a_question_of_some_form_and_names_its_options() -> None:
    items = {(form.id, item.link_id): item for form in FORMS.values() for item in form.questions()}
    for question in PHRASES.questions:
        form, _, link_id = question.item.rpartition(".")
        of_entry = [item for (name, link), item in items.items() if link == link_id and form in ("", name)]
        assert of_entry, f"no form asks {question.item}"
        for item in of_entry:
            assert set(question.options) <= {option.value for option in item.options}, question.item


@pytest.mark.parametrize(
    ("talk", "found"),
    [
        ("A: 您现在感觉怎么样？\nP: 好多了", {"feeling": "better"}),
        ("A: 您现在感觉怎么样？\nP: 跟以前一样吧，差不多", {"feeling": "same"}),
        ("A: 感觉如何？\nP: 比出院的时候更难受了", {"feeling": "worse"}),
        ("A: 感觉怎么样？\nP: 腿好多了，头更厉害了", {}),
        ("A: 出院带的药都拿到了吗？\nP: 都拿到了", {"medicines_obtained": True}),
        ("A: 出院带的药都拿到了吗？\nP: 还没拿呢", {"medicines_obtained": False}),
        ("A: 药都拿到了吗？\nP: 嗯", {"medicines_obtained": True}),
        ("A: 药没拿到的没有吧？\nP: 嗯", {}),
        ("A: 过去七天漏服了几天？\nP: 两天吧", {"missed_days": 2}),
        ("A: 过去七天漏服了几天？\nP: 一次都没有漏", {"missed_days": 0}),
        ("A: 过去七天漏服了几天？\nP: 有个一两天", {}),
        ("A: 过去七天漏服了几天？\nP: 九天", {}),
        ("A: 有没有漏服？\nP: 没有", {"missed_days": 0}),
        ("A: 药都拿到了吗？\nP: 拿到了吗？", {}),
        ("A: 药都拿到了吗？\nP: 不是，我问一下能不能吃鸡蛋", {}),
        ("A: 药都拿到了吗？\nA: 您稍等一下\nP: 好的", {}),
        ("A: 过去七天漏服了几天？\nP: 今天第三天", {}),
        ("A: 过去七天漏服了几天？\nP: 我三号出院的", {}),
        ("A: 过去七天漏服了几天？\nP: 我女儿两点来", {}),
        ("A: 过去七天漏服了几天？\nP: 没有两天", {}),
        ("A: 过去七天漏服了几天？\nP: 一周", {}),
        ("A: 过去七天漏服了几天？\nP: 我爱人漏了两天", {}),
        ("A: 过去七天漏服了几天？\nP: 我爱人说漏了两天", {"missed_days": 2}),
        ("A: 感觉怎么样？\nP: 我爱人好多了", {}),
        ("A: 知道复诊的时间和地点吗？\nP: 不知道啊", {"knows_appointment": False}),
        ("A: 知道复诊的时间和地点吗？\nP: 知道，下周三", {"knows_appointment": True}),
        ("A: 家里有人照顾吗？\nP: 我女儿在", {"cared_for": True}),
        ("A: 家里有人照顾吗？\nP: 就我一个人", {"cared_for": False}),
        ("A: 伤口怎么样？\nP: 有点红肿", {"wound": "red"}),
        ("A: 伤口怎么样？\nP: 没有红肿，挺干净的", {"wound": "good"}),
        ("A: 量过体温吗？最高多少度？\nP: 三十七度八", {"temperature": 37.8}),
        ("A: 还有什么要问的吗？\nP: 没有了", {}),
        ("A: 还有什么要问的吗？\nP: 什么时候能洗澡？", {"questions": "什么时候能洗澡？"}),
        ("A: 有没有新的不舒服？\nP: 晚上腿有点抽筋", {"new_symptoms": "晚上腿有点抽筋"}),
        ("A: 您有没有不舒服,药有没有每天吃\nP: 我现在挺好的伤口已经不疼了", {}),
        ("A: 药都拿到了吗？漏服了几天？\nP: 嗯", {}),
        ("A: 感觉怎么样？\nP?: 好多了", {}),
        ("A?: 药都拿到了吗？\nP: 拿到了", {}),
        ("P: 好多了，药都拿到了", {}),
        ("A: 药都拿到了吗？\nP: 拿到了\nA: 药真的都拿到了吗？\nP: 哦，差一种", {}),
    ],
)
def test_discharge_questions_in_chinese(talk: str, found: Found) -> None:
    assert _heard(talk) == found


@pytest.mark.parametrize(
    ("talk", "found"),
    [
        ("A: How are you feeling now?\nP: Much better, thank you.", {"feeling": "better"}),
        ("A: Do you have all the medicines prescribed at discharge?\nP: Yes, I do.", {"medicines_obtained": True}),
        ("A: Do you have all your medicines?\nP: One is missing.", {"medicines_obtained": False}),
        ("A: On how many of the last 7 days did you miss a medicine?\nP: Two days.", {"missed_days": 2}),
        ("A: Did you forget to take your pills?\nP: Never missed one.", {"missed_days": 0}),
        ("A: Do you know whom to call if you feel unwell?\nP: Yes, I know.", {"knows_whom_to_call": True}),
        ("A: Have you taken your temperature?\nP: It was 37.9.", {"temperature": 37.9}),
        ("A: You don't have all the medicines, do you?\nP: Yes.", {}),
        ("A: Any questions?\nP: No, thank you.", {}),
    ],
)
def test_discharge_questions_in_english(talk: str, found: Found) -> None:
    assert _heard(talk, language="en") == found


@pytest.mark.parametrize(
    ("form", "talk", "found"),
    [
        ("home_blood_pressure", "A: 血压多少？\nP: 一百三十五到八十五", {"systolic": 135, "diastolic": 85}),
        ("home_blood_pressure", "P: 今天血压一百三十五，八十五", {"systolic": 135, "diastolic": 85}),
        ("home_blood_pressure", "P: 早上血压150/90\nP: 晚上血压130/80", {}),
        ("home_blood_pressure", "P: 医生说血压应该在140/90以下", {}),
        ("home_blood_pressure", "A: 血压多少？\nP: 我爱人一百八到一百一", {}),
        ("home_blood_pressure", "A: 血压多少？\nP: 去年是一百八到一百一", {}),
        ("home_blood_pressure", "A: 血压多少？\nP: 没到一百六", {}),
        ("home_blood_pressure", "A: 血压多少？\nP: 不是一百六，是一百四", {}),
        ("home_blood_pressure", "P: 血压一百三，心率七十二", {"systolic": 130, "heart_rate": 72}),
        ("home_blood_pressure", "P: 血压没到一百六", {}),
        ("home_blood_pressure", "A: 血压多少？\nP: 八十五，一百三", {}),
        ("home_glucose", "A: 血糖是多少？\nP: 不到七", {}),
        ("home_glucose", "A: 血糖是多少？\nP: 六点五到七点二", {}),
        ("home_blood_pressure", "A: 头痛得厉害吗？\nP: 不厉害", {"headache": False}),
        ("home_glucose", "A: 血糖是多少？\nP: 空腹七点二", {"glucose": 7.2}),
        ("home_weight", "A: 今天早上体重多少公斤？\nP: 六十二点五", {"weight": 62.5}),
        ("home_weight", "A: 脚或腿肿吗？\nP: 不肿了", {"swelling": False}),
        ("pain_nrs", "A: 0是不痛，10是最痛，您现在有多痛？\nP: 三分吧", {"pain": 3}),
        ("pain_nrs", "A: 您现在有多痛？\nP: 三四分", {}),
        ("satisfaction", "A: 总体满意度？\nP: 很满意", {"overall": "5"}),
        ("satisfaction", "A: 总体满意度怎么样？\nP: 不满意", {"overall": "2"}),
        ("satisfaction", "A: 总体满意度怎么样？\nP: 不太满意", {}),
        (
            "phq2",
            "A: 过去两周，您有多经常受到这样的困扰：做事时提不起劲或没有兴趣？\nP: 好几天",
            {"phq2_1": "1"},
        ),
    ],
)
def test_other_forms(form: str, talk: str, found: Found) -> None:
    assert _heard(talk, form) == found


def test_what_was_entered_already_is_proposed_only_where_it_was_said_otherwise() -> None:
    talk = "A: 药都拿到了吗？\nP: 都拿到了"
    assert _heard(talk, medicines_obtained=True) == {}
    assert _heard(talk, medicines_obtained=False) == {"medicines_obtained": True}


def test_a_relative_is_not_heard_on_what_only_the_patient_can_say() -> None:
    talk = "A: 过去两周，您有多经常受到这样的困扰：感到心情低落、沮丧或绝望？\nP: 好几天"
    assert _heard(talk, "phq2") == {"phq2_2": "1"}
    assert _heard(talk, "phq2", by_relative=True) == {}


def test_a_yes_to_several_things_is_a_yes_to_none() -> None:
    asked = "A: 有没有胸痛或者头痛？"
    assert _heard(f"{asked}\nP: 有一点", "home_blood_pressure") == {}
