"""Single things in an answer in words, and what is no thing at all."""

import pytest

from care.forms import Form, FormError, FormItem, ItemType, Prefill
from care.intake import names_told
from runtime.content.library import Content
from runtime.settings import REPOSITORY

WORDS = Content(REPOSITORY / "content").record_words


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("青霉素", ("青霉素",)),
        ("青霉素、花生；头孢", ("青霉素", "花生", "头孢")),
        ("penicillin, peanuts; Penicillin", ("penicillin", "peanuts")),
        (" 青霉素。\n花生 ", ("青霉素", "花生")),
        ("、；,", ()),
        ("", ()),
    ],
)
def test_names_in_an_answer(answer: str, names: tuple[str, ...]) -> None:
    assert names_told(answer) == names


@pytest.mark.parametrize("answer", ["无", "没有", "None", " no ", "NKDA", "无。"])
def test_an_answer_that_says_nothing_is_no_allergy(answer: str) -> None:
    assert WORDS.says_nothing(answer)


@pytest.mark.parametrize("answer", ["无花果", "nonesuch", "青霉素"])
def test_an_answer_that_only_begins_so_is_one(answer: str) -> None:
    assert not WORDS.says_nothing(answer)


def test_only_a_question_in_words_can_stand_beside_the_record() -> None:
    item = FormItem(link_id="allergies", type=ItemType.BOOLEAN, text={"zh": "x", "en": "x"}, prefill=Prefill.ALLERGIES)
    with pytest.raises(FormError, match="make its type text"):
        Form(id="f", version=1, status="draft", source="x", license="x", title={}, items=(item,))
