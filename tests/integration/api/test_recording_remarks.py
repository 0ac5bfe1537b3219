"""The list of recorded calls, comments, corrections that the search finds, who listened, files that leave the house."""

from datetime import timedelta
from typing import Any

import pytest

from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.recordings import RecordingState
from recordings.object_store import recording_uri
from runtime.identifiers import new_id
from tests.integration.api.house import SEARCH, Asking, House
from tests.integration.api.test_searches import Call, a_heard_call, found
from tests.support.builders import an_encounter
from transcription.turn_index import TurnIndex


def listed(asking: Asking, **filters: Any) -> list[str]:
    answer = asking.get("/recordings", params=filters)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["recordings"]]


def correction(asking: Asking, call: Call, turn: int, words: str, after: str | None = None) -> Any:
    transcript = asking.get(f"/recordings/{call.recording.id}/transcript").json()
    return asking.post(
        f"/recordings/{call.recording.id}/corrections",
        {"transcript_id": transcript["id"], "turn": turn, "words": words, "after": after},
    )


def test_the_list_is_newest_first_page_by_page_and_narrowed_by_each_filter(house: House, supervisor: Asking) -> None:
    calls = [a_heard_call(house, "您好", days_ago=day, seconds=60.0 * (day + 1)) for day in range(3)]
    ids = [call.recording.id for call in calls]
    assert listed(supervisor) == ids
    first = supervisor.get("/recordings", params={"limit": 2}).json()
    rest = supervisor.get("/recordings", params={"limit": 2, "after": first["next"]}).json()
    assert ([each["id"] for each in rest["recordings"]], rest["next"]) == (ids[2:], None)
    with house.rows() as uow:
        uow.alerts.add(
            Alert(
                id=new_id(),
                patient_id=calls[1].patient.id,
                recording_id=ids[1],
                code="chest_pain",
                level=AlertLevel.RED,
                raised_at=uow.now,
            )
        )
        an_encounter(uow, calls[1].patient)
        since = (uow.now - timedelta(days=1, hours=12)).isoformat()
    assert listed(supervisor, alert="red") == [ids[1]]
    assert listed(supervisor, agent_id=calls[2].agent_id) == [ids[2]]
    assert listed(supervisor, queue_id=[calls[0].queue_id, calls[2].queue_id]) == [ids[0], ids[2]]
    assert listed(supervisor, since=since) == ids[:2]
    assert listed(supervisor, shortest_seconds=100, longest_seconds=130) == [ids[1]]
    assert listed(supervisor, outcome="no-answer") == []
    assert listed(supervisor, patient_id=calls[0].patient.id) == [ids[0]]
    assert listed(supervisor, gap=True) == []
    assert listed(supervisor, least_score=1) == []
    assert supervisor.get("/recordings", params={"after": "nonsense"}).json()["code"] == "invalid_request"
    shown = supervisor.get("/recordings", params={"alert": "red"}).json()["recordings"][0]
    assert (shown["patient_name"], shown["alert_levels"], shown["number"][:6]) == ("测试", ["red"], "******")
    choices = supervisor.get("/recording-filters").json()
    assert calls[0].queue_id in {each["id"] for each in choices["queues"]}
    assert choices["departments"] == ["cardiology"]


def test_agents_list_their_own_calls_and_nobody_a_patient_of_another_department(house: House) -> None:
    nurse = house.caller(Role.AGENT)
    other = a_heard_call(house, "您好", department="儿科")
    assert listed(nurse) == []
    assert nurse.get("/recordings", params={"agent_id": other.agent_id}).json()["code"] == "not_yours"
    assert listed(nurse, patient_id=other.patient.id) == [other.recording.id]
    ward = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        keeper = uow.users.get(ward.user_id)
        assert keeper is not None
        keeper.departments = ["骨科"]
    assert listed(ward) == []
    for path in ("call", "comments", "accesses"):
        refused = ward.get(f"/recordings/{other.recording.id}/{path}")
        assert refused.json()["code"] == "outside_care_team"
    with house.rows() as uow:
        an_encounter(uow, other.patient, department="骨科")
    assert listed(ward) == [other.recording.id]


