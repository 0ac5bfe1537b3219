"""Searching what was said: who finds what, where it was said, and what the audit log says of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from care.care_team import GLASS_OPEN, CareTeamMember
from care.patients import Patient
from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.attempts import AttemptState
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from runtime.embedded import Engines
from runtime.identifiers import new_id
from runtime.worker_context import forget_parts, provide
from tests.integration.api.house import SEARCH, Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt, an_encounter
from transcription.tasks import index_turns
from transcription.turn_index import TurnIndex
from transcription.written import written

Said = tuple[str, ...]


@pytest.fixture(scope="module")
def house(engines: Engines, module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests here: each says words of its own."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that was heard."""

    patient: Patient
    recording: Recording
    agent_id: str
    queue_id: str
    attempt_id: str


def a_heard_call(
    house: House,
    *said: str,
    patient: Patient | None = None,
    department: str | None = None,
    days_ago: float = 0.0,
    agent_id: str | None = None,
    outcome: AttemptOutcome = AttemptOutcome.CONNECTED_PATIENT,
    seconds: float = 60.0,
    confidence: float = 0.9,
) -> Call:
    """A call in which the agent and the patient say these sentences in turn, five seconds each; it is indexed."""
    with house.rows() as uow:
        patient = patient or a_patient(uow)
        if department is not None:
            an_encounter(uow, patient, department=department)
        queue = a_queue(uow)
        agent_id = agent_id or an_agent(uow, queue).id
        at = uow.now - timedelta(days=days_ago, minutes=30)
        attempt = an_attempt(
            uow,
            a_task(uow, patient, queue),
            state=AttemptState.CLOSED,
            closed_at=at + timedelta(days=-30),
            outcome=outcome,
            agent_id=agent_id,
        )
        call = a_call(uow, attempt, agent_id=agent_id)
        recording = a_recording(
            uow, call, Path("nowhere"), state=RecordingState.TRANSCRIBED, started_at=at, seconds=seconds
        )
        hear(uow, recording, said, confidence)
    assert TurnIndex(house.units, SEARCH.words).bring(recording.id)
    return Call(patient=patient, recording=recording, agent_id=agent_id, queue_id=queue.id, attempt_id=attempt.id)


def hear(uow: Any, recording: Recording, said: Said, confidence: float = 0.9) -> None:
    """Add a transcript."""
    turns = []
    for position, words in enumerate(said):
        figures = written(words, "en" if words.isascii() else "zh")
        turns.append(
            Turn(
                channel=Channel.PATIENT if position % 2 else Channel.AGENT,
                start=5.0 * position,
                end=5.0 * position + 4.0,
                text=words,
                written="" if figures == words else figures,
                confidence=confidence,
            )
        )
    uow.recordings.add_transcript(
        Transcript(
            id=new_id(),
            recording_id=recording.id,
            language="zh",
            engine="test",
            model=f"model-{new_id()[:8]}",
            parameters={},
            turns=turns,
            created_at=uow.now,
        )
    )


def found(asking: Asking, words: str, **more: Any) -> list[tuple[str, float]]:
    """Recordings and seconds of the hits."""
    answer = asking.post("/searches", {"text": words, **more})
    assert answer.status_code == 200, answer.text
    return [(hit["recording_id"], hit["start"]) for hit in answer.json()["hits"]]


def of_departments(house: House, *departments: str, role: Role = Role.SUPERVISOR) -> Asking:
    asking = house.caller(role)
    with house.rows() as uow:
        user = uow.users.get(asking.user_id)
        assert user is not None
        user.departments = list(departments)
    return asking


@pytest.fixture(scope="module")
def supervisor(house: House) -> Asking:
    """A supervisor of the whole house."""
    return house.caller(Role.SUPERVISOR)


