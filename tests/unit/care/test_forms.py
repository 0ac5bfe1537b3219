"""Which questions stand open, which answers fit, and what a form must not be."""

import pytest

from care.forms import (
    AnswerOption,
    AnswerRefusedError,
    AnswerValue,
    Condition,
    EnableBehavior,
    Form,
    FormError,
    FormItem,
    ItemType,
    Operator,
    Score,
    ScoreMethod,
    checked_answer,
    counted_answers,
    differs_much,
    enabled_items,
    missing_items,
    next_item,
)


def q(link_id: str, kind: ItemType = ItemType.BOOLEAN, **values: object) -> FormItem:
    return FormItem(**{"link_id": link_id, "type": kind, "text": {"zh": link_id, "en": link_id}, **values})  # type: ignore[arg-type]


def when(question: str, operator: str, answer: AnswerValue) -> Condition:
    return Condition(question=question, operator=Operator(operator), answer=answer)


def form(*items: FormItem, scores: tuple[Score, ...] = ()) -> Form:
    return Form(
        id="f",
        version=1,
        status="draft",
        source="tests",
        license="tests",
        title={"zh": "f", "en": "f"},
        items=items,
        scores=scores,
    )


def names(items: tuple[FormItem, ...]) -> list[str]:
    return [item.link_id for item in items]


YES_NO = (AnswerOption(value="a", text={}), AnswerOption(value="b", text={}))
BRANCHED = form(
    q("smokes", required=True),
    q("per_day", ItemType.INTEGER, required=True, minimum=1, maximum=80, enable_when=(when("smokes", "=", True),)),
    q("wants_help", enable_when=(when("per_day", ">=", 10),)),
    q("end", ItemType.TEXT),
)


def test_an_answer_opens_and_closes_what_follows_it() -> None:
    assert names(enabled_items(BRANCHED, {})) == ["smokes", "end"]
    assert names(enabled_items(BRANCHED, {"smokes": True})) == ["smokes", "per_day", "end"]
    assert names(enabled_items(BRANCHED, {"smokes": True, "per_day": 20})) == [
        "smokes",
        "per_day",
        "wants_help",
        "end",
    ]


def test_what_was_answered_before_its_question_closed_opens_and_counts_nothing() -> None:
    answers: dict[str, AnswerValue] = {"smokes": False, "per_day": 20, "wants_help": True}
    assert names(enabled_items(BRANCHED, answers)) == ["smokes", "end"]
    assert counted_answers(BRANCHED, answers) == {"smokes": False}


def test_only_open_required_questions_without_answer_or_reason_are_missing() -> None:
    assert names(missing_items(BRANCHED, {})) == ["smokes"]
    assert names(missing_items(BRANCHED, {"smokes": True})) == ["per_day"]
    assert missing_items(BRANCHED, {"smokes": True}, {"per_day": "beyond-scope"}) == ()
    assert missing_items(BRANCHED, {"smokes": False}) == ()


def test_the_next_question_is_the_first_open_one_or_the_one_behind() -> None:
    first, after = next_item(BRANCHED, {"smokes": True}), next_item(BRANCHED, {"smokes": True}, after="per_day")
    assert first is not None
    assert after is not None
    assert (first.link_id, after.link_id) == ("per_day", "end")
    assert next_item(BRANCHED, {}, after="end") is None


@pytest.mark.parametrize(
    ("operator", "answer", "given", "holds"),
    [
        ("exists", True, 1, True),
        ("exists", True, None, False),
        ("exists", False, None, True),
        ("!=", "0", "1", True),
        ("!=", "0", "0", False),
        ("!=", "0", None, False),
        (">", 3, 3, False),
        (">=", 3, 3, True),
        ("<", 3, 2.5, True),
        ("<=", 3, 3.5, False),
        (">", 3, "many", False),
        (">=", 2, "2", True),
    ],
)
def test_a_condition_without_an_answer_holds_only_if_it_asks_for_none(
    operator: str, answer: AnswerValue, given: AnswerValue | None, holds: bool
) -> None:
    assert when("x", operator, answer).holds({} if given is None else {"x": given}) is holds


