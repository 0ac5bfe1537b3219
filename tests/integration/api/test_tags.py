"""Tags and segments through the API, with the record followed by the worker's own task."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.history import HistoryEntry, HistoryKind
from care.observations import Observation
from care.patients import Patient
from db.users import Role
from followup.attempts import AttemptState
from followup.events import EventKind
from followup.outcomes import AttemptOutcome
from followup.plans import Anchor, Plan
from record.following import RecordParts
from record.tasks import FOLLOW_CHANGE, follow_attempt, follow_change
from runtime.embedded import Engines
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.routing import tasks_for
from runtime.task_queue import make_task_queue
from runtime.worker_context import forget_parts, provide
from scheduler.goal_dates import look_at_old_tags
from scheduler.observed_results import class_readings
from scheduler.outcomes import AttemptPolicies
from scheduler.planning import start_plan
from scheduler.reconcile import Repairs
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_task, an_attempt, an_encounter
from tests.support.scenario import MovedClock


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def house(
    module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory, clock: MovedClock
) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house"), clock=clock) as opened:
        provide(RecordParts(units_of_work=opened.units, content=CONTENT, zone=HOSPITAL.zone))
        yield opened
        forget_parts()


@pytest.fixture(scope="module")
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


@pytest.fixture
def patient(house: House) -> Patient:
    with house.rows() as uow:
        return a_patient(uow, born=date(1968, 1, 1), sex="male")


def follow(house: House, patient: Patient) -> int:
    """Run the tasks that the events of this patient ask for, as the relay sends them; how many events there were."""
    with house.rows() as uow:
        rows = [row for row in uow.outbox.unpublished(10_000) if row.subject == patient.id]
        uow.outbox.mark_published([row.id for row in rows], uow.now)
    for row in rows:
        if FOLLOW_CHANGE in tasks_for(row.kind):
            follow_change(row.subject)
            follow_change(row.subject)  # every task may run twice
    return len(rows)


def measured(house: House, nurse: Asking, patient: Patient, days_ago: int, systolic: int, diastolic: int) -> str:
    with house.units() as uow:
        at = uow.now - timedelta(days=days_ago, minutes=1)
    kept = nurse.post(
        f"/patients/{patient.id}/observations",
        {
            "taken_at": at.isoformat(),
            "setting": "office",
            "results": [{"code": "systolic", "value": systolic}, {"code": "diastolic", "value": diastolic}],
        },
    )
    assert kept.status_code < 300, kept.text
    assert follow(house, patient) > 0, "nobody was told that the record changed"
    first: str = kept.json()["results"][0]["result"]["id"]
    return first


def tags_of(nurse: Asking, patient: Patient, **query: Any) -> dict[str, dict[str, Any]]:
    answer = nurse.get(f"/patients/{patient.id}/tags", params=query)
    assert answer.status_code == 200, answer.text
    return {tag["code"]: tag for tag in answer.json()["tags"]}


def enrolled(house: House, patient: Patient) -> Plan:
    """The plan of the hypertension programme, begun sixty days ago."""
    with house.rows() as uow:
        known = {queue.name for queue in uow.queues.all()}
        for queue in CONTENT.queues.queues:
            if queue.name not in known:
                a_queue(uow, name=queue.name, mode=queue.mode, purpose=queue.purpose, language=None)
        queues = {queue.name: queue for queue in uow.queues.all()}
        return start_plan(
            uow,
            patient=patient,
            encounter=an_encounter(uow, patient, kind=Anchor.ENROLMENT.value, occurred_at=uow.now - timedelta(days=60)),
            template=CONTENT.plans["T05"],
            queues_by_name=queues,
            now=uow.now - timedelta(days=60),
            variables={},
            time=HOSPITAL,
        )


def test_a_new_pressure_of_168_102_adds_the_tag_and_two_normal_days_take_it_off_again(
    house: House, nurse: Asking, patient: Patient
) -> None:
    measured(house, nurse, patient, 9, 134, 82)
    assert tags_of(nurse, patient) == {}
    systolic = measured(house, nurse, patient, 8, 168, 102)
    tag = tags_of(nurse, patient)["HTN-uncontrolled"]
    assert (tag["origin"], tag["rule"]) == ("rule", "HTN-uncontrolled/1")
    shown = {(one["kind"], one["what"]): (one["value"], one["id"]) for one in tag["evidence"]}
    assert shown[("result", "systolic")] == (168, systolic)
    assert shown[("result", "diastolic")][0] == 102
    assert shown[("class", "BPHS-2017-hypertension/1")][0] == "first_uncontrolled"
    assert tag["since"] == tag["evidence"][0]["at"].replace("+00:00", "Z")
    measured(house, nurse, patient, 5, 132, 84)
    assert tags_of(nurse, patient)["HTN-uncontrolled"]["id"] == tag["id"], "one normal day is not enough"
    last = measured(house, nurse, patient, 2, 128, 80)
    assert tags_of(nurse, patient) == {}
    ended = tags_of(nurse, patient, ended=True)["HTN-uncontrolled"]
    assert (ended["id"], ended["end"], ended["evidence"]) == (tag["id"], "no_longer", tag["evidence"])
    assert last in {one["id"] for one in ended["end_evidence"]}
    assert {one["value"] for one in ended["end_evidence"] if one["what"] == "systolic"} == {132, 128}
    told = nurse.get(f"/patients/{patient.id}/timeline", params={"kind": "tag"}).json()["items"]
    assert [(item["source"], item["facts"]["end"]) for item in told] == [("tag:HTN-uncontrolled/1", "no_longer")]


def test_what_a_correction_takes_back_takes_the_tag_with_it(house: House, nurse: Asking, patient: Patient) -> None:
    enrolled(house, patient)
    systolic = measured(house, nurse, patient, 3, 168, 92)
    with house.rows() as uow:
        assert class_readings(uow, patient.id, content=CONTENT, time=HOSPITAL, now=uow.now) == 1
    follow(house, patient)
    standing = nurse.get(f"/patients/{patient.id}/record").json()["standing"]
    assert [item["source"] for item in standing if item["kind"] == "tag"] == ["tag:HTN-uncontrolled/1"]
    withdrawn = nurse.post(f"/results/{systolic}/withdraw", {"reason": "the cuff was on the wrong patient"})
    assert withdrawn.status_code == 200, withdrawn.text
    follow(house, patient)
    assert tags_of(nurse, patient) == {}
    standing = nurse.get(f"/patients/{patient.id}/record").json()["standing"]
    assert [item for item in standing if item["kind"] == "tag"] == []


def test_two_uncontrolled_results_of_a_plan_add_the_tag_that_the_plan_names(
    house: House, nurse: Asking, patient: Patient
) -> None:
    plan = enrolled(house, patient)
    with house.units() as uow:
        now = uow.now

    def entered(days_ago: int, systolic: int, diastolic: int) -> dict[str, Any]:
        ask = {
            "taken_at": (now - timedelta(days=days_ago)).isoformat(),
            "way": "telephone",
            "answers": {"systolic": systolic, "diastolic": diastolic},
        }
        answer = nurse.post(f"/plans/{plan.id}/results", ask)
        assert answer.status_code == 201, answer.text
        follow(house, patient)
        entry: dict[str, Any] = answer.json()
        return entry

    assert entered(30, 152, 94)["control"] == "first_uncontrolled"
    assert tags_of(nurse, patient) == {}
    second = entered(18, 148, 92)
    assert second["tag"] == "HTN-uncontrolled"
    tag = tags_of(nurse, patient)["HTN-uncontrolled"]
    assert {one["id"] for one in tag["evidence"]} == {second["id"]}
    assert ("class", "repeatedly_uncontrolled") in {(one["kind"], one["value"]) for one in tag["evidence"]}
    entered(6, 132, 80)
    # The same words once more as a device's result of that day are no second normal day.
    with house.units() as uow:
        at = uow.now - timedelta(days=6)
    nurse.post(
        f"/patients/{patient.id}/observations",
        {
            "taken_at": at.isoformat(),
            "setting": "device",
            "device": "omron-7",
            "results": [{"code": "systolic", "value": 132}, {"code": "diastolic", "value": 80}],
        },
    )
    follow(house, patient)
    assert set(tags_of(nurse, patient)) == {"HTN-uncontrolled"}
    entered(1, 130, 78)
    assert tags_of(nurse, patient) == {}


def test_three_tries_without_an_answer_add_a_tag_and_a_conversation_takes_it_off(
    house: House, nurse: Asking, patient: Patient
) -> None:
    def tried(outcome: AttemptOutcome, hour: int) -> None:
        with house.rows() as uow:
            attempt = an_attempt(
                uow,
                a_task(uow, patient, a_queue(uow), state="completed"),
                state=AttemptState.CLOSED,
                outcome=outcome,
                reserved_at=uow.now - timedelta(hours=20 - hour),
                closed_at=uow.now - timedelta(hours=20 - hour),
            )
        follow_attempt(attempt.id)

    for hour, outcome in enumerate((AttemptOutcome.NO_ANSWER, AttemptOutcome.BUSY)):
        tried(outcome, hour)
    tried(AttemptOutcome.NETWORK_FAILURE, 2)  # ours, and says nothing of the patient
    assert tags_of(nurse, patient) == {}
    tried(AttemptOutcome.NO_ANSWER, 3)
    tag = tags_of(nurse, patient)["no-answer-x3"]
    assert [one["value"] for one in tag["evidence"]] == ["no-answer", "busy", "no-answer"]
    tried(AttemptOutcome.CONNECTED_PATIENT, 4)
    assert tags_of(nurse, patient) == {}
    assert "record.follow_attempt" in tasks_for(EventKind.ATTEMPT_CLOSED)


def test_a_tag_by_hand_stays_whatever_rules_say_and_goes_with_a_reason(
    house: House, nurse: Asking, patient: Patient
) -> None:
    asked = {"code": "HTN-uncontrolled", "reason": "his doctor says so"}
    made = nurse.post(f"/patients/{patient.id}/tags", asked).json()
    assert (made["origin"], made["rule"], made["title"]["en"]) == ("hand", None, "Blood pressure not controlled")
    assert nurse.post(f"/patients/{patient.id}/tags", asked).json()["code"] == "taken"
    measured(house, nurse, patient, 5, 170, 104)
    both = nurse.get(f"/patients/{patient.id}/tags").json()["tags"]
    assert sorted(tag["origin"] for tag in both) == ["hand", "rule"]
    by_rule = next(tag for tag in both if tag["origin"] == "rule")
    refused = nurse.post(f"/tags/{by_rule['id']}/remove", {"reason": "I do not like it"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    measured(house, nurse, patient, 3, 128, 80)
    measured(house, nurse, patient, 1, 126, 80)
    assert [tag["id"] for tag in nurse.get(f"/patients/{patient.id}/tags").json()["tags"]] == [made["id"]]
    removed = nurse.post(f"/tags/{made['id']}/remove", {"reason": "controlled for two months"}).json()
    assert (removed["end"], removed["end_reason"], removed["ended_by"]) == (
        "hand",
        "controlled for two months",
        nurse.user_id,
    )
    again = nurse.post(f"/tags/{made['id']}/remove", {"reason": "once more"})
    assert again.json()["code"] == "not_possible_now"
    unnamed = nurse.post(f"/patients/{patient.id}/tags", {"code": "likes-tea", "reason": "said so"})
    assert unnamed.json()["field"] == "title"


def test_evidence_that_grows_too_old_is_looked_at_by_the_clock(
    house: House, nurse: Asking, patient: Patient, clock: MovedClock, engines: Engines
) -> None:
    with house.rows() as uow:
        uow.observations.put(
            Observation(
                id=new_id(),
                patient_id=patient.id,
                code="egfr",
                value=48.0,
                taken_at=uow.now - timedelta(days=364),
                source="hl7:LIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    follow_change(patient.id)
    assert "kidney-care" in tags_of(nurse, patient)
    with LiveStream(engines.broker_url) as live:
        repairs = Repairs(
            units_of_work=house.units,
            task_queue=make_task_queue(engines.broker_url),
            live=live,
            policies=AttemptPolicies(by_id=CONTENT.policies),
            ring=timedelta(seconds=30),
        )
        assert look_at_old_tags(repairs) == 0
        clock.offset += timedelta(days=2)
        assert look_at_old_tags(repairs) == 1
        assert follow(house, patient) > 0
        assert "kidney-care" not in tags_of(house.caller(Role.AGENT), patient)
        assert look_at_old_tags(repairs) == 0
        clock.offset -= timedelta(days=2)


def test_a_diagnosis_and_an_age_propose_a_plan_and_what_was_tagged_is_never_rewritten(
    house: House, nurse: Asking, patient: Patient
) -> None:
    with house.rows() as uow:
        uow.history.put(
            HistoryEntry(
                id=new_id(),
                patient_id=patient.id,
                kind=HistoryKind.CONDITION,
                code="I10.x00",
                name="高血压",
                source="hand:test",
                source_key="htn",
                recorded_at=uow.now,
            )
        )
    follow_change(patient.id)
    shown = nurse.get(f"/patients/{patient.id}/segments").json()
    assert [(one["segment"], one["rule"]) for one in shown["segments"]] == [
        ("pressure-programme", "pressure-programme/1")
    ]
    assert shown["plans"] == ["T05"]
    measured(house, nurse, patient, 1, 168, 102)
    with house.rows() as uow, pytest.raises(DBAPIError, match="never changed"):
        uow._session.execute(text("UPDATE tags SET evidence = '[]' WHERE patient_id = :id"), {"id": patient.id})


def test_the_rules_are_shown_with_their_words(nurse: Asking) -> None:
    rules = {rule["id"]: rule for rule in nurse.get("/tag-rules").json()["rules"]}
    assert rules["HTN-uncontrolled"]["version"] == 1
    assert rules["HTN-uncontrolled"]["meaning"]["zh"]