def test_words_and_figures_find_the_same_second_and_the_log_says_who_opened_it(
    house: House, supervisor: Asking
) -> None:
    call = a_heard_call(house, "您今天血压多少", "早上量的血压一百四十，脉搏七十二", "好的")
    here = (call.recording.id, 5.0)
    for words in ("血压 一百四十", "140 脉搏", "血压 140", "脉搏72", "血壓 一百四十", "xueya 140 maibo"):
        assert found(supervisor, words) == [here], words
    answer = supervisor.post("/searches", {"text": "脉搏 140", "count": True}).json()
    (hit,) = answer["hits"]
    assert answer["count"] == {"turns": 1, "recordings": 1, "more": False}
    marked = [hit["snippet"]["text"][mark["start"] : mark["end"]] for mark in hit["snippet"]["marks"]]
    assert "脉搏" in marked
    opened = supervisor.get(f"/search-hits/{hit['id']}", params={"search_id": answer["search_id"]}).json()
    assert opened["start"] == 5.0
    assert [turn["is_hit"] for turn in opened["turns"]] == [False, True, False]
    assert "140" in opened["turns"][1]["written"]
    with house.units() as uow:
        (searched,) = uow.audit.of_subject("search", answer["search_id"])
        (line,) = uow.audit.of_subject("recording", call.recording.id)
    assert (searched.user_id, searched.detail["asked"]["text"]) == (supervisor.user_id, "脉搏 140")
    assert searched.detail["recordings"] == [call.recording.id]
    assert (line.action, line.user_id, line.patient_id) == (
        "search_hit_opened",
        supervisor.user_id,
        call.patient.id,
    )
    assert line.detail == {"hit": hit["id"], "second": 5.0, "search": answer["search_id"]}


@pytest.mark.parametrize(
    ("said", "typed", "is_found"),
    [
        ("医生说是肺栓塞要住院", "栓塞", True),
        ("医生说是肺栓塞要住院", "栓塞要", True),
        ("一共吃了四百四十毫克", "四十", False),
        ("吃拜新同降压", "硝苯地平", True),
        ("胸口疼了两天了", "胸痛", True),
        ("胸口疼了两天了", "chest pain", True),
        ("She felt dizziness after the warfarin", "dizzy 华法林", True),
        ("She felt dizziness after the warfarin", "dizz*", True),
        ("She felt dizziness after the warfarin", '"felt warfarin"', False),
        ("昨天做了胃镜没有息肉", "胃镜 -息肉", False),
        ("昨天做了胃镜没有息肉", "weijing", True),
        ("昨天做了胃镜没有息肉", "息", True),
        ("这两天雪压高", "血压高", False),
    ],
)
def test_what_was_said_is_found_as_people_type_it(
    house: House, supervisor: Asking, said: str, typed: str, is_found: bool
) -> None:
    call = a_heard_call(house, said)
    assert ((call.recording.id, 0.0) in found(supervisor, typed, patient_id=call.patient.id)) is is_found


def test_misheard_words_are_found_by_their_sound(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "我的旧事复发了", "就是说旧式的药")
    of_him = {"patient_id": call.patient.id}
    assert found(supervisor, "旧式", **of_him) == [(call.recording.id, 5.0)]
    assert len(found(supervisor, "旧式", by_sound=True, **of_him)) == 2


def test_a_department_finds_its_own_patients_and_no_others(house: House) -> None:
    inside, outside = (a_heard_call(house, "白内障手术以后看得清楚", department=name) for name in ("眼科甲", "眼科乙"))
    nobodys = a_heard_call(house, "白内障手术以后还没复诊")
    own = of_departments(house, "眼科甲")
    assert {each for each, _ in found(own, "白内障")} == {inside.recording.id, nobodys.recording.id}
    assert own.post("/searches", {"text": "白内障", "count": True}).json()["count"]["turns"] == 2
    assert len(found(house.caller(Role.SUPERVISOR), "白内障")) == 3
    shut = own.post("/searches", {"text": "白内障", "patient_id": outside.patient.id})
    assert shut.json()["code"] == "outside_care_team"
    (hit,) = (
        house.caller(Role.DOCTOR).post("/searches", {"text": "清楚", "patient_id": outside.patient.id}).json()["hits"]
    )
    assert own.get(f"/search-hits/{hit['id']}").json()["code"] == "outside_care_team"


def test_rights_that_change_change_what_is_found_at_once(house: House) -> None:
    call = a_heard_call(house, "鼻窦炎又犯了", department="耳鼻喉科甲")
    here = [(call.recording.id, 0.0)]
    other = of_departments(house, "耳鼻喉科乙")
    assert found(other, "鼻窦炎") == []
    glass = other.post(f"/patients/{call.patient.id}/broken-glasses", {"reason": "emergency"})
    assert glass.status_code == 201, glass.text
    assert found(other, "鼻窦炎") == here
    with house.rows() as uow:
        opened = uow.care_team.glass_for_update(glass.json()["id"])
        assert opened is not None
        opened.until = uow.now - GLASS_OPEN
    assert found(other, "鼻窦炎") == []
    with house.rows() as uow:
        uow.care_team.add(
            CareTeamMember(
                id=new_id(),
                patient_id=call.patient.id,
                department="耳鼻喉科乙",
                role="consultant",
                reason="consult",
                since=uow.now,
            )
        )
    assert found(other, "鼻窦炎") == here
    with house.rows() as uow:
        (member,) = uow.care_team.members_of(call.patient.id)
        member.until = uow.now - timedelta(seconds=1)
    assert found(other, "鼻窦炎") == []
    with house.rows() as uow:
        an_encounter(uow, call.patient, department="耳鼻喉科乙")
    assert found(other, "鼻窦炎") == here


