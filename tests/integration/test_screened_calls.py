"""A screened call on a real database: it waits for the verdict, hangs up on machines, and hears of words in time."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from care.consent import Purpose
from care.patients import NumberQuality
from db.calls import CommandState
from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calls import Announcement, Answered, Call, EarlySound, EndReason, Leg
from followup.dialing_rules import Mode
from followup.outcomes import AttemptOutcome
from followup.plans import TaskMode
from followup.screening import OnMachine
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from scheduler.dialer import reserve
from telephony.call_control import EventValue, LegEvent, LegEventKind
from telephony.conversation import Conversation
from telephony.effects import Effect, HangUpLeg, PlayPrompt
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from transcription.answer_phrases import load_answer_phrases
from transcription.faster_whisper_engine import FasterWhisper
from transcription.openings import Part, hear
from transcription.speech_probe import WhisperProbe
from transcription.weights import find_weights

CONTENT = Content(REPOSITORY / "content")
GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())
PHRASES = load_answer_phrases(REPOSITORY / "content" / "answer_phrases.yaml")
SPEECH = REPOSITORY / "suifang" / "demo" / "speech"

MACHINE: Mapping[str, EventValue] = {"who": "machine", "confidence": 0.9, "after_seconds": 2.2, "why": "long_speech"}
HUMAN: Mapping[str, EventValue] = {"who": "human", "confidence": 0.9, "after_seconds": 1.8, "why": "short_speech"}


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@dataclass
class Line:
    """A dialed call and the conversation that follows it."""

    units: UnitsOfWork
    call_id: str
    conversation: Conversation = field(default_factory=lambda: Conversation(CONTENT.flows))
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def happens(self, kind: LegEventKind, values: Mapping[str, EventValue] | None = None) -> list[Effect]:
        with self.units() as uow:
            leg = self._leg(uow)
            event = LegEvent(
                event_id=f"{self.call_id}:{next(self.numbers)}",
                leg_id=leg.id,
                kind=kind,
                occurred_at=uow.now,
                values=values or {},
            )
            effects = self.conversation.apply(uow, event)
            uow.commit()
        return effects

    def is_answered(self) -> list[Effect]:
        self.happens(LegEventKind.ABOUT_TO_INVITE, {"attempt_id": "x"})
        self.happens(LegEventKind.RINGING)
        return self.happens(LegEventKind.ANSWERED)

    def is_taken_over(self) -> list[Effect]:
        """What another node does that finds the call in the middle."""
        with self.units() as uow:
            call = uow.calls.for_update(self.call_id)
            assert call is not None
            return self.conversation.taken_over(uow, call)

    def ends(self, reason: str = "hang_up", party: str = "us") -> None:
        self.happens(LegEventKind.ENDED, {"end_reason": reason, "party": party, "sip_status": 200})

    def call(self) -> Call:
        with self.units() as uow:
            call = uow.calls.get(self.call_id)
            assert call is not None
            uow.commit()
            return call

    def outcome(self) -> AttemptOutcome | None:
        with self.units() as uow:
            attempt = uow.attempts.get(self.call().attempt_id)
            assert attempt is not None
            return attempt.outcome

    def hears_words(self, code: str | None, announcement: Announcement | None = None) -> list[Effect]:
        with self.units() as uow:
            call = uow.calls.for_update(self.call_id)
            assert call is not None
            effects = self.conversation.screening.words_of_opening(uow, call, code, announcement)
            uow.commit()
        return effects

    def was_answered_ago(self, ago: timedelta) -> None:
        with self.units() as uow:
            call = uow.calls.for_update(self.call_id)
            assert call is not None
            call.answered_at = uow.now - ago
            uow.commit()

    def _leg(self, uow: UnitOfWork) -> Leg:
        call = uow.calls.get(self.call_id)
        assert call is not None
        return call.legs[0]


def a_line(
    units: UnitsOfWork, *, on_machine: OnMachine = OnMachine.HANG_UP, mode: TaskMode = TaskMode.AUTOMATED
) -> Line:
    with units() as uow:
        purpose = Purpose.REMINDER if mode is TaskMode.AUTOMATED else Purpose.CARE
        queue = a_queue(uow, mode=mode, purpose=purpose, on_machine=on_machine)
        task = a_task(uow, a_patient(uow), queue)
        agent = an_agent(uow, queue) if mode is TaskMode.AGENT else None
        attempt = reserve(uow, task=task, agent_id=agent.id if agent else None, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        call.screened = True
        call_id = call.id
        uow.commit()
    return Line(units, call_id)


def prompts(effects: list[Effect]) -> list[str]:
    return [effect.key for effect in effects if isinstance(effect, PlayPrompt)]


def hang_ups(effects: list[Effect]) -> list[EndReason]:
    return [effect.reason for effect in effects if isinstance(effect, HangUpLeg)]


@pytest.mark.parametrize("who", ["human", "unknown"])
def test_nothing_is_said_before_the_verdict_and_whoever_may_be_a_person_is_spoken_to(
    units: UnitsOfWork, who: str
) -> None:
    line = a_line(units)
    assert line.is_answered() == []
    assert line.is_taken_over() == []
    assert prompts(line.happens(LegEventKind.ANSWERED_BY, {**HUMAN, "who": who})) == ["greeting"]
    call = line.call()
    assert (call.answered_by, call.answered_by_confidence, call.answered_by_after) == (Answered(who), 0.9, 1.8)


def test_a_machine_is_hung_up_on_and_the_attempt_closes_by_itself(units: UnitsOfWork) -> None:
    line = a_line(units)
    line.is_answered()
    assert hang_ups(line.happens(LegEventKind.ANSWERED_BY, MACHINE)) == [EndReason.MACHINE]
    line.ends("machine")
    assert (line.call().end_reason, line.outcome()) == (EndReason.MACHINE, AttemptOutcome.ANSWERED_MACHINE)


def test_a_doubtful_machine_is_given_a_moment_and_may_turn_out_a_person(units: UnitsOfWork) -> None:
    person, machine = a_line(units), a_line(units)
    for line in (person, machine):
        line.is_answered()
        assert line.happens(LegEventKind.ANSWERED_BY, {**MACHINE, "confidence": 0.8}) == []
    assert prompts(person.happens(LegEventKind.ANSWERED_BY, HUMAN)) == ["greeting"]
    assert hang_ups(machine.happens(LegEventKind.ANSWERED_BY, MACHINE)) == [EndReason.MACHINE]


def test_a_neutral_message_is_left_after_the_greeting_and_then_the_call_ends(units: UnitsOfWork) -> None:
    line = a_line(units, on_machine=OnMachine.NEUTRAL_MESSAGE)
    line.is_answered()
    assert line.happens(LegEventKind.ANSWERED_BY, MACHINE) == []
    assert line.happens(LegEventKind.PROMPT_FINISHED, {"prompt": "x"}) == []
    assert prompts(line.happens(LegEventKind.GREETING_ENDED, {"by": "beep"})) == ["neutral_message"]
    assert line.happens(LegEventKind.GREETING_ENDED, {"by": "beep"}) == []
    assert hang_ups(line.happens(LegEventKind.PROMPT_FINISHED, {"prompt": "x"})) == [EndReason.MACHINE]
    line.ends("machine")
    assert line.outcome() is AttemptOutcome.ANSWERED_MACHINE


def test_an_agent_is_sought_for_a_machine_where_the_queue_wants_it(units: UnitsOfWork) -> None:
    line = a_line(units, on_machine=OnMachine.TO_AGENT)
    line.is_answered()
    effects = line.happens(LegEventKind.ANSWERED_BY, MACHINE)
    assert hang_ups(effects) == []
    assert prompts(effects) == ["neutral_message"], "nobody takes calls in here: it is said what may be said"
    assert (line.call().flow_step or "").startswith("@person")


def test_a_key_is_a_person_whatever_was_heard(units: UnitsOfWork) -> None:
    waiting, taken_for_machine = a_line(units), a_line(units, on_machine=OnMachine.NEUTRAL_MESSAGE)
    for line in (waiting, taken_for_machine):
        line.is_answered()
    taken_for_machine.happens(LegEventKind.ANSWERED_BY, MACHINE)
    for line in (waiting, taken_for_machine):
        assert prompts(line.happens(LegEventKind.DIGIT, {"digit": "1"})) == ["greeting"]
        assert line.call().answered_by is Answered.HUMAN
        assert line.happens(LegEventKind.ANSWERED_BY, MACHINE) == [], "a later verdict does not hang up on him"


def test_a_machine_found_late_ends_the_flow(units: UnitsOfWork) -> None:
    line = a_line(units)
    line.is_answered()
    line.happens(LegEventKind.ANSWERED_BY, {**HUMAN, "who": "unknown"})
    assert hang_ups(line.happens(LegEventKind.ANSWERED_BY, MACHINE)) == [EndReason.MACHINE]
    assert line.happens(LegEventKind.DIGITS_COLLECTED, {"digits": "", "reason": "timeout"}) == []


def test_an_agent_is_told_and_decides_herself(units: UnitsOfWork) -> None:
    line = a_line(units, mode=TaskMode.AGENT)
    line.is_answered()
    assert line.happens(LegEventKind.ANSWERED_BY, MACHINE) == []
    assert line.call().answered_by is Answered.MACHINE
    line.ends("hang_up", "patient")
    assert line.outcome() is None, "her word, not the verdict's"


def test_words_in_time_end_the_call_and_late_ones_are_only_recorded(units: UnitsOfWork) -> None:
    in_time, late, nothing = a_line(units), a_line(units), a_line(units)
    for line in (in_time, late, nothing):
        line.is_answered()
        line.happens(LegEventKind.ANSWERED_BY, HUMAN)
    assert nothing.hears_words(None) == []
    assert hang_ups(in_time.hears_words("leave_a_message")) == [EndReason.MACHINE]
    assert in_time.call().answered_by_why == "words"
    late.ends("hang_up", "patient")
    assert late.hears_words("leave_a_message") == []
    assert (late.call().heard_code, late.call().answered_by) == ("leave_a_message", Answered.HUMAN)


def test_a_busy_tone_before_the_end_says_busy(units: UnitsOfWork) -> None:
    line = a_line(units)
    line.happens(LegEventKind.ABOUT_TO_INVITE, {"attempt_id": "x"})
    line.happens(LegEventKind.EARLY_HEARD, {"sound": "busy_tone", "seconds": 4.0, "file": None})
    line.ends("unreachable", "carrier")
    assert (line.call().early_sound, line.call().end_reason) == (EarlySound.BUSY_TONE, EndReason.BUSY)
    assert line.outcome() is AttemptOutcome.BUSY


def test_an_announced_empty_number_refines_the_outcome_and_is_not_dialed_again(units: UnitsOfWork) -> None:
    line = a_line(units)
    line.happens(LegEventKind.ABOUT_TO_INVITE, {"attempt_id": "x"})
    line.happens(LegEventKind.EARLY_HEARD, {"sound": "speech", "seconds": 6.0, "file": "x.wav"})
    line.ends("unreachable", "carrier")
    assert line.outcome() is AttemptOutcome.UNREACHABLE
    with units() as uow:
        call = uow.calls.for_update(line.call_id)
        assert call is not None
        line.conversation.screening.announced(uow, call, Announcement.EMPTY_NUMBER)
        uow.commit()
    call = line.call()
    assert (call.end_reason, call.announcement) == (EndReason.INVALID_NUMBER, Announcement.EMPTY_NUMBER)
    assert line.outcome() is AttemptOutcome.INVALID_NUMBER
    with units() as uow:
        patient = uow.patients.get(call.patient_id)
        assert patient is not None
        assert patient.contact_points[0].quality is NumberQuality.WRONG
        events = [event.kind for event in uow.outbox.unpublished(500)]
    assert "early_kept" in events


def test_the_speech_engine_finds_the_machine_tells_the_node_and_destroys_the_sound(
    units: UnitsOfWork, tmp_path: Path
) -> None:
    line, late = a_line(units), a_line(units)
    engine = FasterWhisper(find_weights(None, tmp_path / "state"))
    for one in (line, late):
        one.is_answered()
        shutil.copy(SPEECH / "zh_voicemail_greeting.wav", tmp_path / f"{one.call_id}.opening.wav")
    late.was_answered_ago(timedelta(minutes=5))
    forgotten = tmp_path / "somebody.early.wav"
    forgotten.touch()
    os.utime(forgotten, (0, 0))
    for one in (line, late):
        hear(units, WhisperProbe(lambda: engine), PHRASES, tmp_path, one.call_id, Part.OPENING)
        hear(units, WhisperProbe(lambda: engine), PHRASES, tmp_path, one.call_id, Part.OPENING)
    assert list(tmp_path.glob("*.wav")) == []
    with units() as uow:
        told = uow.calls.commands_for(line.call_id)
        assert [(command.verb, command.arguments["of"]) for command in told if command.verb == "heard"] == [
            ("heard", "opening")
        ]
        assert told[-1].arguments["code"] in ("leave_a_message", "cannot_take_the_call")
        assert told[-1].state is CommandState.PENDING
        assert told[-1].deadline - told[-1].created_at <= timedelta(seconds=15)
        assert [command.verb for command in uow.calls.commands_for(late.call_id) if command.verb == "heard"] == []
