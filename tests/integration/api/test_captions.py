"""Who may read what is being said in a call, what is told of it, and the one line that it leaves in the log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from api.auth import begin_log_in
from db.users import Role
from followup.calls import CallState
from followup.captions import BEHIND_SECONDS, FOLLOWER_SILENT, Caption
from followup.recordings import Channel, RecordingState, RecordingTrigger, Transcript, next_recording_state
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House, Person, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt

BUSY_MACHINE = timedelta(minutes=1)
"""Between what is written and what is asked a busy machine may take longer than a follower may be silent."""

SAID = (
    (Channel.AGENT, 0.5, "您好", True),
    (Channel.PATIENT, 1.0, "血压一百四十", True),
    (Channel.PATIENT, 4.0, "我胸口", False),
)


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@dataclass(frozen=True)
class Talk:
    """A call that goes on, its agent, and something said in it."""

    house: House
    agent: Asking
    call_id: str
    recording_id: str
    queue_id: str

    @property
    def path(self) -> str:
        return f"/calls/{self.call_id}/captions"

    def viewed_by(self) -> list[str]:
        with self.house.rows() as uow:
            rows = uow.audit.of_subject("call", self.call_id)
            return [row.user_id for row in rows if row.action == "captions_viewed"]


@pytest.fixture
def talk(house: House, tmp_path: Path) -> Talk:
    with house.rows() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        user = uow.users.get(agent.id)
        assert user is not None
        token, _ = begin_log_in(uow, user)
        attempt = an_attempt(uow, a_task(uow, a_patient(uow), queue), agent_id=agent.id)
        call = a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
        recording = a_recording(uow, call, tmp_path, state=RecordingState.RECORDING, started_at=uow.now)
        assert uow.captions.follow(recording.id, "somebody", "zh", uow.now + BUSY_MACHINE) is not None
        for channel, start, text, final in SAID:
            uow.captions.put(
                Caption(
                    id=new_id(),
                    recording_id=recording.id,
                    channel=channel,
                    start=start,
                    end=start + 2,
                    text=text,
                    written="血压140" if "一百四十" in text else "",
                    stable=len(text) if final else 2,
                    final=final,
                    confidence=0.8,
                )
            )
    person = Person(user_id=agent.id, login=user.login, token=token)
    return Talk(house, Asking(house, person), call.id, recording.id, queue.id)


def test_the_agent_of_the_call_and_her_supervisor_read_along_and_the_log_says_so_once(talk: Talk, house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    for reader in (talk.agent, supervisor, talk.agent, supervisor):
        read = reader.get(talk.path)
        assert read.status_code == 200, read.text
        answer = read.json()
        assert (answer["state"], answer["language"], answer["recording_id"]) == ("live", "zh", talk.recording_id)
        assert [(each["channel"], each["text"], each["final"]) for each in answer["captions"]] == [
            (channel, text, final) for channel, _, text, final in SAID
        ]
        assert [each["written"] for each in answer["captions"]] == ["", "血压140", ""]
        assert answer["captions"][2]["stable"] == 2
    assert talk.viewed_by() == [talk.agent.user_id, supervisor.user_id]
    since = talk.agent.get(talk.path, params={"since": 5}).json()["captions"]
    assert [each["text"] for each in since] == ["我胸口"]


def test_nobody_else_reads_along(talk: Talk, house: House) -> None:
    other = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        elsewhere = a_queue(uow)
        user = uow.users.get(other.user_id)
        assert user is not None
        user.overseen_queues = [elsewhere.id]
    for stranger in (house.caller(Role.AGENT), other):
        refused = stranger.get(talk.path)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    for role in (Role.DOCTOR, Role.ADMIN, Role.REGISTRAR):
        assert house.caller(role).get(talk.path).status_code == 403
    assert house.stranger().get(talk.path).status_code == 401
    assert talk.agent.get(f"/calls/{new_id()}/captions").status_code == 404
    assert talk.viewed_by() == []
    with house.rows() as uow:
        user = uow.users.get(other.user_id)
        assert user is not None
        user.overseen_queues = [talk.queue_id]
    assert other.get(talk.path).status_code == 200


def test_the_state_says_whether_somebody_listens_and_how_well(talk: Talk, house: House) -> None:
    def state() -> str:
        return str(talk.agent.get(talk.path).json()["state"])

    with house.rows() as uow:
        late = BEHIND_SECONDS + 1
        assert uow.captions.tell(talk.recording_id, "somebody", uow.now + BUSY_MACHINE, heard_until=1.0, behind=late)
        uow.captions.count_left_out(talk.recording_id)
    answer = talk.agent.get(talk.path).json()
    assert (answer["state"], answer["behind"], answer["left_out"]) == ("behind", late, 1)
    with house.rows() as uow:
        recording = uow.recordings.for_update(talk.recording_id)
        assert recording is not None
        recording.pauses = [{"from": 5.0, "to": None}]
    assert state() == "paused"
    with house.rows() as uow:
        recording = uow.recordings.for_update(talk.recording_id)
        assert recording is not None
        recording.pauses = [{"from": 5.0, "to": 6.0}]
        silent = uow.now - FOLLOWER_SILENT - timedelta(seconds=1)
        uow.captions.tell(talk.recording_id, "somebody", silent, heard_until=1.0, behind=0.0)
    assert state() == "missing"
    with house.rows() as uow:
        recording = uow.recordings.for_update(talk.recording_id)
        assert recording is not None
        recording.state = next_recording_state(recording.state, RecordingTrigger.CAPTURE)
    assert state() == "ended"
    with house.rows() as uow:
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=talk.recording_id,
                language="zh",
                engine="test",
                model="none",
                parameters={},
                turns=[],
                created_at=uow.now,
            )
        )
    replaced = talk.agent.get(talk.path).json()
    assert (replaced["state"], replaced["captions"]) == ("replaced", [])


def test_a_call_that_is_not_recorded_has_none(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
    answer = supervisor.get(f"/calls/{call.id}/captions").json()
    assert (answer["state"], answer["recording_id"], answer["captions"]) == ("missing", None, [])