def test_a_merged_patients_words_are_found_with_the_record_they_went_into(house: House) -> None:
    call = a_heard_call(house, "荨麻疹起了一身", department="皮肤科甲")
    with house.rows() as uow:
        known = a_patient(uow)
        an_encounter(uow, known, department="皮肤科乙")
    other = of_departments(house, "皮肤科乙")
    assert found(other, "荨麻疹") == []
    with house.rows() as uow:
        uow.merges.merge(from_patient=call.patient.id, into_patient=known.id, reason="same", by=None, at=uow.now)
    answer = other.post("/searches", {"text": "荨麻疹"}).json()
    assert [hit["patient_id"] for hit in answer["hits"]] == [known.id]


def test_agents_find_their_own_calls_and_all_of_a_patient_they_name(house: House) -> None:
    agent = house.caller(Role.AGENT)
    with house.rows() as uow:
        desk = an_agent(uow)
    call = a_heard_call(house, "痔疮手术后有点出血", agent_id=desk.id)
    assert found(agent, "痔疮") == []
    assert found(agent, "痔疮", patient_id=call.patient.id) == [(call.recording.id, 0.0)]
    refused = agent.post("/searches", {"text": "痔疮", "agent_ids": [desk.id]})
    assert refused.json()["code"] == "not_yours"


def test_filters_narrow_and_add_up(house: House, supervisor: Asking) -> None:
    old = a_heard_call(
        house,
        "甲状腺结节",
        "甲状腺查过了",
        days_ago=40,
        outcome=AttemptOutcome.CONNECTED_PROXY,
        seconds=20,
        confidence=0.4,
    )
    new = a_heard_call(house, "甲状腺结节", "甲状腺查过了", department="甲乳外科", days_ago=3)
    with house.rows() as uow:
        alert = Alert(
            id=new_id(),
            patient_id=new.patient.id,
            attempt_id=new.attempt_id,
            recording_id=new.recording.id,
            code="neck",
            level=AlertLevel.AMBER,
            at_second=1.0,
            raised_at=uow.now,
        )
        uow.alerts.add(alert)
        now = uow.now

    def which(**filters: Any) -> set[str]:
        names = {old.recording.id: "old", new.recording.id: "new"}
        return {names[recording] for recording, _ in found(supervisor, "甲状腺", **filters)}

    assert which() == {"old", "new"}
    assert which(queue_ids=[new.queue_id]) == {"new"}
    assert which(agent_ids=[old.agent_id, new.agent_id]) == {"old", "new"}
    assert which(agent_ids=[old.agent_id], queue_ids=[new.queue_id]) == set()
    assert which(patient_id=old.patient.id) == {"old"}
    assert which(since=(now - timedelta(days=10)).isoformat()) == {"new"}
    assert which(until=(now - timedelta(days=10)).isoformat()) == {"old"}
    assert which(outcomes=["connected-proxy"]) == {"old"}
    assert which(purposes=["care"]) == {"old", "new"}
    assert which(purposes=["research"]) == set()
    assert which(alert_levels=["amber", "red"]) == {"new"}
    assert which(alert_levels=["red"]) == set()
    assert which(least_confidence=0.8) == {"new"}
    assert which(longest_seconds=30) == {"old"}
    assert which(shortest_seconds=30) == {"new"}
    assert len(found(supervisor, "甲状腺", channel="patient")) == 2
    with house.rows() as uow:
        attempt = uow.attempts.for_update(new.attempt_id)
        assert attempt is not None
        attempt.outcome = AttemptOutcome.CONNECTED_PROXY
    assert which(outcomes=["connected-proxy"]) == {"old", "new"}


