"""Judging calls: doubts about calls, scorecards, samples, appeals, blind rounds, evidence packs."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from care.patients import PatientId
from care.responses import GivenAnswer, Response, ResponseMode, ResponseState
from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.attempts import Attempt, AttemptState
from followup.heard_answers import HeardAnswer
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Transcript, Turn
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt

CARD = "follow_up_call"
ITEMS = (
    "identity disclosure recording_notice red_flag opening script answers advice listening closing".split()  # noqa: SIM905
)


def marks(**other: Any) -> list[dict[str, object]]:
    """All items met, but for those that are named: (mark, second)."""
    return [
        {"item": item, "mark": other[item][0], "at_second": other[item][1]}
        if item in other
        else {"item": item, "mark": "met"}
        for item in ITEMS
    ]


class Desk:
    """An agent who is logged in, and calls he held."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asking = house.caller(Role.AGENT)
        with house.rows() as uow:
            self.queue = a_queue(uow)

    def talked(
        self, *, seconds: float = 200, heard: float = 60, identity: bool = True, red: bool = False, **values: Any
    ) -> Attempt:
        """A follow-up with one answer written down, and a transcript in which the patient spoke so long."""
        with self.house.rows() as uow:
            task = a_task(uow, a_patient(uow), self.queue)
            closed = uow.now - timedelta(minutes=5)
            attempt = an_attempt(
                uow,
                task,
                **{
                    "agent_id": self.asking.user_id,
                    "state": AttemptState.CLOSED,
                    "reserved_at": closed - timedelta(minutes=20),
                    "closed_at": closed,
                    "outcome": AttemptOutcome.CONNECTED_PATIENT,
                    "task_result": "completed",
                    "identity_confirmed_at": closed if identity else None,
                    **values,
                },
            )
            answered = closed - timedelta(minutes=10)
            call = a_call(
                uow, attempt, answered_at=answered, bridged_at=answered, ended_at=answered + timedelta(seconds=seconds)
            )
            recording = a_recording(uow, call, Path("nowhere"))
            uow.recordings.add_transcript(
                Transcript(
                    id=new_id(),
                    recording_id=recording.id,
                    language="zh",
                    engine="test",
                    model="test",
                    parameters={},
                    turns=[
                        Turn(channel=Channel.AGENT, start=0, end=20, text="您好", confidence=0.9),
                        Turn(channel=Channel.PATIENT, start=20, end=20 + heard, text="好的", confidence=0.9),
                    ],
                    created_at=uow.now,
                )
            )
            if red:
                uow.alerts.add(
                    Alert(
                        id=new_id(),
                        patient_id=attempt.patient_id,
                        attempt_id=attempt.id,
                        recording_id=recording.id,
                        code="chest-pain",
                        level=AlertLevel.RED,
                        at_second=3.0,
                        raised_at=uow.now,
                    )
                )
        return attempt


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