def test_all_or_any_of_the_conditions() -> None:
    both = (when("a", "=", True), when("b", "=", True))
    every, some = q("c", enable_when=both), q("c", enable_when=both, enable_behavior=EnableBehavior.ANY)
    assert (every.opened_by({"a": True}), some.opened_by({"a": True})) == (False, True)
    assert every.opened_by({"a": True, "b": True})


def test_a_closed_group_closes_its_questions() -> None:
    grouped = form(q("ill"), q("g", ItemType.GROUP, enable_when=(when("ill", "=", True),), items=(q("fever"),)))
    assert names(enabled_items(grouped, {"ill": False})) == ["ill"]
    assert names(enabled_items(grouped, {"ill": True})) == ["ill", "fever"]
    assert names(grouped.questions()) == ["ill", "fever"]


@pytest.mark.parametrize(
    ("item", "good", "stored", "bad", "reason"),
    [
        (q("x"), True, True, "yes", "yes or no"),
        (q("x", ItemType.INTEGER, minimum=0, maximum=7), 3.0, 3, 2.5, "whole number"),
        (q("x", ItemType.INTEGER, minimum=0, maximum=7), 0, 0, 8, "above 7"),
        (q("x", ItemType.DECIMAL, minimum=30, maximum=250), 61.2, 61.2, 29.9, "below 30"),
        (q("x", ItemType.DECIMAL), 1, 1, True, "with a number"),
        (q("x", ItemType.DECIMAL), 1, 1, float("nan"), "with a number"),
        (q("x", ItemType.CHOICE, options=YES_NO), "a", "a", "c", "not one of the answers"),
        (q("x", ItemType.DATE), "2026-02-28", "2026-02-28", "2026-02-30", "no day"),
        (q("x", ItemType.DATE), "2026-02-28", "2026-02-28", "20260228", "with a day"),
        (q("x", ItemType.TEXT), "头晕", "头晕", "  ", "in words"),
    ],
)
def test_a_refused_answer_says_field_reason_and_what_to_do(
    item: FormItem, good: AnswerValue, stored: AnswerValue, bad: AnswerValue, reason: str
) -> None:
    kept = checked_answer(form(item), {}, "x", good)
    assert (kept, type(kept)) == (stored, type(stored))
    with pytest.raises(AnswerRefusedError, match=reason) as refused:
        checked_answer(form(item), {}, "x", bad)
    assert refused.value.field == "x"
    assert refused.value.next_step


def test_a_closed_or_unknown_question_takes_no_answer() -> None:
    with pytest.raises(AnswerRefusedError, match="not asked after the answers given; correct the answer to smokes"):
        checked_answer(BRANCHED, {"smokes": False}, "per_day", 3)
    with pytest.raises(AnswerRefusedError, match="no such question"):
        checked_answer(BRANCHED, {}, "weight", 3)


@pytest.mark.parametrize(("value", "last", "much"), [(63.2, 61, False), (163.2, 61, True), (70, None, False)])
def test_a_number_far_from_the_last_one_is_asked_again(value: float, last: float | None, much: bool) -> None:
    assert differs_much(q("weight", ItemType.DECIMAL, largest_change=0.1), value, last) is much


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ((q("a"), q("a")), "used twice"),
        ((q("a", enable_when=(when("b", "=", True),)), q("b")), "not an earlier question"),
        ((q("a", enable_when=(when("a", "=", True),)),), "not an earlier question"),
        ((q("a", ItemType.CHOICE),), "a choice has options"),
        ((q("a", ItemType.GROUP),), "a group holds items"),
        ((q("a", ItemType.INTEGER, minimum=2, maximum=1),), "minimum lies above maximum"),
        ((q("a", ItemType.CHOICE, options=(YES_NO[0], YES_NO[0])),), "same value"),
    ],
)
def test_a_form_that_cannot_work_is_refused_with_its_item(items: tuple[FormItem, ...], reason: str) -> None:
    with pytest.raises(FormError, match=reason):
        form(*items)


def test_a_score_of_an_item_that_is_not_there_is_refused() -> None:
    with pytest.raises(FormError, match="there is no item b"):
        form(q("a"), scores=(Score(id="s", text={}, method=ScoreMethod.SUM, items=("b",)),))
