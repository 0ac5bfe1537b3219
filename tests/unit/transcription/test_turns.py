"""Words of both sides become turns in order of time."""

from followup.recordings import Channel
from transcription.transcriber import Word
from transcription.turns import Utterance, turns_of
from transcription.voice_activity import Span

AGENT, PATIENT = Channel.AGENT, Channel.PATIENT


def _said(
    channel: Channel, start: float, end: float, *texts: str, probability: float = 0.9, loudness: float = -20
) -> Utterance:
    words = tuple(Word(text=text, start=0.0, end=0.5, probability=probability) for text in texts)
    return Utterance(channel=channel, span=Span(start=start, end=end), words=words, loudness=loudness)


def test_both_sides_are_put_in_order_by_the_seconds_in_which_they_speak() -> None:
    turns = turns_of(
        [
            _said(AGENT, 0.5, 2.0, " Good", " morning."),
            _said(AGENT, 6.0, 7.0, " Any", " pain?"),
            _said(PATIENT, 3.0, 4.5, " Good", " morning."),
            _said(PATIENT, 8.0, 9.0, " No."),
        ],
        "en",
    )
    assert [(turn.channel, turn.start, turn.end, turn.text) for turn in turns] == [
        (AGENT, 0.5, 2.0, "Good morning."),
        (PATIENT, 3.0, 4.5, "Good morning."),
        (AGENT, 6.0, 7.0, "Any pain?"),
        (PATIENT, 8.0, 9.0, "No."),
    ]


def test_a_short_pause_of_one_side_does_not_part_a_turn_but_a_long_one_does() -> None:
    turns = turns_of(
        [_said(PATIENT, 1, 2, " I", " feel"), _said(PATIENT, 2.8, 4, " better."), _said(PATIENT, 9, 10, " Thanks.")],
        "en",
    )
    assert [(turn.start, turn.end, turn.text) for turn in turns] == [(1, 4, "I feel better."), (9, 10, "Thanks.")]


def test_the_other_sides_word_in_between_parts_a_turn() -> None:
    turns = turns_of(
        [_said(PATIENT, 1, 2, " I", " feel"), _said(AGENT, 2.1, 2.5, " Yes?"), _said(PATIENT, 2.8, 4, " better.")], "en"
    )
    assert [turn.text for turn in turns] == ["I feel", "Yes?", "better."]


def test_chinese_is_simplified_and_kept_as_spoken_and_as_written_and_a_number_over_a_pause_stays_whole() -> None:
    turns = turns_of(
        [
            _said(PATIENT, 1, 3, "血", "壓", "一", "百", "四", "十"),
            _said(PATIENT, 3.6, 5, "不", "高"),
            _said(AGENT, 7, 8, "一", "三", "八"),
            _said(AGENT, 8.6, 10, "零", "零", "一", "二"),
        ],
        "zh",
    )
    assert [(turn.text, turn.written) for turn in turns] == [
        ("血压一百四十，不高", "血压140，不高"),
        ("一三八零零一二", "1380012"),
    ]


def test_a_turn_without_numbers_is_not_kept_twice() -> None:
    (turn,) = turns_of([_said(PATIENT, 1, 3, "好", "多", "了")], "zh")
    assert (turn.text, turn.written, turn.as_written) == ("好多了", "", "好多了")


def test_the_name_of_a_medicine_is_written_as_it_is_spoken() -> None:
    (turn,) = turns_of([_said(PATIENT, 1, 3, "十滴水两支")], "zh", {"十滴水"})
    assert turn.as_written == "十滴水2支"


def test_two_values_parted_by_a_pause_are_two() -> None:
    (turn,) = turns_of([_said(PATIENT, 1, 3, "血压一百四"), _said(PATIENT, 3.6, 5, "九十")], "zh")
    assert turn.as_written == "血压140/90"


def test_two_figures_of_a_pressure_parted_by_a_pause_are_no_long_number() -> None:
    (turn,) = turns_of([_said(PATIENT, 1, 3, "血压190"), _said(PATIENT, 3.6, 5, "110")], "zh")
    assert turn.as_written == "血压190/110"
    (turn,) = turns_of([_said(PATIENT, 1, 3, "电话138"), _said(PATIENT, 3.6, 5, "00138000")], "zh")
    assert turn.as_written == "电话13800138000"


def test_confidence_is_the_models_belief_by_the_length_of_the_words() -> None:
    one = _said(PATIENT, 1, 2, " yes", probability=0.9)
    other = _said(PATIENT, 2.5, 3.5, " I", " do", probability=0.4)
    assert turns_of([one], "en")[0].confidence == 0.9
    assert 0.4 < turns_of([one, other], "en")[0].confidence < 0.9


def test_what_nobody_can_have_said_is_left_out() -> None:
    assert turns_of([_said(PATIENT, 1, 2), _said(PATIENT, 4, 5, " Thanks", " for", " watching!")], "en") == []


def test_a_lines_echo_is_not_a_second_speaker() -> None:
    turns = turns_of(
        [
            _said(AGENT, 1, 3, " Do", " you", " take", " your", " medicine?", loudness=-20),
            _said(PATIENT, 1.2, 3.1, " do", " you", " take", " your", " medicine", loudness=-34),
        ],
        "en",
    )
    assert [(turn.channel, turn.text) for turn in turns] == [(AGENT, "Do you take your medicine?")]


def test_two_who_say_different_things_at_once_are_both_kept() -> None:
    turns = turns_of(
        [
            _said(AGENT, 1, 3, " Do", " you", " take", " your", " medicine?", loudness=-20),
            _said(PATIENT, 1.2, 3.1, " My", " chest", " hurts", loudness=-34),
        ],
        "en",
    )
    assert len(turns) == 2


def test_a_patient_who_repeats_the_question_afterwards_is_kept() -> None:
    turns = turns_of(
        [
            _said(AGENT, 1, 3, " your", " medicine?", loudness=-20),
            _said(PATIENT, 3.4, 4.5, " my", " medicine?", loudness=-34),
        ],
        "en",
    )
    assert len(turns) == 2


def test_the_words_own_seconds_are_kept_with_their_places_where_the_engine_timed_them() -> None:
    def timed(start: float, *texts: str) -> Utterance:
        words = tuple(
            Word(text=text, start=start + index, end=start + index + 0.9, probability=0.9)
            for index, text in enumerate(texts)
        )
        return Utterance(
            channel=PATIENT, span=Span(start=start, end=start + len(texts)), words=words, loudness=-20, timed=True
        )

    (turn,) = turns_of([timed(1, " I", " am"), timed(3.5, " Mary", " Hill.")], "en")
    assert turn.text == "I am Mary Hill."
    places = [(turn.text[word.at :].split()[0], word.start) for word in turn.words]
    assert places == [("I", 1), ("am", 2), ("Mary", 3.5), ("Hill.", 4.5)]
    (mixed,) = turns_of([timed(1, "我", "叫"), _said(PATIENT, 3.2, 5, "王芳")], "zh")
    assert mixed.words == ()