def test_a_follow_up_that_does_not_fit_its_line_is_on_the_list_until_somebody_has_looked(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    desk.talked()
    short = desk.talked(seconds=12)
    silent = desk.talked(heard=0.5)
    unnamed = desk.talked(identity=False)
    listed = supervisor.get("/quality/doubts").json()
    found = {each["subject_id"]: [doubt["kind"] for doubt in each["doubts"]] for each in listed["follow_ups"]}
    assert found == {
        short.id: ["short_talk"],
        silent.id: ["no_patient_speech"],
        unnamed.id: ["identity_skipped"],
    }
    assert listed["counts"]["short_talk"] == 1
    assert [e["subject_id"] for e in supervisor.get("/quality/doubts?kind=short_talk").json()["follow_ups"]] == [
        short.id
    ]
    ask = {"subject_kind": "attempt", "subject_id": short.id, "verdict": "unclear", "text": "再听一遍"}
    assert supervisor.post("/quality/checks", ask).status_code == 201
    assert len(supervisor.get("/quality/doubts").json()["follow_ups"]) == 3
    assert supervisor.post("/quality/checks", {**ask, "verdict": "explained"}).status_code == 201
    assert len(supervisor.get("/quality/doubts").json()["follow_ups"]) == 2
    settled = supervisor.get("/quality/doubts?settled=true").json()["follow_ups"]
    (again,) = (each for each in settled if each["subject_id"] == short.id)
    assert [check["verdict"] for check in again["checks"]] == ["unclear", "explained"]


def test_answers_that_were_heard_otherwise_and_forms_without_a_call_and_shared_numbers_are_doubted(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    against = desk.talked()
    with house.rows() as uow:
        _answered(uow, against.task_id, against.patient_id, desk.asking.user_id, attempt_id=against.id)
        heard = uow.recordings.of_patient(against.patient_id)[0]
        uow.heard_answers.add(
            HeardAnswer(
                id=new_id(),
                attempt_id=against.id,
                task_id=against.task_id,
                form_id="home_blood_pressure",
                link_id="systolic",
                value=152,
                quote="一百五十二",
                asked="高压多少",
                start=33.5,
                end=35,
                confidence=0.9,
                recording_id=heard.id,
                transcript_id=new_id(),
                proposed_at=uow.now,
            )
        )
        nobody = a_task(uow, a_patient(uow), desk.queue)
        form = _answered(uow, nobody.id, nobody.patient_id, desk.asking.user_id)
    same = [desk.talked(number="+8613900009999") for _ in range(3)]
    listed = supervisor.get("/quality/doubts").json()["follow_ups"]
    found = {each["subject_id"]: each for each in listed}
    assert set(found) == {against.id, form, *(each.id for each in same)}
    assert found[against.id]["doubts"] == [{"kind": "answers_against_transcript", "figure": 1.0, "at_second": 33.5}]
    told = found[against.id]["contradictions"][0]
    assert (told["link_id"], told["written"], told["heard"]) == ("systolic", 128, 152)
    assert (found[form]["subject_kind"], found[form]["doubts"][0]["kind"]) == ("response", "form_without_call")
    assert found[same[0].id]["doubts"] == [{"kind": "one_number_many_patients", "figure": 3.0, "at_second": None}]


def _answered(uow: Any, task_id: str, patient_id: str, user_id: str, *, attempt_id: str | None = None) -> str:
    response = uow.responses.opened(
        Response(
            id=new_id(),
            form_id="home_blood_pressure",
            form_version=1,
            patient_id=PatientId(patient_id),
            task_id=task_id,
            started_at=uow.now,
            changed_at=uow.now,
        )
    )
    response.answers = {"systolic": 128}
    response.state, response.completed_at = ResponseState.COMPLETED, uow.now
    response.completed_by, response.completed_mode = user_id, ResponseMode.AGENT
    uow.responses.note(
        GivenAnswer(
            response_id=response.id,
            link_id="systolic",
            value=128,
            mode=ResponseMode.AGENT,
            by=user_id,
            relative_id=None,
            attempt_id=attempt_id,
            at=uow.now,
        )
    )
    return str(response.id)


def test_a_call_is_judged_given_appealed_against_and_decided_by_a_second_person(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    attempt = desk.talked()
    begun = supervisor.post("/quality/scores", {"attempt_id": attempt.id, "card": CARD})
    assert begun.status_code == 201, begun.text
    score = begun.json()["id"]
    assert supervisor.post("/quality/scores", {"attempt_id": attempt.id, "card": CARD}).json()["id"] == score
    assert desk.asking.get("/quality/scores").json()["scores"] == []
    assert desk.asking.get(f"/quality/scores/{score}").status_code == 404
    assert supervisor.post(f"/quality/scores/{score}/give").json()["field"] == "marks.identity"
    poor = marks(opening=("not_met", 4.5), listening=("not_met", 31.0), red_flag=("not_applicable", None))
    saved = supervisor.put(f"/quality/scores/{score}", {"marks": poor, "remark": "语速过快"})
    assert saved.status_code == 200, saved.text
    assert house.caller(Role.SUPERVISOR).put(f"/quality/scores/{score}", {"marks": poor}).status_code == 403
    given = supervisor.post(f"/quality/scores/{score}/give").json()
    assert (given["state"], given["value"]) == ("given", pytest.approx(100 * 70 / 85))
    (own,) = desk.asking.get("/quality/scores").json()["scores"]
    assert own["id"] == score
    appealed = desk.asking.post(f"/quality/scores/{score}/appeal", {"text": "患者听力不好，我放慢了语速"})
    assert appealed.json()["state"] == "appealed"
    decision = {"text": "重听后改判", "marks": marks(red_flag=("not_applicable", None))}
    refused = supervisor.post(f"/quality/scores/{score}/decision", decision)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    decided = house.caller(Role.SUPERVISOR).post(f"/quality/scores/{score}/decision", decision).json()
    assert (decided["state"], decided["value"]) == ("changed", 100.0)
    assert decided["value_before"] == pytest.approx(100 * 70 / 85)
    assert [line["kind"] for line in decided["story"]] == ["begun", "given", "appealed", "changed"]
    trend = desk.asking.get("/quality/trends").json()["agents"][0]
    assert (trend["whole"]["scores"], trend["whole"]["mean"], trend["whole"]["few"]) == (1, 100.0, True)


def test_a_fatal_item_makes_the_score_nought_and_a_bad_mark_needs_evidence(supervisor: Asking, desk: Desk) -> None:
    attempt = desk.talked()
    score = supervisor.post("/quality/scores", {"attempt_id": attempt.id, "card": CARD}).json()["id"]
    supervisor.put(f"/quality/scores/{score}", {"marks": marks(identity=("not_met", None))})
    assert supervisor.post(f"/quality/scores/{score}/give").status_code == 422
    supervisor.put(f"/quality/scores/{score}", {"marks": marks(identity=("not_met", 12.0))})
    given = supervisor.post(f"/quality/scores/{score}/give").json()
    assert (given["value"], given["fatal"]) == (0.0, ["identity"])
    never = supervisor.put(f"/quality/scores/{score}", {"marks": marks()})
    assert never.status_code == 409
    other = supervisor.post("/quality/scores", {"attempt_id": desk.talked().id, "card": CARD}).json()["id"]
    wrong = supervisor.put(f"/quality/scores/{other}", {"marks": marks(identity=("not_applicable", None))})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "marks.identity")


def test_a_sample_holds_every_red_flag_is_drawn_by_seed_and_drawn_again_alike(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    calls = [desk.talked(red=number == 0) for number in range(9)]
    with house.rows() as uow:
        period = {
            "since": (uow.now - timedelta(days=1)).isoformat(),
            "until": uow.now.isoformat(),
        }
    rule = {**period, "at_least": 3, "margin": 0.4, "seed": 7}
    estimate = supervisor.post("/quality/sample-estimates", rule).json()
    assert (estimate["certain"], estimate["population"], estimate["drawn"]) == (1, 8, 4)
    drawn = supervisor.post("/quality/samples", {**rule, "card": CARD})
    assert drawn.status_code == 201, drawn.text
    sample = drawn.json()
    assert len(sample["to_judge"]) == 5
    assert (sample["to_judge"][0]["attempt_id"], sample["to_judge"][0]["because"]) == (calls[0].id, "red_flag")
    again = supervisor.get(f"/quality/samples/{sample['id']}/redraw").json()
    assert again == {"same_calls_to_draw_from": True, "same_draw": True}
    first = sample["to_judge"][0]["attempt_id"]
    score = supervisor.post("/quality/scores", {"attempt_id": first, "card": CARD}).json()["id"]
    supervisor.put(f"/quality/scores/{score}", {"marks": marks()})
    supervisor.post(f"/quality/scores/{score}/give")
    assert supervisor.get("/quality/samples").json()["samples"][0]["judged"] == 1
    desk.talked(closed_at=calls[0].closed_at)
    assert not supervisor.get(f"/quality/samples/{sample['id']}/redraw").json()["same_calls_to_draw_from"]


def test_graders_of_a_round_do_not_see_each_other_until_it_is_closed(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    other = house.caller(Role.SUPERVISOR)
    calls = [desk.talked() for _ in range(2)]
    ask = {
        "kind": "double",
        "title": "十一月双评",
        "card": CARD,
        "attempt_ids": [each.id for each in calls],
        "grader_ids": [supervisor.user_id, other.user_id],
    }
    opened = supervisor.post("/quality/rounds", ask)
    assert opened.status_code == 201, opened.text
    grading = opened.json()["id"]
    for grader, given in ((supervisor, marks()), (other, marks(opening=("not_met", 2.0)))):
        for call in calls:
            body = {"attempt_id": call.id, "card": CARD, "round_id": grading}
            score = grader.post("/quality/scores", body).json()["id"]
            grader.put(f"/quality/scores/{score}", {"marks": given})
            assert grader.post(f"/quality/scores/{score}/give").status_code == 200
    assert supervisor.get(f"/quality/scores/{score}").status_code == 404
    assert other.get(f"/quality/scores/{score}").status_code == 200
    assert supervisor.get(f"/quality/rounds/{grading}").json()["agreement"] is None
    assert desk.asking.get("/quality/scores").json()["scores"] == []
    closed = supervisor.post(f"/quality/rounds/{grading}/close").json()["agreement"]
    assert closed["complete"] == 2
    assert closed["overall"]["observed"] == pytest.approx(0.9)
    assert {(each["attempt_id"], each["item"]) for each in closed["differences"]} == {
        (each.id, "opening") for each in calls
    }
    assert supervisor.get(f"/quality/scores/{score}").status_code == 200


def test_an_evidence_pack_holds_calls_words_and_who_saw_them_and_is_its_askers_alone(
    house: House, supervisor: Asking, desk: Desk
) -> None:
    attempt = desk.talked()
    supervisor.get(f"/patients/{attempt.patient_id}")
    asked = supervisor.post(f"/patients/{attempt.patient_id}/evidence-packs", {"reason": "医患办调取，编号 2026-118"})
    assert asked.status_code == 201, asked.text
    address = asked.json()["address"].removeprefix("/api/v1")
    fetched = supervisor.get(address)
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/zip")
    pack = zipfile.ZipFile(io.BytesIO(fetched.content))
    told = json.loads(pack.read("pack.json"))
    assert set(told["sha256"]) == set(pack.namelist()) - {"pack.json"}
    assert json.loads(pack.read("attempts.json"))[0]["id"] == attempt.id
    (transcript,) = (name for name in pack.namelist() if name.startswith("transcripts/"))
    assert json.loads(pack.read(transcript))["turns"][1]["text"] == "好的"
    actions = [line["action"] for line in json.loads(pack.read("access_log.json"))]
    assert actions[:2] == ["evidence_pack_fetched", "evidence_pack_asked"]
    assert house.caller(Role.SUPERVISOR).get(address).status_code == 404
    with house.units.engine.connect() as connection:
        reasons = connection.execute(text("SELECT detail ->> 'reason' FROM audit_log WHERE action LIKE 'evidence%'"))
        assert set(reasons.scalars()) == {"医患办调取，编号 2026-118"}
