"""Supervisors write sets of keywords; what is said is listed with its second, and who looked is noted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.users import Role
from followup.recordings import Channel, Transcript, Turn
from runtime.content.library import Content
from runtime.embedded import Engines
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt
from transcription.keywords import find_keywords

SHIPPED = Content(REPOSITORY / "content").keyword_sets
CUT_SHORT = {
    "title": {"zh": "打断", "en": "Cut short"},
    "side": "agent",
    "reason": "晨会上说好的",
    "keywords": [
        {"code": "in_a_hurry", "title": {"zh": "催促", "en": "hurry"}, "zh": ["(快点|赶紧)说"], "en": ["hurry up"]}
    ],
}


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def supervisor(house: House) -> Asking:
    return house.caller(Role.SUPERVISOR)


def _call(house: House, *said: tuple[Channel, str]) -> str:
    with house.rows() as uow:
        queue = a_queue(uow)
        attempt = an_attempt(uow, a_task(uow, a_patient(uow), queue), agent_id=an_agent(uow, queue).id)
        recording = a_recording(uow, a_call(uow, attempt), Path("gone"))
        recording_id = recording.id
        uow.flush()
        uow.recordings.add_transcript(_transcript(recording_id, uow.now, said))
        uow.commit()
    return recording_id


def _transcript(recording_id: str, at: object, said: tuple[tuple[Channel, str], ...]) -> Transcript:
    turns = [
        Turn(channel=channel, start=10.0 * number, end=10.0 * number + 4, text=text, confidence=0.9)
        for number, (channel, text) in enumerate(said)
    ]
    return Transcript(
        id=new_id(), recording_id=recording_id, language="zh", engine="test", model="test", parameters={"n": new_id()},
        turns=turns, created_at=at,  # type: ignore[arg-type]
    )  # fmt: skip


def _hits(asking: Asking, recording_id: str) -> list[tuple[str, str, str, float]]:
    hits = asking.get("/keyword-hits").json()["hits"]
    return sorted(
        (hit["set_id"], hit["code"], hit["heard"], hit["at_second"])
        for hit in hits
        if hit["recording_id"] == recording_id
    )


def test_what_each_side_says_is_found_on_its_own_side_and_found_anew_in_another_transcript(
    house: House, supervisor: Asking
) -> None:
    recording_id = _call(
        house,
        (Channel.AGENT, "您放心，保证能治好"),
        (Channel.PATIENT, "我等了两个多小时，要投诉你们"),
        (Channel.PATIENT, "大夫保证能治好的"),
    )
    for _ in range(2):
        find_keywords(house.units, SHIPPED, recording_id)
    assert [(one, code) for one, code, _, _ in _hits(supervisor, recording_id)] == [
        ("complaints", "complaint"), ("complaints", "waiting"), ("promises", "cure_promised"),
    ]  # fmt: skip
    (promise,) = [hit for hit in _hits(supervisor, recording_id) if hit[0] == "promises"]
    assert promise[2] == "保证能治好"
    assert promise[3] == pytest.approx(4 * 4 / 9, abs=0.1)

    with house.rows() as uow:
        uow.recordings.add_transcript(_transcript(recording_id, uow.now, ((Channel.PATIENT, "谢谢你们"),)))
        uow.commit()
    find_keywords(house.units, SHIPPED, recording_id)
    assert _hits(supervisor, recording_id) == []


def test_a_supervisors_set_is_listened_for_until_it_is_retired(house: House, supervisor: Asking) -> None:
    written = supervisor.post("/keyword-sets/cut_short", CUT_SHORT)
    assert written.status_code == 200, written.text
    assert (written.json()["version"], written.json()["own"]) == (1, True)
    said = ((Channel.AGENT, "您快点说，后面还有人"),)
    first = _call(house, *said)
    find_keywords(house.units, SHIPPED, first)
    assert [(one, heard) for one, _, heard, _ in _hits(supervisor, first)] == [("cut_short", "快点说")]

    retired = supervisor.post("/keyword-sets/cut_short/retire", {"reason": "不再需要"})
    assert (retired.json()["version"], retired.json()["status"]) == (2, "retired")
    second = _call(house, *said)
    find_keywords(house.units, SHIPPED, second)
    assert _hits(supervisor, second) == []
    assert len(_hits(supervisor, first)) == 1


def test_a_shipped_set_is_replaced_by_a_supervisors_of_the_same_id(house: House, supervisor: Asking) -> None:
    supervisor.post("/keyword-sets/abuse", {**CUT_SHORT, "side": "both"})
    sets = {one["id"]: one for one in supervisor.get("/keyword-sets").json()["sets"]}
    assert (sets["abuse"]["own"], sets["abuse"]["version"], sets["complaints"]["own"]) == (True, 2, False)
    recording_id = _call(house, (Channel.PATIENT, "你这个骗子，赶紧说"))
    find_keywords(house.units, SHIPPED, recording_id)
    assert [hit[:2] for hit in _hits(supervisor, recording_id)] == [("abuse", "in_a_hurry")]


def test_a_phrase_that_cannot_be_read_is_refused_with_its_place(supervisor: Asking) -> None:
    keyword = {**CUT_SHORT["keywords"][0], "zh": ["(快点|赶紧说"]}  # type: ignore[index]
    refused = supervisor.post("/keyword-sets/cut_short", {**CUT_SHORT, "keywords": [keyword]})
    assert refused.status_code == 422
    assert "in_a_hurry" in refused.text
    assert "not closed" in refused.text
    unknown = supervisor.post("/keyword-sets/nobody_knows/retire", {"reason": "没有"})
    assert unknown.json()["code"] == "unknown_keyword_set"


def test_who_looked_at_hits_is_noted_and_agents_may_not_look(house: House, supervisor: Asking) -> None:
    supervisor.get("/keyword-hits?set_id=complaints")
    with house.rows() as uow:
        assert uow.audit.has(
            user_id=supervisor.user_id, action="list_keyword_hits", subject_kind="keyword_set", subject="complaints"
        )
    assert house.caller(Role.AGENT).get("/keyword-hits").status_code == 403
