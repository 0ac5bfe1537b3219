"""Captions of a call that goes on, on a real database, with the real model: written while it is said, and then gone."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.captions import FOLLOWER_SILENT, KEPT_FOR, Caption, CaptionsState, captions_state
from followup.recordings import Channel, RecordingState
from recordings.ingest import ingest
from recordings.live_spool import SpoolSource
from recordings.object_store import ObjectStore
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from telephony.call_recording import refuse_recording
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt
from tests.support.growing_spool import RATE, GrowingSpool, Stereo, conversation, spans
from tests.support.waiting import until
from transcription.captions import CaptionRules, Captions
from transcription.faster_whisper_engine import FasterWhisper
from transcription.live_engine import ShortWindowWhisper
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.transcripts import transcribe
from transcription.weights import Weights, find_weights

STEP = 0.5
RED_FLAGS = RedFlagSets(load_red_flags(REPOSITORY / "content" / "red_flags"))
CHEST_PAIN = conversation(("agent", "zh_agent_question"), ("patient", "zh_patient_chest_pain"))
SAID = (("patient", "zh_patient_autumn_1"), ("agent", "zh_agent_sorry"), ("patient", "zh_patient_autumn_3"))
CHAT = conversation(*SAID)
SPOKEN = spans(*SAID)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return find_weights(None, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def whisper(weights: Weights) -> ShortWindowWhisper:
    return ShortWindowWhisper(weights)


@dataclass
class Floor:
    """A machine whose recorders and followers a test drives."""

    units: UnitsOfWork
    folder: Path
    whisper: ShortWindowWhisper
    ahead: timedelta = timedelta(0)
    told: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def follower(self, *, most_calls: int = 4) -> Captions:
        seconds = count()  # every round looks at the calls
        return Captions(
            self.units,
            SpoolSource(),
            self.whisper,
            RED_FLAGS,
            lambda kind, ids: self.told.append((kind, ids)),
            CaptionRules(node="node-1", most_calls=most_calls),
            monotonic=lambda: float(next(seconds)),
        )

    def somebody_waits(self) -> bool:
        """Whether a transaction waits for a row of another."""
        with self.units.engine.connect() as connection:
            found = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
        return bool(found)

    def call(self, stereo: Stereo, *, language: str = "zh") -> "Line":
        """A call that has just been answered, with a recorder at work."""
        with self.units() as uow:
            queue = a_queue(uow, language=language)
            agent = an_agent(uow, queue)
            attempt = an_attempt(
                uow,
                a_task(uow, a_patient(uow, language=language), queue),
                state=AttemptState.IN_CALL,
                agent_id=agent.id,
                wrap_up_at=None,
            )
            call = a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
            spool = GrowingSpool(self.folder / call.id, stereo, uow.now)
            recording = a_recording(uow, call, spool.folder, state=RecordingState.RECORDING, started_at=uow.now)
            uow.commit()
        return Line(floor=self, spool=spool, recording_id=recording.id, call_id=call.id, agent_id=agent.id)


@dataclass
class Line:
    """One call of the floor."""

    floor: Floor
    spool: GrowingSpool
    recording_id: str
    call_id: str
    agent_id: str

    def goes_on(self, *followers: Captions, until: float | None = None) -> None:
        """Let the recorder write to its end, or for so many seconds, while the followers do their rounds."""
        for _ in range(10_000 if until is None else round(until / STEP)):
            if self.spool.is_whole:
                break
            self.spool.grow(STEP)
            for follower in followers:
                settle(follower)

    def began_ago(self, seconds: float) -> None:
        with self.floor.units() as uow:
            recording = uow.recordings.for_update(self.recording_id)
            assert recording is not None
            recording.started_at = uow.now - timedelta(seconds=seconds)
            uow.commit()

    def hangs_up(self) -> None:
        with self.floor.units() as uow:
            recording = uow.recordings.for_update(self.recording_id)
            assert recording is not None
            recording.state = RecordingState.CAPTURED
            uow.commit()

    def captions(self) -> list[Caption]:
        with self.floor.units() as uow:
            return list(uow.captions.of_recording(self.recording_id))

    def text(self, channel: Channel) -> str:
        return "".join(caption.text for caption in self.captions() if caption.channel is channel)

    def state(self) -> CaptionsState:
        with self.floor.units() as uow:
            return captions_state(
                uow.recordings.get(self.recording_id),
                uow.captions.following(self.recording_id),
                transcribed=uow.recordings.latest_transcript(self.recording_id) is not None,
                now=uow.now,
            )

    def left_out(self) -> int:
        with self.floor.units() as uow:
            following = uow.captions.following(self.recording_id)
            assert following is not None
            return following.left_out

    def alerts(self) -> list[str]:
        with self.floor.units() as uow:
            return [alert.code for alert in uow.alerts.of_recording(self.recording_id)]


def settle(follower: Captions) -> None:
    """Rounds until nothing more is to be heard for now."""
    for _ in range(200):
        if follower.turn() > 0:
            return
    raise AssertionError("the follower never rests")


@pytest.fixture
def floor(database_url: str, tmp_path: Path, whisper: ShortWindowWhisper) -> Iterator[Floor]:
    engine = make_engine(database_url)
    made: list[Floor] = []
    made.append(
        Floor(
            units=UnitsOfWork(engine, clock=lambda now: now + (made[0].ahead if made else timedelta(0))),
            folder=tmp_path,
            whisper=whisper,
        )
    )
    yield made[0]
    engine.dispose()


def test_what_is_said_is_shown_while_it_is_said_and_a_red_flag_is_raised_at_once_and_once(
    floor: Floor, weights: Weights, tmp_path: Path
) -> None:
    line, follower = floor.call(CHEST_PAIN), floor.follower()
    drafts: list[str] = []
    while not line.alerts() and not line.spool.is_whole:
        line.goes_on(follower, until=STEP)
        drafts += [caption.text for caption in line.captions() if not caption.final]
    assert line.alerts(), "it is raised before the call is over"
    assert drafts, "and text was shown before its sentence was over"
    assert line.state() is CaptionsState.LIVE
    with floor.units() as uow:
        alert = uow.alerts.of_recording(line.recording_id)[0]
        assert alert.evidence["live"] is True
        assert alert.at_second == pytest.approx(len(CHEST_PAIN) / RATE - 3, abs=3)
    assert {ids["agent"] for _, ids in floor.told} == {line.agent_id}
    assert {(kind, ids["subject"]) for kind, ids in floor.told} == {("captions_changed", line.call_id)}

    line.goes_on(follower)
    raised = line.alerts()
    line.hangs_up()
    settle(follower)
    assert line.state() is CaptionsState.ENDED
    assert follower.follows == ()
    assert all(caption.final for caption in line.captions())
    assert "疼" in line.text(Channel.PATIENT)
    assert "疼" not in line.text(Channel.AGENT)

    store = ObjectStore(tmp_path / "store")
    ingest(floor.units, store, line.recording_id)
    transcribe(floor.units, store, FasterWhisper(weights, beam_size=1), RED_FLAGS, line.recording_id)
    assert line.captions() == []
    assert line.state() is CaptionsState.REPLACED
    assert set(raised) <= set(line.alerts())
    assert len(line.alerts()) == len(set(line.alerts())), "the transcript doubles nothing"
    settle(follower)
    assert line.captions() == []


def test_silence_hold_music_and_line_noise_leave_nothing(floor: Floor) -> None:
    music, rate = soundfile.read(REPOSITORY / "content" / "prompts" / "zxx" / "hold_music.wav", dtype="int16")
    assert rate == RATE
    dice = np.random.default_rng(7)
    quiet = dice.normal(0, 40, (6 * RATE, 2)).astype(np.int16)
    held = np.zeros((min(music.size, 12 * RATE), 2), dtype=np.int16)
    held[:, 0] = music[: len(held)]
    line, follower = floor.call(np.concatenate([quiet, held, quiet])), floor.follower()
    line.goes_on(follower)
    line.hangs_up()
    settle(follower)
    assert line.captions() == []
    assert line.alerts() == []


def test_a_follower_that_dies_is_followed_by_another_who_goes_on_where_it_stopped(floor: Floor) -> None:
    line, first, second = floor.call(CHAT), floor.follower(), floor.follower()
    line.goes_on(first, until=6.0)
    settle(second)
    assert (len(first.follows), len(second.follows)) == (1, 0), "a call has one follower"
    before = [caption for caption in line.captions() if caption.final]
    assert before
    floor.ahead = FOLLOWER_SILENT + timedelta(seconds=1)  # the first says nothing any more
    assert line.state() is CaptionsState.MISSING
    line.goes_on(second)
    line.hangs_up()
    settle(second)
    after = line.captions()
    assert [caption.text for caption in after[: len(before)]] == [caption.text for caption in before]
    assert all(caption.final for caption in after)
    spans = [(caption.start, caption.end) for caption in after if caption.channel is Channel.PATIENT]
    assert all(one[1] <= two[0] + 0.5 for one, two in pairwise(spans)), "nothing is said twice"
    assert "人" in line.text(Channel.PATIENT)
    first.turn()
    assert first.follows == (), "the first, woken, sees that the call is another's"


def test_a_follower_that_is_stopped_in_order_lets_the_next_one_begin_at_once(floor: Floor) -> None:
    line, first = floor.call(CHAT), floor.follower()
    line.goes_on(first, until=3.0)
    first.close()
    second = floor.follower()
    settle(second)
    assert second.follows == (line.recording_id,)
    second.close()


def test_a_refused_recording_has_no_captions_from_that_instant_on(floor: Floor) -> None:
    line, follower = floor.call(CHAT), floor.follower()
    line.goes_on(follower, until=5.0)
    assert line.captions()
    with floor.units() as uow:
        call = uow.calls.for_update(line.call_id)
        assert call is not None
        refuse_recording(uow, call, by=None)
        uow.commit()
    assert line.captions() == []
    line.goes_on(follower)
    assert line.captions() == []
    assert line.state() is CaptionsState.MISSING
    assert follower.follows == ()


def test_a_caption_that_is_just_being_written_does_not_outlive_a_refusal(floor: Floor) -> None:
    line = floor.call(CHAT)

    def refuse() -> None:
        with floor.units() as uow:
            call = uow.calls.for_update(line.call_id)
            assert call is not None
            refuse_recording(uow, call, by=None)
            uow.commit()

    with floor.units() as uow:
        recording = uow.recordings.for_update(line.recording_id)
        assert recording is not None
        assert uow.captions.may_be_written(recording)
        uow.captions.put(
            Caption(
                id=new_id(),
                recording_id=line.recording_id,
                channel=Channel.PATIENT,
                start=1.0,
                end=2.0,
                text="不要录音",
                stable=4,
                final=True,
                confidence=0.9,
            )
        )
        refusing = threading.Thread(target=refuse)
        refusing.start()
        until(floor.somebody_waits, timeout=20, what="the refusal waits for the row")
        uow.commit()
    refusing.join()
    assert line.captions() == []


def test_while_the_recording_is_paused_nothing_is_heard(floor: Floor) -> None:
    line, follower = floor.call(CHAT), floor.follower()
    line.goes_on(follower, until=2.0)
    with floor.units() as uow:
        recording = uow.recordings.for_update(line.recording_id)
        assert recording is not None
        recording.pauses = [{"from": 2.0, "to": None}]
        uow.commit()
    assert line.state() is CaptionsState.PAUSED
    line.spool.pause(1.0)
    settle(follower)
    shown = [caption.id for caption in line.captions()]
    line.spool.pause(20.0)
    settle(follower)
    assert [caption.id for caption in line.captions()] == shown
    assert "人" not in line.text(Channel.PATIENT)


def test_no_more_calls_are_followed_than_the_machine_can_and_the_others_are_told_to_have_none(floor: Floor) -> None:
    lines = [floor.call(CHAT) for _ in range(3)]
    follower = floor.follower(most_calls=2)
    settle(follower)
    assert len(follower.follows) == 2
    assert sorted(line.state() for line in lines) == [CaptionsState.LIVE, CaptionsState.LIVE, CaptionsState.MISSING]
    lines[0 if lines[0].recording_id in follower.follows else 1].hangs_up()
    settle(follower)
    settle(follower)
    assert len(follower.follows) == 2, "there is room for the third now"


def test_what_a_killed_follower_could_not_tell_any_more_is_neither_lost_nor_written_twice(floor: Floor) -> None:
    line, first = floor.call(CHAT), floor.follower()
    line.goes_on(first, until=6.0)
    before = line.captions()
    assert before[0].final
    with floor.units() as uow:  # it was killed within the second after writing it
        assert uow.captions.tell(
            line.recording_id, first.name, uow.now - 2 * FOLLOWER_SILENT, heard_until=0.0, behind=0.0
        )
        uow.commit()
    second = floor.follower()
    line.goes_on(second)
    line.hangs_up()
    settle(second)
    after = line.captions()
    assert (after[0].id, after[0].text) == (before[0].id, before[0].text)
    spans = [(caption.start, caption.end) for caption in after if caption.channel is Channel.PATIENT]
    assert all(one[1] <= two[0] + 0.5 for one, two in pairwise(spans))
    assert line.left_out() == 0


def test_sentences_that_nobody_followed_are_left_out_one_by_one_and_none_is_cut_in_two(floor: Floor) -> None:
    line, follower = floor.call(CHAT), floor.follower()
    line.began_ago(len(CHAT) / RATE + 3.0)
    line.goes_on()  # nobody was there, and all of it was said
    line.spool.pause(3.0)
    settle(follower)
    line.hangs_up()
    settle(follower)
    shown, (first, *_) = line.captions(), SPOKEN
    assert line.left_out() + len(shown) >= len(SPOKEN)
    assert line.left_out() > 0
    assert all(any(abs(one.start - start) < 0.7 for start, _ in SPOKEN) for one in shown), "none begins in the middle"
    assert not any(one.start < first[1] for one in shown)


def test_a_call_that_is_joined_late_tells_that_what_was_said_before_is_left_to_the_transcript(
    floor: Floor, weights: Weights, tmp_path: Path
) -> None:
    pause = np.zeros((31 * RATE, 2), dtype=np.int16)
    line = floor.call(np.concatenate([CHEST_PAIN, pause, conversation(("patient", "zh_patient_autumn_3"))]))
    before = (len(CHEST_PAIN) + len(pause)) / RATE
    line.began_ago(before)
    line.goes_on(until=before)
    follower = floor.follower()
    settle(follower)
    assert line.left_out() == 1
    line.goes_on(follower)
    line.hangs_up()
    settle(follower)
    assert line.captions()
    assert min(caption.start for caption in line.captions()) > before - 1
    assert (line.left_out(), line.alerts()) == (1, [])

    store = ObjectStore(tmp_path / "store")
    ingest(floor.units, store, line.recording_id)
    transcribe(floor.units, store, FasterWhisper(weights, beam_size=1), RED_FLAGS, line.recording_id)
    assert line.alerts(), "what no caption showed is heard in the recording"


def test_captions_whose_transcript_never_came_are_gone_after_a_day(floor: Floor) -> None:
    line, follower = floor.call(CHAT), floor.follower()
    line.goes_on(follower, until=5.0)
    with floor.units() as uow:
        assert uow.captions.forget_old(uow.now - KEPT_FOR, limit=10) == 0
        assert uow.captions.forget_old(uow.now + timedelta(seconds=1), limit=10) == 1
        uow.commit()
    assert line.captions() == []
