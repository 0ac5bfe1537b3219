"""Captions of this machine's calls: found, followed, heard in turn, written, and given up when the transcript is there.

One round takes in what came of every call and hears one stretch; a call whose sound is not heard in time says so. All
that a follower knows is in the database: killed, it is followed by the next, who goes on where it stopped.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from db.unit_of_work import UnitOfWork, database_is_away
from followup.captions import Caption, is_paused
from followup.events import EventKind
from followup.ports import LiveAudioSource
from followup.recordings import Recording, RecordingState, Turn
from runtime.identifiers import new_id
from transcription.agreement import whole_clauses
from transcription.caption_order import given_up, next_to_hear, written_already
from transcription.heard_alerts import raise_heard
from transcription.languages import AUTO, LANGUAGES, spoken_language
from transcription.live_ear import LiveEar, Waiting
from transcription.live_engine import LiveTranscriber
from transcription.live_hearing import Heard, LiveHearing
from transcription.red_flags import RedFlagSets

log = structlog.get_logger(__name__)

Told = Callable[[str, Mapping[str, str]], object]
"""Tells the screens: an event's kind and its ids."""

LOOK_SECONDS = 1.0
REST_SECONDS = 0.2
_CATCH_UP_SECONDS = 30.0
"""Of a call that is joined late, so much is looked through; what has waited too long in it is left out one by one.

What was said before is left to the transcript. So no sentence is cut in two where we join.
"""
_LEAD_SECONDS = 0.25
"""Before the second up to which all was heard: a word that had just begun there was not yet known to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRules:
    """What a follower may do here."""

    node: str
    most_calls: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Followed:
    """One call that is followed."""

    recording_id: str
    call_id: str
    attempt_id: str
    agent_id: str | None
    language: str
    ear: LiveEar
    hearing: LiveHearing
    earlier: Sequence[Caption] = ()  # what the follower before us wrote
    finals: dict[str, Turn] = field(default_factory=dict)


class Captions:
    """The follower of one process: call `turn` again and again, `close` at the end."""

    def __init__(
        self,
        units_of_work: Callable[[], UnitOfWork],
        source: LiveAudioSource,
        transcriber: LiveTranscriber,
        red_flags: RedFlagSets,
        told: Told,
        rules: CaptionRules,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._units_of_work = units_of_work
        self._source = source
        self._transcriber = transcriber
        self._red_flags = red_flags
        self._told = told
        self._rules = rules
        self._monotonic = monotonic
        self.name = f"{rules.node}:{new_id()}"
        self._followed: dict[str, _Followed] = {}
        self._served: dict[str, float] = {}
        self._looked_at = float("-inf")

    @property
    def follows(self) -> tuple[str, ...]:
        """The recordings that are followed."""
        return tuple(self._followed)

    def turn(self) -> float:
        """One round: take in sound, hear one stretch. How many seconds nothing needs doing."""
        if self._monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
            self._looked_at = self._monotonic()
            self._end_what_is_done()
        for one in list(self._followed.values()):
            self._listen(one)
        chosen = next_to_hear(
            {recording_id: list(one.ear.waiting()) for recording_id, one in self._followed.items()}, self._served
        )
        if chosen is None:
            self._end_what_is_done()
            return REST_SECONDS
        recording_id, waiting = chosen
        self._served[recording_id] = self._monotonic()
        self._hear(self._followed[recording_id], waiting)
        return 0.0

    def close(self) -> None:
        """Let every call go; another follower takes them up at once."""
        for recording_id, one in list(self._followed.items()):
            one.ear.close()
            with self._units_of_work() as uow:
                uow.captions.let_go(recording_id, self.name, uow.now, ended=False)
                uow.commit()
        self._followed.clear()

    # --- which calls ---

    def _look(self) -> None:
        """See what became of the followed calls, and take new ones while there is room."""
        over: list[_Followed] = []
        gone: list[_Followed] = []
        opened: list[_Followed] = []
        with self._units_of_work() as uow:
            for one in self._followed.values():
                recording = uow.recordings.get(one.recording_id)
                if recording is None or not uow.captions.may_be_written(recording):
                    gone.append(one)
                    uow.captions.forget([one.recording_id])
                elif not uow.captions.tell(
                    one.recording_id, self.name, uow.now, heard_until=one.ear.settled, behind=one.ear.behind
                ):
                    gone.append(one)
                elif recording.state is not RecordingState.RECORDING:
                    over.append(one)
                else:
                    one.agent_id = _agent_of(uow, one)  # somebody may have joined, or taken it over
            room = self._rules.most_calls - len(self._followed)
            for recording in uow.captions.to_follow(self._rules.node, uow.now, limit=room) if room > 0 else ():
                found = self._taken(uow, recording)
                if found is not None:
                    opened.append(found)
            uow.commit()
        for one in gone:
            self._forget(one)
        for one in over:
            one.ear.end()
        for one in opened:
            self._followed[one.recording_id] = one
            log.info(
                "call_followed", recording=one.recording_id, language=one.language, begins=round(one.ear.settled, 2)
            )

    def _taken(self, uow: UnitOfWork, recording: Recording) -> _Followed | None:
        """A call to follow, opened; None when another follower was faster or its sound is not there yet."""
        call, patient = uow.calls.get(recording.call_id), uow.patients.get(recording.patient_id)
        if call is None or patient is None or recording.spool is None or recording.started_at is None:
            return None
        before = uow.captions.following(recording.id)
        heard_until = max(0.0, before.heard_until - _LEAD_SECONDS) if before else 0.0
        begin = max(heard_until, (uow.now - recording.started_at).total_seconds() - _CATCH_UP_SECONDS)
        audio = self._source.open(recording.spool, begin)
        if audio is None:
            return None
        queue = uow.queues.get(call.queue_id)
        language = spoken_language(queue.language if queue else None, patient.language)
        following = uow.captions.follow(recording.id, self.name, language, uow.now)
        if following is None:
            audio.close()
            return None
        if begin > heard_until:
            uow.captions.count_left_out(recording.id)  # what was said before, as one: nobody looks how much it was
        earlier = uow.captions.of_recording(recording.id)
        return _Followed(
            recording_id=recording.id,
            call_id=call.id,
            attempt_id=call.attempt_id,
            agent_id=call.agent_id,
            language=following.language,
            ear=LiveEar(audio, begin),
            hearing=LiveHearing(self._transcriber),
            earlier=earlier,
            finals={caption.id: caption.turn() for caption in earlier},
        )

    def _end_what_is_done(self) -> None:
        for one in [one for one in self._followed.values() if one.ear.is_done]:
            with self._units_of_work() as uow:
                uow.captions.drop_drafts(one.recording_id)
                uow.captions.let_go(one.recording_id, self.name, uow.now, ended=True)
                uow.commit()
            self._forget(one)

    def _forget(self, one: _Followed) -> None:
        one.ear.close()
        self._followed.pop(one.recording_id, None)
        self._served.pop(one.recording_id, None)
        log.info("call_not_followed", recording=one.recording_id)
        self._tell(one)

    # --- what is said ---

    def _listen(self, one: _Followed) -> None:
        try:
            one.ear.listen()
        except OSError as error:
            # One call's broken files must not cost the captions of the others.
            log.error("live_sound_lost", recording=one.recording_id, reason=error.strerror)  # noqa: TRY400
            one.ear.close()
            return
        self._pass_over(one)
        self._give_up(one)
        self._drop_vanished(one)

    def _hear(self, one: _Followed, waiting: Waiting) -> None:
        if one.language == AUTO:
            one.language = self._transcriber.language_of(waiting.stretch.sound, LANGUAGES)
        heard = one.hearing.hear(waiting, one.language)
        changed = (heard is not None or waiting.stretch.is_over) and self._write(one, waiting, heard)
        one.ear.was_heard(waiting)
        if changed:
            self._tell(one)

    def _write(self, one: _Followed, waiting: Waiting, heard: Heard | None) -> bool:
        """Keep what was heard and raise what it is a sign of; False when the recording wants no captions any more."""
        stretch = waiting.stretch
        with self._units_of_work() as uow:
            # Its lock parts us from a refusal, which takes captions away, and from the transcript, which replaces them.
            recording = uow.recordings.for_update(one.recording_id)
            if recording is None or not uow.captions.may_be_written(recording):
                return False
            if not stretch.is_over and is_paused(recording.pauses):
                return False
            if heard is None:
                uow.captions.drop(stretch.id)
            else:
                uow.captions.put(_caption(one.recording_id, waiting, heard))
                self._raise_alerts(uow, recording, one, waiting, heard)
            uow.commit()
        if heard is None:
            return True
        if stretch.is_over:
            one.finals[stretch.id] = heard.turn
        else:
            one.ear.shows(waiting.channel, stretch.id)
        return True

    def _raise_alerts(
        self, uow: UnitOfWork, recording: Recording, one: _Followed, waiting: Waiting, heard: Heard
    ) -> None:
        turn = heard.turn if waiting.stretch.is_over else _said_already(heard)
        if not turn.text:
            return
        turns = sorted([*one.finals.values(), turn], key=lambda each: (each.start, each.channel))
        raised = raise_heard(uow, recording, one.attempt_id, turns, one.language, self._red_flags, live=True)
        for alert in raised:
            log.info("alert_heard_live", alert=alert.id, second=alert.at_second, until=round(one.ear.until, 2))

    def _pass_over(self, one: _Followed) -> None:
        """Killed before it could tell how far it was, the follower before us has written more than we were told."""
        for waiting in list(one.ear.waiting()):
            if written_already(waiting, one.earlier):
                one.ear.was_heard(waiting)

    def _give_up(self, one: _Followed) -> None:
        left = given_up(list(one.ear.waiting()), one.ear.until)
        if not left:
            return
        log.warning("captions_behind", recording=one.recording_id, left_out=len(left))
        with self._units_of_work() as uow:
            for waiting in left:
                uow.captions.drop(waiting.stretch.id)
                uow.captions.count_left_out(one.recording_id)
            uow.commit()
        for waiting in left:
            one.ear.was_heard(waiting)

    def _drop_vanished(self, one: _Followed) -> None:
        gone = one.ear.vanished()
        # A stretch that was shown and is final now is on the screen rightly.
        taken_back = [stretch_id for stretch_id in gone if stretch_id not in one.finals]
        if not taken_back:
            return
        with self._units_of_work() as uow:
            for stretch_id in taken_back:
                uow.captions.drop(stretch_id)
            uow.commit()
        self._tell(one)

    def _tell(self, one: _Followed) -> None:
        ids = {"subject": one.call_id, "recording": one.recording_id}
        self._told(EventKind.CAPTIONS_CHANGED.value, {**ids, **({"agent": one.agent_id} if one.agent_id else {})})


def keep_turning(captions: Captions, rest: Callable[[float], bool]) -> None:
    """Turn until `rest` (which waits so many seconds) says that it is time to stop; a database away is waited for."""
    while True:
        try:
            pause = captions.turn()
        except Exception as error:
            if not database_is_away(error):
                raise
            log.warning("database_away", reason=type(error).__name__)
            pause = LOOK_SECONDS
        if rest(pause):
            return


def _agent_of(uow: UnitOfWork, one: _Followed) -> str | None:
    call = uow.calls.get(one.call_id)
    return call.agent_id if call else one.agent_id


def _caption(recording_id: str, waiting: Waiting, heard: Heard) -> Caption:
    turn = heard.turn
    return Caption(
        id=waiting.stretch.id,
        recording_id=recording_id,
        channel=waiting.channel,
        start=turn.start,
        end=turn.end,
        text=turn.text,
        written=turn.written,
        stable=heard.stable,
        final=waiting.stretch.is_over,
        confidence=turn.confidence,
    )


def _said_already(heard: Heard) -> Turn:
    """Of a stretch that goes on: the clauses that two hearings agree on, with their share of its time."""
    turn = heard.turn
    text = whole_clauses(turn.text[: heard.stable])
    share = len(text) / len(turn.text) if turn.text else 0.0
    return Turn(
        channel=turn.channel,
        start=turn.start,
        end=round(turn.start + share * (turn.end - turn.start), 2),
        text=text,
        confidence=turn.confidence,
    )