def test_a_comment_stands_at_its_second_until_who_made_it_takes_it_back(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    call = a_heard_call(house, "您好", "头晕")
    path = f"/recordings/{call.recording.id}/comments"
    made = agent.post(path, {"second": 12.5, "words": "没有说明录音"})
    assert made.status_code == 201
    assert agent.post(path, {"second": 61, "words": "后面"}).json()["field"] == "second"
    seen = supervisor.get(path).json()["comments"]
    assert [(each["second"], each["words"], each["own"]) for each in seen] == [(12.5, "没有说明录音", False)]
    assert listed(supervisor, commented=True) == [call.recording.id]
    taken = f"{path}/{made.json()['id']}/withdrawal"
    assert supervisor.post(taken).json()["code"] == "not_yours"
    assert agent.post(f"{path}/{new_id()}/withdrawal").json()["code"] == "unknown_comment"
    assert agent.post(taken).status_code == 200
    assert supervisor.get(path).json()["comments"] == []
    assert listed(supervisor, commented=True) == []


def test_a_correction_is_found_while_what_was_heard_is_kept(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "您好", "血压一百二", "吃了旧式药吗")
    made = correction(supervisor, call, 1, "血壓一百四")
    assert (made.status_code, made.json()["words"], made.json()["written"]) == (201, "血压一百四", "血压140")
    turn = supervisor.get(f"/recordings/{call.recording.id}/transcript").json()["turns"][1]
    assert (turn["text"], [each["words"] for each in turn["corrections"]]) == ("血压一百二", ["血压一百四"])
    assert found(supervisor, "血压一百二") == [(call.recording.id, 5.0)]  # until a worker has put it in anew
    assert TurnIndex(house.units, SEARCH.words).bring(call.recording.id)
    assert found(supervisor, "血压140") == [(call.recording.id, 5.0)]
    assert found(supervisor, "血压一百二") == []
    assert found(supervisor, "旧式药") == [(call.recording.id, 10.0)]


def test_two_who_correct_the_same_turn_do_not_write_over_each_other(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    own = a_heard_call(house, "您好", "头晕", agent_id=None)
    assert correction(agent, own, 0, "你好").json()["code"] == "not_yours"
    first = correction(supervisor, own, 0, "你好")
    assert correction(supervisor, own, 0, "大家好").json()["code"] == "not_possible_now"
    assert correction(supervisor, own, 0, "大家好", first.json()["id"]).status_code == 201
    assert correction(supervisor, own, 9, "没有").json()["field"] == "turn"
    corrections = supervisor.get(f"/recordings/{own.recording.id}/transcript").json()["turns"][0]["corrections"]
    assert [each["words"] for each in corrections] == ["你好", "大家好"]


def test_the_log_of_a_recording_joins_the_pieces_of_one_listening(house: House, supervisor: Asking) -> None:
    call = a_heard_call(house, "您好")
    with house.rows() as uow:
        kept = uow.recordings.for_update(call.recording.id)
        assert kept is not None
        kept.uri, kept.sha256, kept.size = recording_uri(kept.id, uow.now), "ab" * 32, 8
    house.store.put(kept.uri, b"fLaC1234")
    for start in range(3):
        supervisor.get(f"/recordings/{kept.id}/audio", headers={"Range": f"bytes={start}-"})
    accesses = supervisor.get(f"/recordings/{kept.id}/accesses").json()["accesses"]
    assert [(each["action"], each["times"], each["user_name"]) for each in accesses] == [
        ("recording_played", 3, "王敏")
    ]


def test_a_file_leaves_the_house_with_a_reason_and_by_a_supervisor_alone(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    call = a_heard_call(house, "您好")
    path = f"/recordings/{call.recording.id}/download"
    assert supervisor.post(path, {"reason": "法院调取"}).json()["code"] == "recording_not_stored"
    with house.rows() as uow:
        kept = uow.recordings.for_update(call.recording.id)
        assert kept is not None
        kept.uri, kept.sha256, kept.size = recording_uri(kept.id, uow.now), "ab" * 32, 8
    house.store.put(kept.uri, b"fLaC1234")
    assert agent.post(path, {"reason": "想听听"}).json()["code"] == "forbidden"
    assert supervisor.post(path, {"reason": " "}).json()["code"] == "invalid_request"
    file = supervisor.post(path, {"reason": "法院调取"})
    assert (file.content, file.headers["content-disposition"]) == (
        b"fLaC1234",
        f'attachment; filename="{kept.id}.flac"',
    )
    log = supervisor.get(f"/recordings/{kept.id}/accesses").json()["accesses"]
    assert [(each["action"], each["reason"]) for each in log] == [("recording_downloaded", "法院调取")]
    facts = agent.get(f"/recordings/{kept.id}/call").json()
    assert (facts["may_download"], facts["may_correct"], facts["may_see_accesses"]) == (False, False, False)


@pytest.mark.parametrize("state", [RecordingState.FAILED, RecordingState.EXPIRED])
def test_facts_of_a_recording_that_cannot_be_heard_are_told(
    house: House, supervisor: Asking, state: RecordingState
) -> None:
    call = a_heard_call(house, "您好")
    with house.rows() as uow:
        kept = uow.recordings.for_update(call.recording.id)
        assert kept is not None
        kept.state, kept.reason = state, "disk full"
    facts = supervisor.get(f"/recordings/{kept.id}/call").json()
    assert (facts["call"]["state"], facts["call"]["reason"]) == (state.value, "disk full")
