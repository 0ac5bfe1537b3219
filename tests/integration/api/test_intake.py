"""Taking a history: what the record says is confirmed or corrected word by word, and never silently overwritten."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.history import EntryState, HistoryEntry, HistoryKind
from care.patients import Patient
from care.relatives import Matter, Relative
from care.responses import ResponseMode
from db.answering import save_answer
from db.users import Role
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import a_patient, a_queue, a_task


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("intake")) as opened_house:
        yield opened_house


@pytest.fixture(scope="module")
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


class Intake:
    """One patient with an allergy and a diagnosis from the hospital's system, and the intake form of his task."""

    def __init__(self, house: House, nurse: Asking) -> None:
        self.house, self.nurse = house, nurse
        with house.rows() as uow:
            self.patient: Patient = a_patient(uow)
            queue = a_queue(uow)
            self.task = a_task(uow, self.patient, queue, form="intake_general")
        self.penicillin = self.sent(HistoryKind.ALLERGY, "青霉素")
        opened = nurse.put(f"/tasks/{self.task.id}/responses/intake_general")
        assert opened.status_code == 200, opened.text
        self.id = opened.json()["id"]

    def sent(self, kind: HistoryKind, name: str, code: str = "") -> str:
        """The hospital's system says so."""
        with self.house.rows() as uow:
            entry = HistoryEntry(
                id=new_id(),
                patient_id=self.patient.id,
                kind=kind,
                code=code,
                name=name,
                source="hl7:HIS",
                source_key=f"{kind.value}/{name}",
                recorded_at=uow.now,
            )
            return uow.history.put(entry).id

    def beside(self, link_id: str = "allergies") -> list[dict[str, Any]]:
        """What stands beside a question."""
        items = self.nurse.get(f"/responses/{self.id}/prefill").json()["items"]
        (item,) = [one for one in items if one["link_id"] == link_id]
        found: list[dict[str, Any]] = item["entries"]
        return found

    def review(self, link_id: str = "allergies", **body: Any) -> Any:
        """Say something of the entries beside a question."""
        return self.nurse.post(f"/responses/{self.id}/review/{link_id}", body)

    def answer(self, link_id: str, value: Any) -> Any:
        """Answer a question as on paper."""
        return self.nurse.put(f"/responses/{self.id}/answers/{link_id}", {"value": value})

    def allergies(self) -> dict[tuple[str, str], tuple[str, bool]]:
        """Every allergy that any source tells of, by name and source."""
        with self.house.rows() as uow:
            return {
                (entry.name, entry.source): (entry.state.value, entry.confirmed_at is not None)
                for entry in uow.history.current_of(self.patient.id, HistoryKind.ALLERGY)
            }


@pytest.fixture
def intake(house: House, nurse: Asking) -> Intake:
    return Intake(house, nurse)


def test_what_the_record_says_stands_beside_the_question_and_is_no_answer(intake: Intake) -> None:
    (one,) = intake.beside()
    assert (one["entry"]["name"], one["entry"]["source"], one["review"]) == ("青霉素", "hl7:HIS", None)
    assert intake.nurse.get(f"/responses/{intake.id}").json()["answers"] == {}


def test_an_allergy_of_the_record_cannot_be_written_over(intake: Intake) -> None:
    refused = intake.answer("allergies", "无")
    assert refused.json()["code"] == "answer_refused"
    assert "review/allergies" in refused.json()["reason"]
    assert intake.allergies() == {("青霉素", "hl7:HIS"): ("active", False)}
    assert intake.nurse.get(f"/responses/{intake.id}").json()["answers"] == {}


def test_a_confirmed_allergy_is_a_confirmed_version_and_the_answer(intake: Intake) -> None:
    saved = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "holds"}], more=["花生、芒果"])
    assert saved.status_code == 200, saved.text
    assert saved.json()["answers"]["allergies"] == "青霉素；花生；芒果"
    assert intake.allergies() == {
        ("青霉素", "hl7:HIS"): ("active", True),
        ("花生", "form:intake_general"): ("active", False),
        ("芒果", "form:intake_general"): ("active", False),
    }
    (one,) = intake.beside()
    assert (one["review"]["verdict"], one["review"]["by"]) == ("holds", intake.nurse.user_id)


def test_what_was_added_stays_in_the_answer_and_a_slip_is_taken_back_by_who_wrote_it(intake: Intake) -> None:
    intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "holds"}], more=["花生", "芒国"])
    assert [one["entry"]["name"] for one in intake.beside()] == ["青霉素"]
    findings = intake.nurse.get(f"/patients/{intake.patient.id}/history").json()["findings"]
    (slip,) = [one["holds"]["id"] for one in findings if one["holds"]["name"] == "芒国"]
    taken_back = intake.nurse.post(f"/history/{slip}/decision", {"state": "refuted", "reason": "a slip of the pen"})
    assert taken_back.status_code == 200, taken_back.text
    again = intake.review(entries=[], more=["芒果"])
    assert again.json()["answers"]["allergies"] == "青霉素；花生；芒果"


