"""What patients write is read by rule: values within their limits, signs that are not denied, and nothing guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.replies import ReadReply, read_reply
from runtime.content.library import Content
from runtime.settings import REPOSITORY

RULES = Content(REPOSITORY / "content").replies


def values(reply: ReadReply) -> list[tuple[str, float, str]]:
    return [(each.code, each.value, each.unit) for each in reply.values]


@pytest.mark.parametrize(
    ("text", "code", "value", "unit"),
    [
        ("血糖3.5 手抖", "glucose", 3.5, "mmol/L"),
        ("血糖:3.5", "glucose", 3.5, "mmol/L"),
        ("我刚测的血糖是３．５", "glucose", 3.5, "mmol/L"),
        ("血糖 3,5 mmol/L", "glucose", 3.5, "mmol/L"),
        ("空腹血糖6.2", "glucose_fasting", 6.2, "mmol/L"),
        ("餐后血糖 11.0毫摩", "glucose_2h", 11.0, "mmol/L"),
        ("血糖63mg/dl", "glucose", 63.0, "mg/dL"),
        ("Glucose 3.5, shaking", "glucose", 3.5, "mmol/L"),
        ("血糖1.0", "glucose", 1.0, "mmol/L"),
        ("血糖33.3", "glucose", 33.3, "mmol/L"),
    ],
)
def test_a_value_is_read_as_it_is_written(text: str, code: str, value: float, unit: str) -> None:
    reply = read_reply(text, RULES)
    assert (values(reply), reply.doubtful) == ([(code, value, unit)], ())


@pytest.mark.parametrize("text", ["血糖35", "血糖0.9", "血糖33.4", "血糖350", "血糖3.5 血糖8.9"])
def test_a_value_that_cannot_be_and_two_of_one_kind_are_doubtful(text: str) -> None:
    reply = read_reply(text, RULES)
    assert reply.values == ()
    assert reply.doubtful


@pytest.mark.parametrize(
    "text", ["你好", "3.5", "血糖正常", "昨天血糖3.5", "血糖-3.5", "血糖12345", "血糖3.5.6", "我的电话19900000006", ""]
)
def test_what_no_rule_reads_is_left_to_a_person(text: str) -> None:
    reply = read_reply(text, RULES)
    assert (reply.values, reply.doubtful) == ((), ())


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("血糖3.5 手抖", {"shaking"}),
        ("血糖3.5,出冷汗,有点糊涂", {"sweating", "confused"}),
        ("血糖3.5 没有手抖", set()),
        ("不手抖,血糖5.0", set()),
        ("刚才不手抖,现在手抖", {"shaking"}),
    ],
)
def test_signs_are_found_and_denied_ones_are_none(text: str, signs: set[str]) -> None:
    assert set(read_reply(text, RULES).signs) == signs


@given(st.text(max_size=200))
def test_whatever_is_written_is_read_without_harm(text: str) -> None:
    reply = read_reply(text, RULES)
    assert all(1.0 <= each.value <= 600 for each in reply.values)
