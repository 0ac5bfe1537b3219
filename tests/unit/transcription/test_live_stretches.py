"""A side of a call cut into stretches while it is being said: the same speech as when it is heard at the end."""

from itertools import pairwise

import numpy as np
import pytest
import soxr

from followup.ports import LiveSound
from followup.recordings import Channel
from tests.support.spoken_calls import RATE, SpokenCall, spoken_call, utterance
from transcription.live_ear import LiveEar
from transcription.live_engine import goes_round
from transcription.live_stretches import LONGEST_SECONDS, LiveSide, Stretch
from transcription.transcriber import SAMPLE_RATE, Samples

PIECE = SAMPLE_RATE // 4


def heard(name: str, *, before: float = 0.5, after: float = 1.0) -> Samples:
    sound = soxr.resample(utterance(name), RATE, SAMPLE_RATE).astype(np.float32)
    return np.pad(sound, (round(before * SAMPLE_RATE), round(after * SAMPLE_RATE)))


def fed(side: LiveSide, sound: Samples) -> list[Stretch]:
    """Every stretch that was over, in order, when the sound came in quarters of a second."""
    over: list[Stretch] = []
    for at in range(0, sound.size, PIECE):
        side.add(sound[at : at + PIECE])
        over += [stretch for stretch in side.stretches() if stretch.is_over]
    return over


def test_a_sentence_goes_on_until_its_pause_and_keeps_its_name() -> None:
    side, sound = LiveSide(began=100.0), heard("en_lv_0880")
    names: set[str] = set()
    over: list[Stretch] = []
    for at in range(0, sound.size, PIECE):
        side.add(sound[at : at + PIECE])
        for stretch in side.stretches():
            names.add(stretch.id)
            over += [stretch] if stretch.is_over else []
    assert len(over) == 1
    assert names == {over[0].id}
    assert over[0].start == pytest.approx(100.6, abs=0.3)
    assert over[0].end == pytest.approx(100.5 + 2.99, abs=0.5)
    assert side.stretches() == []


def test_who_talks_on_is_cut_without_losing_or_doubling_a_sample() -> None:
    parts = [heard(name, before=0.0, after=0.1) for name in ("zh_az_08", "zh_az_07", "zh_az_06")]
    side = LiveSide(began=0.0)
    over = fed(side, np.pad(np.concatenate(parts), (0, SAMPLE_RATE)))
    assert len(over) >= 3
    assert max(stretch.seconds for stretch in over) <= LONGEST_SECONDS + 0.1
    for one, two in pairwise(over):
        assert two.start >= one.end


@pytest.mark.parametrize("kind", ["silence", "line noise", "tone"])
def test_silence_noise_and_tones_are_no_stretch(kind: str) -> None:
    count = 8 * SAMPLE_RATE
    sound = {
        "silence": np.zeros(count),
        "line noise": np.random.default_rng(1).normal(0, 10 ** (-60 / 20), count),
        "tone": 0.2 * np.sin(2 * np.pi * 440 * np.arange(count) / SAMPLE_RATE),
    }[kind].astype(np.float32)
    side = LiveSide(began=0.0)
    assert fed(side, sound) == []
    assert side.until == pytest.approx(8.0, abs=0.01)
    assert side.until - side.began < 9


class Played:
    """A LiveAudio of a whole call that is read in pieces."""

    def __init__(self, call: SpokenCall) -> None:
        sides = np.rint(call.stereo * 32767).astype("<i2")
        self._pieces = [sides[at : at + RATE // 4] for at in range(0, len(sides), RATE // 4)]
        self.sample_rate = RATE

    def read(self) -> LiveSound:
        if not self._pieces:
            return LiveSound()
        piece = self._pieces.pop(0)
        return LiveSound(agent=piece[:, 0].tobytes(), patient=piece[:, 1].tobytes())

    def close(self) -> None:
        self._pieces.clear()


def test_what_leaks_from_the_other_side_is_no_stretch_of_this_one() -> None:
    call = spoken_call([(Channel.AGENT, "en_lv_0870"), (Channel.AGENT, "en_fw_left")], crosstalk_db=-30.0)
    ear = LiveEar(Played(call), 0.0)
    for _ in range(len(call.stereo) // (RATE // 4) + 1):
        ear.listen()
    ear.end()
    assert {waiting.channel for waiting in ear.waiting()} == {Channel.AGENT}


def test_after_the_end_everything_said_is_over_and_heard_once() -> None:
    call = spoken_call([(Channel.AGENT, "en_az_weather"), (Channel.PATIENT, "en_lv_0880")])
    ear = LiveEar(Played(call), 0.0)
    for _ in range(len(call.stereo) // (RATE // 4) + 1):
        ear.listen()
    ear.end()
    waiting = list(ear.waiting())
    assert [one.channel for one in sorted(waiting, key=lambda one: one.stretch.start)] == [
        Channel.AGENT,
        Channel.PATIENT,
    ]
    assert all(one.stretch.is_over for one in waiting)
    for one in waiting:
        ear.was_heard(one)
    assert ear.is_done
    assert ear.behind == 0.0


@pytest.mark.parametrize(
    ("text", "round_again"),
    [
        ("in 1813, in 1813, in 1813", True),
        ("What's the weather like? What's the weather like?", True),
        ("秋天,总是那么富有失意。秋天,总是那么富有失意。", True),
        ("what's the weather like", False),
        ("疼疼疼", False),
        ("没有没有", False),
        ("no no", False),
    ],
)
def test_a_short_sound_that_goes_round_is_told_from_what_people_say(text: str, round_again: bool) -> None:
    assert goes_round(text) is round_again
