"""Signs of danger as patients word them: how many are heard, and how often ordinary talk raises a red one."""

import pytest

from benchmarks.red_flags import Judged, false_reds_per_50_calls, judge, recall
from runtime.settings import REPOSITORY
from tests.support.red_flag_phrases import HALVES, LANGUAGES, phrases
from transcription.red_flags import load_red_flags

SETS = load_red_flags(REPOSITORY / "content" / "red_flags")


@pytest.fixture(scope="module")
def judged() -> dict[tuple[str, str], list[Judged]]:
    return {(half, language): judge(SETS, phrases(half, language)) for half in HALVES for language in LANGUAGES}


def test_there_are_sentences_enough_of_every_sign_to_judge_by() -> None:
    every = [phrase for half in HALVES for language in LANGUAGES for phrase in phrases(half, language)]
    assert sum(phrase.kind == "positive" for phrase in every) >= 200
    assert sum(phrase.kind == "negative" for phrase in every) >= 200
    wanted = {flag.code for one in SETS.values() for flag in one.flags if flag.level is not None}
    for half in ("development", "held_out"):
        for language in LANGUAGES:
            assert {phrase.code for phrase in phrases(half, language) if phrase.kind == "positive"} == wanted


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("half", ["development", "later"])
def test_what_was_tuned_to_is_heard(judged: dict[tuple[str, str], list[Judged]], half: str, language: str) -> None:
    wrong = [one.phrase.text for one in judged[half, language] if not one.right]
    found, of = recall(judged[half, language])
    print(f"{half} {language}: {found} of {of} heard; wrong: {wrong}")
    assert found / of >= 0.93
    assert [one.phrase.text for one in judged[half, language] if one.phrase.kind != "positive" and not one.right] == []


def test_nearly_all_signs_of_the_half_that_nothing_was_tuned_to_are_heard(
    judged: dict[tuple[str, str], list[Judged]],
) -> None:
    counts = [recall(judged["held_out", language]) for language in LANGUAGES]
    found, of = (sum(each) for each in zip(*counts, strict=True))
    print(f"held out: {found} of {of} heard")
    assert found / of >= 0.98


def test_calls_without_danger_seldom_raise_a_red_alert(judged: dict[tuple[str, str], list[Judged]]) -> None:
    reds = {language: false_reds_per_50_calls(judged["held_out", language]) for language in LANGUAGES}
    print(f"calls of 50 that raise a false red, two near sentences in each: {reds}")
    assert all(
        one.right for language in LANGUAGES for one in judged["held_out", language] if one.phrase.kind == "ordinary"
    )
    assert reds["en"] <= 1.0
    assert reds["zh"] <= 3.5  # two of 66 near sentences, every set listened to at once
