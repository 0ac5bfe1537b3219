"""Exceptions of the day: found from the rows that tell of them, taken by one, settled in words where words end them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from care.care_team import BrokenGlass, GlassReason
from db.task_parking import park
from db.users import Role
from followup.attempts import AttemptState
from followup.day_exceptions import DayExceptionKind
from followup.notes import Note, NoteState
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import TaskState
from followup.recording_gaps import GapKind, GapState, RecordingGap
from followup.recordings import RecordingState
from runtime.identifiers import new_id
from tests.integration.api.house import House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt


@pytest.fixture
def troubled(house: House, tmp_path: Path) -> dict[str, str]:
    """A house in which one thing of each kind went wrong; by kind, the subject."""
    subjects: dict[str, str] = {}
    with house.rows() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        attempt = an_attempt(
            uow,
            a_task(uow, a_patient(uow), queue),
            state=AttemptState.CLOSED,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            closed_at=uow.now - timedelta(hours=30),
            agent_id=agent.id,
        )
        note = Note(
            id=new_id(),
            attempt_id=attempt.id,
            task_id=attempt.task_id,
            patient_id=attempt.patient_id,
            language="zh",
            text="",
            state=NoteState.DRAFT,
            created_at=uow.now - timedelta(hours=30),
        )
        uow.notes.add(note)
        subjects["unsigned_note"] = note.id
        for kind, gap in (("no_recording", GapKind.MISSING), ("incomplete_recording", GapKind.SIDE_MISSING)):
            call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), queue)))
            row = RecordingGap(
                id=new_id(),
                call_id=call.id,
                recording_id=None,
                kind=gap,
                state=GapState.OPEN,
                detail="",
                found_at=uow.now,
            )
            uow.recording_gaps.add(row)
            subjects[kind] = row.id
        failed = a_recording(
            uow,
            a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), queue))),
            tmp_path,
            state=RecordingState.FAILED,
            uri="vault/x",
        )
        subjects["failed_recording"] = failed.id
        missed = a_task(
            uow,
            a_patient(uow),
            queue,
            due_at=uow.now - timedelta(days=2),
            state=TaskState.LOST_TO_FOLLOW_UP,
            outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
            next_action="escalate",
        )
        subjects["window_missed"] = missed.id
        glass = BrokenGlass(
            id=new_id(),
            patient_id=attempt.patient_id,
            user_id=agent.id,
            reason=GlassReason.EMERGENCY,
            text="",
            broken_at=uow.now,
            until=uow.now + timedelta(hours=1),
        )
        uow.care_team.add(glass)
        subjects["glass_unreviewed"] = glass.id
        subjects["parked_task"] = park(uow, name="recordings.ingest", subject=new_id(), reason="no room").id
    return subjects


def listed(house: House) -> dict[str, dict[str, Any]]:
    answer = house.caller(Role.SUPERVISOR).get("/exceptions").json()
    return {each["kind"]: each for each in answer["exceptions"]}


def test_each_kind_is_found_with_its_age_and_none_is_found_in_a_house_in_order(
    house: House, troubled: dict[str, str]
) -> None:
    found = listed(house)
    assert {kind: line["subject"] for kind, line in found.items()} == troubled
    assert found["window_missed"]["detail"] == "never_called"
    assert found["no_recording"]["detail"] == "missing"
    kinds = {each["kind"]: each["count"] for each in house.caller(Role.ADMIN).get("/exceptions").json()["kinds"]}
    assert kinds == {kind.value: int(kind.value in troubled) for kind in DayExceptionKind}


def test_one_takes_it_another_is_told_and_words_settle_only_what_nothing_else_ends(
    house: House, troubled: dict[str, str]
) -> None:
    first, second = house.caller(Role.SUPERVISOR), house.caller(Role.SUPERVISOR)
    note = f"/exceptions/unsigned_note/{troubled['unsigned_note']}"
    assert first.post(f"{note}/take").json()["owner_id"] == first.user_id
    assert second.post(f"{note}/take").status_code == 409
    assert second.post(f"{note}/owner", {"user_id": second.user_id}).json()["owner_id"] == second.user_id
    assert listed(house)["unsigned_note"]["owner_id"] == second.user_id
    assert second.post(f"{note}/release").json()["owner_id"] is None
    assert second.post(f"{note}/settle", {"because": "done"}).status_code == 409
    registrar = house.caller(Role.REGISTRAR)
    assert second.post(f"{note}/owner", {"user_id": registrar.user_id}).status_code == 409

    missed = f"/exceptions/window_missed/{troubled['window_missed']}"
    settled = first.post(f"{missed}/settle", {"because": "patient came to the clinic"})
    assert settled.json()["settled_because"] == "patient came to the clinic"
    assert "window_missed" not in listed(house)
    assert first.post(f"{missed}/take").status_code == 404
    assert first.get("/exceptions").json()["settled_today"] == 1


def test_wrong_numbers_are_told_of_once_their_share_is_surely_too_high(house: House) -> None:
    with house.rows() as uow:
        queue = a_queue(uow)
        for number in range(40):
            an_attempt(
                uow,
                a_task(uow, a_patient(uow), queue),
                state=AttemptState.CLOSED,
                closed_at=uow.now,
                outcome=AttemptOutcome.WRONG_NUMBER if number < 12 else AttemptOutcome.NO_ANSWER,
            )
    line = listed(house)["wrong_numbers"]
    assert (line["numerator"], line["denominator"], line["queue_id"]) == (12, 40, queue.id)