def test_pages_follow_each_other_newest_first_without_gap_or_double(house: House, supervisor: Asking) -> None:
    days = (0.0, 1.0, 1.9, 2.1, 14.0, 16.0, 119.0, 121.0, 500.0)
    for ago in days:
        a_heard_call(house, "疱疹", "疱疹后神经痛", days_ago=ago)
    whole = supervisor.post("/searches", {"text": "疱疹", "limit": 100}).json()
    instants = [hit["at"] for hit in whole["hits"]]
    assert len(instants) == 2 * len(days)
    assert instants == sorted(instants, reverse=True)
    assert whole["next"] is None
    paged, after = [], None
    while True:
        page = supervisor.post("/searches", {"text": "疱疹", "limit": 5, "after": after}).json()
        paged += [hit["id"] for hit in page["hits"]]
        after = page["next"]
        if after is None:
            break
    assert paged == [hit["id"] for hit in whole["hits"]]
    assert supervisor.post("/searches", {"text": "疱疹", "after": "yesterday"}).json()["field"] == "after"


def test_a_page_that_is_half_full_with_all_there_is_ends(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, *["腱鞘炎疼"] * 30)
    assert len(found(supervisor, "腱鞘炎", patient_id=call.patient.id)) == 30


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"after": "0001-01-01T00:00:00+00:00_1"}, 200),
        ({"until": "0001-01-01T00:00:00+00:00"}, 200),
        ({"after": "0001-01-01T00:00:00+14:00_1"}, 422),
        ({"until": "9999-12-31T23:59:59-14:00"}, 422),
        ({"after": "2026-01-01T00:00:00+00:00_99999999999999999999"}, 422),
    ],
)
def test_an_instant_or_place_beyond_all_time_is_no_failure_of_ours(
    supervisor: Asking, more: dict[str, Any], status: int
) -> None:
    assert supervisor.post("/searches", {"text": "好", **more}).status_code == status


def test_a_record_that_went_into_another_is_searched_there(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "滑囊炎发作")
    with house.rows() as uow:
        into = a_patient(uow)
        uow.merges.merge(from_patient=call.patient.id, into_patient=into.id, reason="same", by=None, at=uow.now)
    assert found(supervisor, "滑囊炎", patient_id=call.patient.id) == [(call.recording.id, 0.0)]


def test_what_holds_no_word_is_refused_in_words(house: House, supervisor: Asking) -> None:
    refused = supervisor.post("/searches", {"text": "？！ …"})
    assert (refused.status_code, refused.json()["field"]) == (422, "text")
    assert "no word" in refused.json()["reason"]
    for odd in ("' | !(&", "a:* <-> \\", "-", "'; drop table", '""', "%_", "\u3000血"):
        assert supervisor.post("/searches", {"text": odd}).status_code in (200, 422), odd


def test_a_newer_transcript_takes_the_place_of_the_older_and_indexing_again_changes_nothing(
    house: House, supervisor: Asking
) -> None:
    call = a_heard_call(house, "帕金森病的药")
    (hit,) = supervisor.post("/searches", {"text": "帕金森"}).json()["hits"]
    index = TurnIndex(house.units, SEARCH.words)
    assert not index.bring(call.recording.id)
    assert supervisor.get(f"/search-hits/{hit['id']}").status_code == 200
    with house.rows() as uow:
        hear(uow, call.recording, ("阿尔茨海默病的药",))
    provide(index)
    try:
        index_turns(call.recording.id)
    finally:
        forget_parts()
    assert found(supervisor, "帕金森") == []
    assert found(supervisor, "阿尔茨海默") == [(call.recording.id, 0.0)]
    gone = supervisor.get(f"/search-hits/{hit['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_search_hit")
    assert "search again" in gone.json()["reason"]


def test_what_lacks_is_put_in_and_all_of_it_anew_when_asked(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "类风湿关节炎早上手僵")
    with house.rows() as uow:
        uow.turn_search.forget(call.recording.id)
    assert found(supervisor, "类风湿") == []
    index = TurnIndex(house.units, SEARCH.words)
    assert [progress.indexed for progress in index.bring_all()] == [1]
    assert found(supervisor, "类风湿") == [(call.recording.id, 0.0)]
    assert list(index.bring_all()) == []
    steps = list(index.bring_all(anew=True))
    assert steps[-1].looked_at == steps[-1].of == steps[-1].indexed > 10
    assert found(supervisor, "类风湿") == [(call.recording.id, 0.0)]


def test_words_go_with_their_transcript(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "白癜风用了药膏")
    assert len(found(supervisor, "白癜风")) == 1
    with house.units.engine.begin() as connection:
        connection.execute(text("DELETE FROM transcripts WHERE recording_id = :id"), {"id": call.recording.id})
    assert found(supervisor, "白癜风") == []
    with house.units() as uow:
        assert uow.turn_search.indexed_as(call.recording.id) is None
