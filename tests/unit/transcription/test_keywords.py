"""Supervisors' keywords: every shipped phrase is found on its side, and phrases that cannot be read are refused."""

import pytest

from followup.keywords import KeywordSide
from followup.recordings import Channel, Turn
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from transcription.keywords import hits_in
from transcription.phrase_patterns import PatternError, example_of, spelled_out
from transcription.weight_gain import gains_in

SETS = Content(REPOSITORY / "content").keyword_sets


def _said(text: str, channel: Channel) -> list[Turn]:
    return [Turn(channel=channel, start=0.0, end=3.0, text=text, confidence=0.9)]


@pytest.mark.parametrize("name", sorted(SETS))
def test_each_shipped_phrase_is_found_on_its_own_side_only(name: str) -> None:
    one = SETS[name]
    spoken = Channel.AGENT if one.side is KeywordSide.AGENT else Channel.PATIENT
    other = Channel.PATIENT if spoken is Channel.AGENT else Channel.AGENT
    for keyword in one.keywords:
        for language, phrases in (("zh", (*keyword.zh, *keyword.zh_exact)), ("en", keyword.en)):
            for phrase in phrases:
                said = example_of(phrase).replace(" ", "" if language == "zh" else " ")
                assert keyword.code in {hit.code for hit in hits_in(_said(said, spoken), [one], language)}, phrase
                heard = bool(hits_in(_said(said, other), [one], language))
                assert heard == (one.side is KeywordSide.BOTH), phrase


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("(a|b", "not closed"),
        ("a)", "never opened"),
        ("~a", "begins and ends with words"),
        ("a <nothing>", "no list of words called nothing"),
        ("a~b~c~d~e~f~g~h", "take too long"),
    ],
)
def test_a_phrase_that_cannot_be_read_is_refused_with_its_reason(phrase: str, why: str) -> None:
    with pytest.raises(PatternError, match=why):
        spelled_out(phrase, {})


@pytest.mark.parametrize(
    ("text", "language", "gained"),
    [
        ("两天重了三斤", "zh", [(1.5, 2)]),
        ("这个星期体重涨了两公斤半", "zh", [(2.5, 7)]),
        ("体重涨了2.5公斤", "zh", [(2.5, None)]),
        ("体重七十二公斤", "zh", []),
        ("i've gained four pounds in two days", "en", [(1.81, 2)]),
        ("my weight went up five pounds since monday", "en", [(2.27, 7)]),
        ("i'm two kilos heavier than three days ago", "en", [(2.0, 3)]),
        ("i weigh 72 kilos", "en", []),
    ],
)
def test_a_gain_of_weight_is_read_with_its_days(
    text: str, language: str, gained: list[tuple[float, int | None]]
) -> None:
    assert [(gain.kilograms, gain.days) for gain in gains_in(text, language)] == gained