def test_a_denied_allergy_still_holds_until_a_doctor_decides(intake: Intake, house: House) -> None:
    saved = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "not_so"}])
    assert saved.json()["answers"]["allergies"] == "无"
    assert intake.allergies() == {
        ("青霉素", "hl7:HIS"): ("active", False),
        ("青霉素", "form:intake_general"): ("refuted", False),
    }
    record = intake.nurse.get(f"/patients/{intake.patient.id}/record").json()
    (allergy,) = record["allergies"]
    assert (allergy["holds"]["state"], allergy["in_conflict"]) == ("active", True)
    doctor = house.caller(Role.DOCTOR)
    doctor.post(f"/history/{intake.penicillin}/decision", {"state": "refuted", "reason": "tested: no reaction"})
    record = intake.nurse.get(f"/patients/{intake.patient.id}/record").json()
    assert [one["holds"]["state"] for one in record["allergies"]] == ["refuted"]


def test_a_corrected_allergy_keeps_the_old_word_and_adds_the_new_one(intake: Intake) -> None:
    saved = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "changed", "text": "头孢"}])
    assert saved.json()["answers"]["allergies"] == "头孢"
    assert intake.allergies() == {
        ("青霉素", "hl7:HIS"): ("active", False),
        ("青霉素", "form:intake_general"): ("refuted", False),
        ("头孢", "form:intake_general"): ("active", False),
    }


def test_who_does_not_know_changes_nothing_but_was_asked(intake: Intake) -> None:
    saved = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "unknown"}])
    assert saved.status_code == 200
    assert intake.allergies() == {("青霉素", "hl7:HIS"): ("active", False)}
    assert intake.beside()[0]["review"]["verdict"] == "unknown"


def test_no_entry_is_passed_over_and_none_of_another_question_is_taken(intake: Intake) -> None:
    diabetes = intake.sent(HistoryKind.CONDITION, "糖尿病", "E11.9")
    assert "passed over" in intake.review(entries=[]).json()["reason"]
    strange = intake.review(entries=[{"entry_id": diabetes, "verdict": "holds"}])
    assert "do not stand beside" in strange.json()["reason"]
    empty = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "changed"}])
    assert "what an entry is instead" in empty.json()["reason"]
    nothing = intake.review("chief_complaint", entries=[])
    assert nothing.json()["code"] == "answer_refused"
    assert intake.nurse.get(f"/responses/{intake.id}").json()["answers"] == {}


def test_an_entry_that_came_meanwhile_has_to_be_spoken_of_too(intake: Intake) -> None:
    intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "holds"}])
    peanut = intake.sent(HistoryKind.ALLERGY, "花生")
    assert intake.answer("allergies", "无").json()["code"] == "answer_refused"
    saved = intake.review(entries=[{"entry_id": peanut, "verdict": "holds"}])
    assert set(saved.json()["answers"]["allergies"].split("；")) == {"青霉素", "花生"}


def test_an_empty_record_is_answered_in_words_which_become_entries_at_the_end(intake: Intake) -> None:
    for link_id, value in {
        "chief_complaint": "头晕",
        "feeling": "same",
        "chest_pain": False,
        "breathless_at_rest": False,
        "past_conditions": "高血压，糖尿病",
        "medicines_now": "氨氯地平",
    }.items():
        assert intake.answer(link_id, value).status_code == 200
    intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "holds"}])
    done = intake.nurse.post(f"/responses/{intake.id}/complete")
    assert done.status_code == 200, done.text
    with intake.house.rows() as uow:
        told = uow.history.current_of(intake.patient.id, HistoryKind.CONDITION)
    assert {(entry.name, entry.source) for entry in told} == {
        ("高血压", "form:intake_general"),
        ("糖尿病", "form:intake_general"),
    }
    assert intake.review(entries=[]).json()["code"] == "not_possible_now"


def test_what_a_patient_writes_on_his_page_stands_beside_and_replaces_nothing(intake: Intake) -> None:
    with intake.house.rows() as uow:
        response = uow.responses.get(intake.id)
        assert response is not None
        save_answer(uow, CONTENT, response, "allergies", "无", by=None, mode=ResponseMode.LINK)
    assert intake.allergies() == {("青霉素", "hl7:HIS"): ("active", False)}
    assert intake.beside()[0]["review"] is None


def test_an_answer_that_signals_danger_raises_its_alert(intake: Intake) -> None:
    intake.answer("breathless_at_rest", True)
    record = intake.nurse.get(f"/patients/{intake.patient.id}/record").json()
    assert [alert["level"] for alert in record["alerts"]] == ["red"]


def test_reviews_are_kept_as_they_were(intake: Intake) -> None:
    intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "holds"}])
    with intake.house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("UPDATE entry_reviews SET verdict = 'unknown'"))


def test_a_relative_without_scope_is_not_asked_about_allergies(intake: Intake) -> None:
    with intake.house.rows() as uow:
        relative = Relative(
            id=new_id(),
            patient_id=intake.patient.id,
            name="王强",
            relation="son",
            scope=[Matter.APPOINTMENTS],
            recorded_at=uow.now,
        )
        uow.relatives.add(relative)
    refused = intake.review(entries=[{"entry_id": intake.penicillin, "verdict": "not_so"}], relative_id=relative.id)
    assert refused.json()["code"] == "answer_refused"
    assert intake.allergies() == {("青霉素", "hl7:HIS"): (EntryState.ACTIVE.value, False)}
