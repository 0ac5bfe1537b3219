"""Which part of a text that is still being said will stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.agreement import agreed, whole_clauses


@pytest.mark.parametrize(
    ("before", "now", "stays"),
    [
        ("", "我胸口", ""),
        ("我胸口", "我胸口疼得厉害", "我胸口"),
        ("数额现件变红", "数额渐渐变红", "数额"),
        ("欢迎大家 来体验", "欢迎大家来体验，达摩院", "欢迎大家来体验"),
        ("I have chess", "I have chest pain", "I have"),
        ("and so my fellow", "And so, my fellow Americans", "And so, my fellow"),
        ("血压一百四", "血压一百四十", "血压一百四"),
        ("it's 14", "It's 140", "It's"),
        ("没有", "", ""),
    ],
)
def test_what_two_hearings_agree_on_from_the_beginning_stays(before: str, now: str, stays: str) -> None:
    assert now[: agreed(before, now)] == stays


@given(st.text(alphabet="胸口疼不 ,，.abc12", max_size=40), st.text(alphabet="胸口疼不 ,，.abc12", max_size=40))
def test_no_more_than_the_text_stays_and_the_same_text_stays_whole(before: str, now: str) -> None:
    assert 0 <= agreed(before, now) <= len(now)
    kept = now[: agreed(now, now)]
    assert now[len(kept) :].strip(" ,，.") == ""


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("我胸口疼，喘不上", "我胸口疼，"),
        ("我胸口疼", ""),
        ("I have chest pain. I can", "I have chest pain."),
        ("it is 38.5", ""),
        ("有胸痛吗？没有", "有胸痛吗？"),
    ],
)
def test_a_clause_counts_only_when_it_is_over(text: str, over: str) -> None:
    assert whole_clauses(text) == over
