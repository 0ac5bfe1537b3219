"""The record a nurse opens: one story over all tables, paged by instant, with what holds now on top."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from care.conflicts import PersonField
from care.history import EntryState, HistoryEntry, HistoryKind
from care.observations import ObservationStatus, Setting
from care.responses import ResponseState
from care.timeline import TimelineKind
from db.alerts import alerts
from db.observations import results
from db.patients import encounters
from db.responses import responses
from db.timeline import STRANDS
from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.attempts import AttemptState
from followup.outcomes import AttemptOutcome
from followup.plans import TaskState
from followup.requests import PatientRequest, RequestKind
from runtime.content.documents import Wording
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_task, a_user, an_attempt, an_encounter


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("record")) as opened_house:
        yield opened_house


THEN = datetime(2024, 1, 10, 2, tzinfo=UTC)


def _five_years(house: House, patient_id: str) -> int:
    """Visits, results, forms and alerts of five years, and calls: their number."""
    visits = [
        {
            "id": new_id(),
            "patient_id": patient_id,
            "department": f"科室{place % 5}",
            "kind": "discharge",
            "occurred_at": THEN - timedelta(days=14 * place),
        }
        for place in range(100)
    ]
    measured = [
        {
            "id": new_id(),
            "patient_id": patient_id,
            "code": ("systolic", "hba1c", "creatinine")[place % 3],
            "value": 130.0 + place % 40,
            "text": "",
            "unit": "mm[Hg]",
            "sent_code": "",
            "sent_value": "",
            "sent_unit": "",
            "sent_reference": "",
            # Many of one instant: a panel's results are told apart by their kind and id.
            "taken_at": THEN - timedelta(days=place // 6),
            "setting": Setting.LABORATORY,
            "status": ObservationStatus.FINAL,
            "source": "hl7:LIS",
            "source_key": f"{patient_id}/{place}",
            "version": 1,
            "recorded_at": THEN,
        }
        for place in range(240)
    ]
    answered: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "form_id": "phq9",
            "form_version": 1,
            "patient_id": patient_id,
            "task_id": None,
            "state": ResponseState.COMPLETED,
            "answers": {},
            "skipped": {},
            "started_at": THEN - timedelta(days=30 * place),
            "changed_at": THEN - timedelta(days=30 * place),
            "completed_at": THEN - timedelta(days=30 * place),
        }
        for place in range(60)
    ]
    raised = [
        {
            "id": new_id(),
            "patient_id": patient_id,
            "department": "",
            "source": "answer",
            "code": "bp-high",
            "level": "amber",
            "at_second": 0.0,
            "raised_at": THEN - timedelta(days=20 * place),
            "state": "closed",
            "response_id": answered[place]["id"],
            "evidence": {},
            "steps_taken": 0,
        }
        for place in range(60)
    ]
    with house.units.engine.begin() as connection:
        for table, rows in ((encounters, visits), (results, measured), (responses, answered), (alerts, raised)):
            connection.execute(insert(table), rows)
    with house.rows() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        queue = a_queue(uow)
        task = a_task(uow, patient, queue, state=TaskState.COMPLETED)
        for place in range(40):
            attempt = an_attempt(
                uow,
                task,
                ordinal=place + 1,
                state=AttemptState.CLOSED,
                closed_at=THEN,
                outcome=AttemptOutcome.NO_ANSWER,
            )
            if place % 4:  # one in four was never dialed
                a_call(uow, attempt)
            uow.flush()
    return len(visits) + len(measured) + len(answered) + len(raised) + 40


def _whole_story(caller: Asking, patient_id: str, **more: str) -> Iterator[dict[str, Any]]:
    before = None
    while True:
        page = caller.get(f"/patients/{patient_id}/timeline", params={"limit": 47, "before": before, **more}).json()
        yield from page["items"]
        before = page["next"]
        if before is None:
            return


def test_a_record_of_five_hundred_items_opens_in_two_seconds_and_each_has_source_and_instant(
    house: House, agent: Asking
) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, born=date(1958, 3, 2), scopes=())
        other = a_patient(uow, scopes=())
        an_encounter(uow, other, department="elsewhere")
    items = _five_years(house, patient.id)
    assert items == 500
    agent.get(f"/patients/{other.id}/record")  # statements are compiled once
    began = time.monotonic()
    record = agent.get(f"/patients/{patient.id}/record").json()
    took = time.monotonic() - began
    assert took < 2, f"the record took {took:.2f} s to open"
    assert sum(record["counts"].values()) == items
    newest = {one["code"]: (one["value"], one["taken_at"], one["source"]) for one in record["latest_results"]}
    assert set(newest) == {"systolic", "hba1c", "creatinine"}
    assert newest["systolic"][2] == "hl7:LIS"
    assert record["counts"] == {"visit": 100, "result": 240, "form": 60, "alert": 60, "call": 40}
    story = list(_whole_story(agent, patient.id))
    assert story[: len(record["timeline"]["items"])] == record["timeline"]["items"]
    assert len(story) == len({item["id"] for item in story}) == items
    assert [item["at"] for item in story] == sorted((item["at"] for item in story), reverse=True)
    for item in story:
        assert item["source"]
        assert item["source_title"]["zh"]
        assert item["title"]["zh"]
        assert item["title"]["en"]
        assert datetime.fromisoformat(item["at"])
    assert not any("elsewhere" in str(item["facts"]) for item in story)


def test_what_happens_while_somebody_reads_on_neither_repeats_nor_hides_an_item(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=())
        old = [an_encounter(uow, patient, occurred_at=THEN - timedelta(days=day)).id for day in range(6)]
    first = agent.get(f"/patients/{patient.id}/timeline?limit=3").json()
    with house.rows() as uow:
        an_encounter(uow, patient, occurred_at=uow.now)
    second = agent.get(f"/patients/{patient.id}/timeline?limit=3&before={first['next']}").json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == old
    assert second["next"] is None


def test_a_new_patients_record_is_empty_in_every_part(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=(), born=None)
    record = agent.get(f"/patients/{patient.id}/record").json()
    assert record["timeline"] == {"items": [], "next": None}
    assert (record["counts"], record["age"], record["next_task"], record["merged_into"]) == ({}, None, None, None)
    for part in (
        "differing",
        "groups",
        "conditions",
        "allergies",
        "procedures",
        "family",
        "alerts",
        "requests",
        "plans",
    ):
        assert record[part] == []


def test_only_the_kinds_that_were_asked_for_are_told(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
        an_encounter(uow, patient)
    kinds = {item["kind"] for item in _whole_story(agent, patient.id, kind="visit")}
    assert kinds == {"visit"}
    both = agent.get(f"/patients/{patient.id}/timeline?kind=visit&kind=consent&limit=200").json()
    assert {item["kind"] for item in both["items"]} == {"visit", "consent"}
    assert agent.get(f"/patients/{patient.id}/timeline?kind=nonsense").status_code == 422


def test_a_place_that_is_none_is_refused_in_words(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
    far = f"-99999999999999999.visit.{new_id()}"
    for before in ("nonsense", "1.visit.x", f"1.nothing.{new_id()}", far, f"1.visit.{'-' * 36}"):
        answer = agent.get(f"/patients/{patient.id}/timeline", params={"before": before})
        assert (answer.status_code, answer.json()["field"]) == (422, "before"), before


def test_nobody_learns_of_a_patient_who_is_not_there(agent: Asking) -> None:
    for address in ("record", "timeline", "history", "stated-values"):
        assert agent.get(f"/patients/{new_id()}/{address}").json()["code"] == "unknown_patient"


def test_a_restricted_complaint_is_in_no_part_of_the_record_of_its_department(house: House) -> None:
    nurse, head = house.caller(Role.AGENT), house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        patient = a_patient(uow, scopes=())
        user = uow.users.get(nurse.user_id)
        assert user is not None
        user.departments = ["cardiology"]
        clerk = a_user(uow)
        for restricted in (False, True):
            uow.requests.add(
                PatientRequest(
                    id=new_id(),
                    kind=RequestKind.COMPLAINT,
                    cause="other",
                    restricted=restricted,
                    departments=["cardiology"],
                    text="waited",
                    patient_id=patient.id,
                    received_by=clerk.id,
                    received_at=uow.now,
                    owner_id=clerk.id,
                    due_on=uow.now.date(),
                )
            )
    seen = nurse.get(f"/patients/{patient.id}/record").json()
    assert (seen["counts"], len(seen["requests"]), len(seen["timeline"]["items"])) == ({"request": 1}, 1, 1)
    seen = head.get(f"/patients/{patient.id}/record").json()
    assert (seen["counts"], len(seen["requests"]), len(seen["timeline"]["items"])) == ({"request": 2}, 2, 2)


def _allergy(house: House, patient_id: Any, source: str, state: EntryState = EntryState.ACTIVE) -> str:
    with house.rows() as uow:
        return uow.history.put(
            HistoryEntry(
                id=new_id(),
                patient_id=patient_id,
                kind=HistoryKind.ALLERGY,
                name="青霉素",
                state=state,
                source=source,
                source_key="AL1/penicillin",
                recorded_at=uow.now,
            )
        ).id


def test_what_sources_say_otherwise_stands_beside_what_holds(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=(), name="王小明")
        uow.history.put(
            HistoryEntry(
                id=new_id(),
                patient_id=patient.id,
                kind=HistoryKind.CONDITION,
                code="N18.3",
                name="慢性肾脏病3期",
                source="hl7:HIS",
                source_key="DG1/N18.3",
                recorded_at=uow.now,
            )
        )
        uow.stated.state(
            patient,
            {PersonField.NAME: "王晓明"},
            source="hl7:HIS",
            policies=CONTENT.source_ranks.person,
            at=uow.now,
        )
    held = _allergy(house, patient.id, "hl7:HIS")
    denied = _allergy(house, patient.id, "form:intake", EntryState.REFUTED)
    record = agent.get(f"/patients/{patient.id}/record").json()
    (allergy,) = record["allergies"]
    assert (allergy["holds"]["id"], [other["id"] for other in allergy["others"]]) == (held, [denied])
    assert allergy["in_conflict"]
    assert record["patient"]["name"] == "王晓明"
    (name,) = record["differing"]
    assert (name["holds"]["value"], [other["value"] for other in name["others"]]) == ("王晓明", ["王小明"])
    assert [group["id"] for group in record["groups"]] == ["ckd"]
    assert record["groups"][0]["title"]["zh"] == "慢性肾脏病"
    assert record["counts"] == {"condition": 1, "allergy": 2, "person": 2}


def test_an_entry_is_added_by_hand_confirmed_and_decided_by_a_doctor_only(house: House, agent: Asking) -> None:
    doctor = house.caller(Role.DOCTOR)
    with house.rows() as uow:
        patient = a_patient(uow, scopes=())
    sent = _allergy(house, patient.id, "hl7:HIS")
    refused = agent.post(f"/history/{sent}/decision", {"state": "refuted", "reason": "mixed up"})
    assert refused.json()["code"] == "forbidden"
    confirmed = agent.post(f"/history/{sent}/confirmation").json()
    assert (confirmed["version"], confirmed["recorded_by"]) == (2, agent.user_id)
    late = doctor.post(f"/history/{sent}/decision", {"state": "refuted", "reason": "mixed up"})
    assert (late.status_code, late.json()["code"]) == (409, "not_possible_now")
    decided = doctor.post(f"/history/{confirmed['id']}/decision", {"state": "refuted", "reason": "mixed up"}).json()
    assert (decided["state"], decided["decided"], decided["note"]) == ("refuted", True, "mixed up")
    versions = agent.get(f"/history/{sent}/versions").json()["versions"]
    assert [(one["version"], one["state"]) for one in versions] == [(1, "active"), (2, "active"), (3, "refuted")]
    assert _allergy(house, patient.id, "hl7:HIS") == decided["id"], "a replay leaves the decision alone"

    own = agent.post(f"/patients/{patient.id}/history", {"kind": "condition", "name": "高血压", "code": "I10"})
    assert own.status_code == 201
    assert own.json()["source"] == f"hand:{agent.user_id}"
    taken_back = agent.post(f"/history/{own.json()['id']}/decision", {"state": "refuted", "reason": "a slip"})
    assert taken_back.json()["state"] == "refuted"
    with house.units.engine.connect() as connection:
        told = connection.execute(
            text("SELECT count(*) FROM outbox WHERE kind = 'record_changed' AND subject = :patient"),
            {"patient": patient.id},
        ).scalar_one()
        actions = connection.execute(
            text("SELECT action FROM audit_log WHERE patient_id = :patient ORDER BY position"), {"patient": patient.id}
        ).scalars()
        assert told == 3
        assert {"history_entry_confirmed", "history_entry_decided", "history_entry_added"} <= set(actions)


def test_an_entry_that_cannot_be_is_refused(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
    impossible: list[tuple[dict[str, str], str]] = [
        ({"kind": "family", "name": "糖尿病"}, "body"),
        ({"kind": "allergy", "name": "花生", "relation": "mother"}, "body"),
        ({"kind": "condition", "name": "高血压", "since": "2020-01-02", "until": "2019-01-02"}, "body"),
        ({"kind": "condition", "name": "高血压", "since": "2199-01-02"}, "since"),
        ({"kind": "condition", "name": " "}, "name"),
        ({"kind": "condition", "name": "x", "state": "refuted"}, "state"),
    ]
    for entry, field in impossible:
        answer = agent.post(f"/patients/{patient.id}/history", entry)
        assert (answer.status_code, answer.json()["field"]) == (422, field), entry


def test_a_correction_by_hand_is_kept_and_goes_by_the_rank_of_its_source(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, name="王小明", scopes=())
        policies = CONTENT.source_ranks.person
        uow.stated.state(patient, {PersonField.BORN: "1958-03-02"}, source="hl7:HIS", policies=policies, at=uow.now)
    answer = agent.post(
        f"/patients/{patient.id}/corrections",
        {"name": "王晓明", "born": "1958-03-20", "dialect": "闽南语", "reason": "said on the telephone"},
    ).json()
    fields = {one["field"]: one for one in answer["fields"]}
    assert fields["name"]["holds"]["value"] == "王晓明"
    assert fields["dialect"]["holds"]["value"] == "闽南语"
    assert fields["born"]["holds"]["value"] == "1958-03-02", "the hospital's system outranks what was said"
    assert [other["value"] for other in fields["born"]["others"]] == ["1958-03-20"]
    assert "王小明" in {word["value"] for word in answer["words"]}
    assert agent.get(f"/patients/{patient.id}").json()["name"] == "王晓明"
    nothing = agent.post(f"/patients/{patient.id}/corrections", {"reason": "nothing at all"})
    assert nothing.status_code == 422
    old = agent.post(f"/patients/{patient.id}/corrections", {"born": "1700-01-01", "reason": "a slip"})
    assert (old.status_code, old.json()["field"]) == (422, "born")


def test_each_look_is_in_the_audit_log(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow)
    for address in ("record", "timeline", "history", "stated-values"):
        agent.get(f"/patients/{patient.id}/{address}")
    with house.units.engine.connect() as connection:
        seen = connection.execute(
            text("SELECT action FROM audit_log WHERE patient_id = :patient AND user_id = :user ORDER BY position"),
            {"patient": patient.id, "user": agent.user_id},
        ).scalars()
        assert list(seen) == ["record_viewed", "timeline_viewed", "history_viewed", "stated_values_viewed"]


def test_every_kind_has_words_and_a_strand_and_only_messages_come_from_two_tables() -> None:
    assert set(CONTENT.record_words.kinds) == set(TimelineKind)
    strands = Counter(kind for strand in STRANDS for kind in strand.kinds)
    assert {kind for kind, count in strands.items() if count > 1} == {TimelineKind.MESSAGE}  # sent, and received
    assert strands[TimelineKind.MESSAGE] == 2


def test_a_visit_tells_who_entered_it(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=())
    visit = {"department": "cardiology", "kind": "discharge", "occurred_at": "2026-11-20T10:00:00+08:00"}
    assert agent.post(f"/patients/{patient.id}/encounters", visit).status_code == 201
    (item,) = agent.get(f"/patients/{patient.id}/timeline").json()["items"]
    assert (item["source"], item["source_title"]["zh"]) == (f"hand:{agent.user_id}", "人工录入")
    assert item["title"] == {"zh": "出院 · cardiology", "en": "Discharge · cardiology"}
    (listed,) = agent.get(f"/patients/{patient.id}/encounters").json()["encounters"]
    assert (listed["kind"], listed["kind_title"]["zh"]) == ("discharge", "出院")


@pytest.mark.parametrize(
    ("kind", "zh", "en"),
    [
        ("admission", "入院", "Admission"),
        ("outpatient", "门诊", "Outpatient visit"),
        ("emergency", "急诊", "Emergency visit"),
        ("discharge_cancelled", "出院（已取消）", "Discharge (cancelled)"),
        ("admission_cancelled", "入院（已取消）", "Admission (cancelled)"),
        ("told by a system of tomorrow", "told by a system of tomorrow", "told by a system of tomorrow"),
    ],
)
def test_kinds_of_visits_are_told_in_words(kind: str, zh: str, en: str) -> None:
    assert CONTENT.record_words.visit_title(kind) == Wording(zh=zh, en=en)


def test_an_open_alert_stands_on_top(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=())
        alert = Alert(id=new_id(), patient_id=patient.id, code="bp-high", level=AlertLevel.RED, raised_at=uow.now)
        uow.alerts.add(alert)
    record = agent.get(f"/patients/{patient.id}/record").json()
    assert [(one["id"], one["level"]) for one in record["alerts"]] == [(alert.id, "red")]
