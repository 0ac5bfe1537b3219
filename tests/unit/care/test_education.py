"""Education: programmes, the question behind each lesson, and what an answer means."""

from datetime import UTC, date, datetime

import pytest

from care.education import (
    QuizTrend,
    Understanding,
    needs_reteaching,
    planned_days,
    suiting_programmes,
    understood_in,
)
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
PROGRAMMES = CONTENT.education


def test_every_programme_has_author_reviewer_and_expiry_and_both_languages() -> None:
    for programme in PROGRAMMES.values():
        assert programme.author
        assert programme.reviewer
        assert programme.expires_on > date(2026, 11, 22)
        for lesson in programme.lessons:
            for texts in (lesson.title, lesson.text, lesson.again):
                assert set(texts) == {"zh", "en"}
                assert all(texts.values())


@pytest.mark.parametrize(
    ("programme", "form", "answers", "expected"),
    [
        ("discharge_basics", "discharge_core", {"medicines_told_back": "wrong"}, {"medicines": Understanding.WRONG}),
        ("discharge_basics", "discharge_core", {"medicines_told_back": "partly"}, {"medicines": Understanding.PARTLY}),
        ("discharge_basics", "discharge_core", {"medicines_told_back": "not_asked"}, {}),
        ("discharge_basics", "discharge_core", {"knows_whom_to_call": False}, {"whom_to_call": Understanding.WRONG}),
        ("discharge_basics", "discharge_core", {"knows_whom_to_call": True}, {"whom_to_call": Understanding.RIGHT}),
        ("after_pci", "discharge_core", {"medicines_told_back": "wrong"}, {}),
        ("after_pci", "teach_back_pci", {"chest_pain_told_back": "right"}, {"chest_pain": Understanding.RIGHT}),
    ],
)
def test_what_an_answer_says_of_a_lesson(
    programme: str, form: str, answers: dict[str, bool | str], expected: dict[str, Understanding]
) -> None:
    found = understood_in(PROGRAMMES[programme], form, answers)
    assert {one.lesson_key: one.understanding for one in found} == expected
    assert all(needs_reteaching(one.understanding) is (one.understanding is not Understanding.RIGHT) for one in found)


def test_lessons_stand_on_their_days_and_programmes_suit_by_illness_or_plan() -> None:
    days = dict(planned_days(PROGRAMMES["hypertension_at_home"], date(2026, 11, 20)))
    assert days == {"measuring": date(2026, 11, 21), "salt": date(2026, 11, 27)}
    programmes = list(PROGRAMMES.values())
    today = date(2026, 11, 22)
    none = suiting_programmes(programmes, groups=frozenset(), plan_templates=frozenset(), today=today)
    assert [one.id for one in none] == ["discharge_basics"]
    by_plan = suiting_programmes(programmes, groups=frozenset(), plan_templates=frozenset({"T03"}), today=today)
    assert "after_pci" in {one.id for one in by_plan}
    later = suiting_programmes(programmes, groups=frozenset(), plan_templates=frozenset(), today=date(2030, 1, 1))
    assert later == ()


def test_a_quiz_shows_change_only_after_the_second_time() -> None:
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    once = QuizTrend(points=((first, 1.0),))
    assert (once.before, once.after, once.change) == (1.0, None, None)
    twice = QuizTrend(points=((first, 1.0), (second, 4.0)))
    assert (twice.before, twice.after, twice.change) == (1.0, 4.0, 3.0)
    assert QuizTrend(points=()).change is None
