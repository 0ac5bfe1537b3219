"""The loopback in simulated time: exact moments, which the contract suite cannot ask of a real line."""

import wave
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, RejectedError, Trunk, TrunkBusyError
from telephony.line_script import LineScript, answer, hang_up, press, ring
from telephony.loopback import LoopbackCallControl
from telephony.loopback_time import ManualScheduler

TRUNK = Trunk(name="loop", host="127.0.0.1")


class Line:
    """A loopback with simulated time and everything it reported."""

    def __init__(self, lines: int = 4) -> None:
        self.events: list[LegEvent] = []
        self.time = ManualScheduler()
        self.start = self.time.now()
        self.control = LoopbackCallControl(sink=self.events.append, scheduler=self.time, lines=lines)

    def dial(self, name: str, script: LineScript, *, ring_seconds: float = 30.0, folder: Path | None = None) -> LegId:
        self.control.teach(name, script)
        leg = LegId(name)
        self.control.originate(
            OutboundLeg(
                leg_id=leg,
                attempt_id=f"attempt-{name}",
                role=LegRole.PATIENT,
                number=name,
                ring_seconds=ring_seconds,
                recording_folder=folder,
            ),
            TRUNK,
        )
        return leg

    def story(self) -> list[tuple[float, str]]:
        return [((event.occurred_at - self.start).total_seconds(), event.kind.value) for event in self.events]


def test_a_script_is_followed_to_the_second() -> None:
    line = Line()
    line.dial("one", (ring(1), answer(2), press("1", after=3), hang_up(after=30)))
    line.time.advance(60)
    assert line.story() == [
        (0.0, "about_to_invite"),
        (0.0, "invited"),
        (1.0, "ringing"),
        (3.0, "answered"),
        (6.0, "digit"),
        (36.0, "ended"),
    ]


def test_nothing_is_reported_before_the_verb_has_returned() -> None:
    line = Line()
    line.dial("one", (ring(0), answer(0)))
    assert line.events == []


def test_a_phone_that_nobody_picks_up_is_given_up_its_ring_seconds_after_the_first_ring() -> None:
    line = Line()
    line.dial("one", (ring(1),), ring_seconds=20)
    line.time.advance(60)
    assert line.story()[-1] == (21.0, "ended")
    assert line.events[-1].values["end_reason"] == EndReason.NO_ANSWER.value


def test_a_digit_cuts_the_prompt_short_and_its_end_is_not_reported(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.wav"
    with wave.open(str(prompt), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000 * 5))
    line = Line()
    leg = line.dial("one", (answer(0), press("2", after=1)))
    line.time.advance(0.5)
    line.control.play(leg, prompt)
    line.time.advance(10)
    assert LegEventKind.DIGIT in {event.kind for event in line.events}
    assert LegEventKind.PROMPT_FINISHED not in {event.kind for event in line.events}


def test_both_files_of_a_recording_are_as_long_as_the_call(tmp_path: Path) -> None:
    line = Line()
    line.dial("one", (answer(0), hang_up(after=2.5)), folder=tmp_path / "call")
    line.time.advance(10)
    for side in ("patient", "agent"):
        with wave.open(str(tmp_path / "call" / f"{side}.wav"), "rb") as sound:
            assert sound.getnframes() == 20000
    assert [kind for _, kind in line.story()][-2:] == ["recording_stopped", "ended"]


def test_a_line_more_than_there_are_is_refused_as_busy_until_one_is_free() -> None:
    line = Line(lines=1)
    leg = line.dial("one", (answer(0),))
    line.time.advance(1)
    with pytest.raises(TrunkBusyError):
        line.dial("two", (answer(0),))
    line.control.hang_up(leg, EndReason.HANG_UP)
    line.time.advance(1)
    line.dial("three", (answer(0),))


def test_a_trunk_for_loopback_only_refuses_every_other_address() -> None:
    line = Line()
    leg = OutboundLeg(leg_id=LegId("far"), attempt_id="a", role=LegRole.PATIENT, number="1")
    with pytest.raises(RejectedError, match=r"127\.0\.0\.0/8"):
        line.control.originate(leg, Trunk(name="demo", host="192.0.2.1", loopback_only=True))
    line.time.advance(1)
    assert line.events == []
