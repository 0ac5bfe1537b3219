"""Retention, legal holds, gaps and another try over HTTP: told, dry, held by one and lifted by two, explained."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from followup.attempts import AttemptState
from followup.events import EventKind
from followup.outcomes import AttemptOutcome
from followup.recording_gaps import gap_in
from followup.recordings import (
    NEVER_BEGUN,
    REFUSED_BY_PATIENT,
    STORE_AWAY,
    FaultKind,
    Recording,
    RecordingFault,
    RecordingState,
)
from followup.retention import KeepingPolicy
from runtime.identifiers import new_id
from scheduler import recording_gaps, recording_keeping
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import HOSPITAL, a_call, a_patient, a_queue, a_recording, a_task, an_attempt


def a_stored(house: House, **values: Any) -> Recording:
    """A recording of an answered call that ended half an hour ago."""
    with house.rows() as uow:
        attempt = an_attempt(
            uow,
            a_task(uow, a_patient(uow), a_queue(uow)),
            state=AttemptState.CLOSED,
            closed_at=uow.now,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
        )
        ended = uow.now - timedelta(minutes=30)
        call = a_call(uow, attempt, answered_at=ended - timedelta(seconds=60), ended_at=ended)
        return a_recording(
            uow,
            call,
            values.pop("spool", Path("nowhere")),
            **{
                "state": RecordingState.TRANSCRIBED,
                "uri": f"store://recordings/2026/11/{new_id()}.flac",
                "sha256": "ab" * 32,
                "size": 5000,
                "seconds": 60.0,
                "stored_at": uow.now,
                **values,
            },
        )


def scheduled(house: House) -> Any:
    repairs: Any = type("Scheduler", (), {})()
    repairs.units_of_work = house.units
    repairs.keeping = KeepingPolicy(rules=CONTENT.retention["demo"], zone=HOSPITAL.zone)
    return repairs


def events(house: House, kind: EventKind) -> list[str]:
    with house.units() as uow:
        return [row.subject for row in uow.outbox.unpublished() if row.kind == kind]


def test_the_rules_are_told_and_a_dry_run_says_what_would_go(house: House, supervisor: Asking) -> None:
    recording = a_stored(house)
    rules = supervisor.get("/retention").json()
    assert (rules["edition"], rules["floor"], rules["purges"]) == ("demo/1", "1 d", False)
    assert {"id": "complaint", "keep": "90 d"}.items() <= rules["rules"][3].items()
    recording_keeping.settle_keepings(scheduled(house))

    kept = supervisor.get(f"/recordings/{recording.id}/keeping").json()
    assert (kept["settled"], kept["rule"], kept["held"]) == (True, "conversation", False)
    assert supervisor.get("/retention/outlook").json()["due"] == 0
    with house.units() as uow:
        later = (uow.now + timedelta(days=31)).isoformat()
    dry = supervisor.get("/retention/outlook", params={"at": later}).json()
    assert (dry["due"], dry["due_bytes"], dry["recording_ids"]) == (1, 5000, [recording.id])
    assert supervisor.get("/retention/outlook", params={"at": "2001-01-01T00:00:00Z"}).json()["due"] == 0
    assert supervisor.get("/purges").json() == {"purges": []}


def test_shorter_times_are_confirmed_by_an_administrator_for_the_rules_that_hold_and_with_a_reason(
    house: House, admin: Asking, supervisor: Asking
) -> None:
    a_stored(house)
    recording_keeping.settle_keepings(scheduled(house))
    with house.units.engine.begin() as connection:
        connection.execute(text("UPDATE keepings SET shorter_rule = 'x', shorter_until = until - interval '3 days'"))
    ask = {"edition": "demo/1", "because": "agreed with counsel on 3 March"}
    assert supervisor.post("/retention/confirmations", ask).status_code == 403
    assert admin.post("/retention/confirmations", {**ask, "because": "so"}).status_code == 422
    other = admin.post("/retention/confirmations", {**ask, "edition": "demo/9"})
    assert (other.status_code, other.json()["field"]) == (409, "edition")
    assert admin.post("/retention/confirmations", ask).json()["shortened"] == 1
    (said,) = supervisor.get("/retention/confirmations").json()["confirmations"]
    assert (said["confirmed_by"], said["because"]) == (admin.user_id, ask["because"])


def test_a_hold_is_placed_by_one_and_lifted_by_two(house: House, supervisor: Asking, admin: Asking) -> None:
    recording = a_stored(house)
    placed = supervisor.post(
        "/legal-holds", {"recording_id": recording.id, "case": "D-7", "reason": "dispute about dosage"}
    ).json()
    assert (placed["state"], placed["placed_by"], placed["until"]) == ("held", supervisor.user_id, None)
    assert supervisor.get(f"/recordings/{recording.id}").json()["legal_hold"] is True
    assert supervisor.get(f"/recordings/{recording.id}/keeping").json()["held"] is True

    too_soon = admin.post(f"/legal-holds/{placed['id']}/release")
    assert (too_soon.status_code, too_soon.json()["code"]) == (409, "not_possible_now")
    asked = supervisor.post(f"/legal-holds/{placed['id']}/ask-release", {"because": "settled out of court"}).json()
    assert (asked["state"], asked["release_asked_by"]) == ("release_asked", supervisor.user_id)
    alone = supervisor.post(f"/legal-holds/{placed['id']}/release")
    assert alone.status_code == 409
    assert "a second person has to" in alone.json()["reason"]
    refused = admin.post(f"/legal-holds/{placed['id']}/refuse-release", {"because": "not settled at all"}).json()
    assert (refused["state"], refused["release_asked_by"]) == ("held", None)
    supervisor.post(f"/legal-holds/{placed['id']}/ask-release", {"because": "settled now"})
    lifted = admin.post(f"/legal-holds/{placed['id']}/release").json()
    assert (lifted["state"], lifted["ended_by"]) == ("released", admin.user_id)
    assert supervisor.get(f"/recordings/{recording.id}").json()["legal_hold"] is False
    assert supervisor.get("/legal-holds").json() == {"legal_holds": []}
    (ended,) = supervisor.get("/legal-holds", params={"holding_only": False}).json()["legal_holds"]
    assert ended["id"] == placed["id"]
    with house.units() as uow:
        said = [row.action for row in uow.audit.of_subject("legal_hold", placed["id"])]
    assert said == [
        "legal_hold_placed",
        "legal_hold_release_asked",
        "legal_hold_release_refused",
        "legal_hold_release_asked",
        "legal_hold_released",
    ]


def test_a_hold_on_a_record_that_went_into_another_holds_the_calls_where_they_are(
    house: House, supervisor: Asking
) -> None:
    recording = a_stored(house)
    with house.rows() as uow:
        into = a_patient(uow).id
        uow.merges.merge(from_patient=recording.patient_id, into_patient=into, reason="same", by=None, at=uow.now)
    placed = supervisor.post("/legal-holds", {"patient_id": recording.patient_id, "case": "D-8", "reason": "dispute"})
    assert placed.json()["patient_id"] == into
    assert supervisor.get(f"/recordings/{recording.id}").json()["legal_hold"] is True


def test_a_hold_that_cannot_be_is_refused(house: House, supervisor: Asking) -> None:
    recording = a_stored(house)
    ask: dict[str, Any] = {"recording_id": recording.id, "case": "D-7", "reason": "dispute"}
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"recording_id": None}, "body"),
        ({"patient_id": new_id()}, "body"),
        ({"case": ""}, "case"),
        ({"until": "2001-01-01"}, "until"),
        ({"recording_id": a_stored(house, state=RecordingState.EXPIRED).id}, "recording_id"),
    )
    for change, field in changes:
        refused = supervisor.post("/legal-holds", {**ask, **change})
        assert refused.status_code in (409, 422)
        assert refused.json()["field"] == field


def test_every_answered_call_without_a_whole_recording_is_on_the_list_once_and_leaves_it_when_it_came(
    house: House, supervisor: Asking
) -> None:
    whole = a_stored(house)
    waits = a_stored(house, state=RecordingState.CAPTURED, uri=None, sha256=None)
    refused = a_stored(house, state=RecordingState.FAILED, uri=None, reason=REFUSED_BY_PATIENT)
    short = a_stored(house, seconds=20.0)
    missing = a_stored(house)
    with house.units.engine.begin() as connection:
        connection.execute(text("DELETE FROM recordings WHERE id = :id"), {"id": missing.id})
    repairs = scheduled(house)
    assert recording_gaps.find_recording_gaps(repairs) == 3
    assert recording_gaps.find_recording_gaps(repairs) == 0
    assert recording_gaps.find_old_recording_gaps(repairs) == 0

    told = supervisor.get("/recording-gaps").json()
    assert (told["answered_calls"], told["open"], told["by_wish"]) == (5, 3, 1)
    kinds = {gap["call_id"]: (gap["kind"], gap["state"]) for gap in told["gaps"]}
    assert kinds == {
        waits.call_id: ("not_stored", "open"),
        refused.call_id: ("refused", "explained"),
        short.call_id: ("cut_off", "open"),
        missing.call_id: ("missing", "open"),
    }
    assert whole.call_id not in kinds
    assert len(events(house, EventKind.RECORDING_GAP_FOUND)) == 3

    with house.rows() as uow:
        came = uow.recordings.for_update(waits.id)
        assert came is not None
        came.state, came.uri = RecordingState.STORED, "store://recordings/2026/11/came.flac"
    recording_gaps.find_recording_gaps(repairs)
    open_now = supervisor.get("/recording-gaps", params={"state": "open"}).json()["gaps"]
    assert {gap["call_id"] for gap in open_now} == {short.call_id, missing.call_id}
    (lost,) = (gap for gap in open_now if gap["kind"] == "missing")
    assert lost["words"]["zh"]

    said = supervisor.post(f"/recording-gaps/{lost['id']}/explain", {"because": "power cut in the ward"}).json()
    assert (said["state"], said["settled_by"]) == ("explained", supervisor.user_id)
    again = supervisor.post(f"/recording-gaps/{lost['id']}/explain", {"because": "said twice"})
    assert again.status_code == 409
    assert supervisor.post(f"/recording-gaps/{new_id()}/explain", {"because": "what"}).status_code == 404


def test_a_call_that_has_just_ended_has_time_to_come_in(house: House, supervisor: Asking) -> None:
    recording = a_stored(house, state=RecordingState.CAPTURED, uri=None)
    with house.units.engine.begin() as connection:
        ended = "UPDATE calls SET ended_at = now() - interval '7 minutes' WHERE id = :id"
        connection.execute(text(ended), {"id": recording.call_id})
    repairs = scheduled(house)
    recording_gaps.find_recording_gaps(repairs)
    assert supervisor.get("/recording-gaps").json()["gaps"] == []
    with house.units.engine.begin() as connection:
        ended = "UPDATE calls SET ended_at = now() - interval '8 minutes 30 seconds' WHERE id = :id"
        connection.execute(text(ended), {"id": recording.call_id})
    recording_gaps.find_recording_gaps(repairs)
    assert len(supervisor.get("/recording-gaps").json()["gaps"]) == 1


def test_a_failed_recording_is_tried_again_where_it_failed(house: House, supervisor: Asking) -> None:
    in_spool = a_stored(house, state=RecordingState.FAILED, uri=None, reason="another rate", spool=Path("/spool/a"))
    in_vault = a_stored(house, state=RecordingState.FAILED, reason="no model")
    gone = a_stored(house, state=RecordingState.FAILED, uri=None, reason=NEVER_BEGUN)
    with house.units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET spool = NULL WHERE id = :id"), {"id": gone.id})
    whole = a_stored(house)
    listed = supervisor.get("/failed-recordings").json()["recordings"]
    assert {each["id"] for each in listed} == {in_spool.id, in_vault.id, gone.id}
    because = {"because": "the file was mended"}
    assert supervisor.post(f"/recordings/{in_spool.id}/try-again", because).status_code == 200
    assert supervisor.post(f"/recordings/{in_vault.id}/try-again", because).json()["in_vault"] is True
    for recording in (gone, whole):
        refused = supervisor.post(f"/recordings/{recording.id}/try-again", because)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert events(house, EventKind.RECORDING_CAPTURED) == [in_spool.id]
    assert events(house, EventKind.RECORDING_STORED) == [in_vault.id]


def test_what_the_store_did_not_take_is_asked_for_again(house: House) -> None:
    reason = f"{STORE_AWAY}: there is no such bucket"
    waiting = a_stored(house, state=RecordingState.CAPTURED, uri=None, reason=reason)
    fresh = a_stored(house, state=RecordingState.CAPTURED, uri=None)
    with house.rows() as uow:
        lost = uow.recordings.unfinished(RecordingState.CAPTURED, uow.now + timedelta(days=1), limit=1000)
        assert waiting.id not in {each.id for each in lost}  # it is not sent twice
        assert fresh.id not in {each.id for each in lost if each.reason}
    assert recording_keeping.store_waiting_recordings(scheduled(house)) == 1
    assert events(house, EventKind.RECORDING_CAPTURED) == [waiting.id]


def test_while_the_store_takes_nothing_a_few_are_tried_and_then_all(house: House) -> None:
    reason = f"{STORE_AWAY}: away"
    for _ in range(4):
        a_stored(house, state=RecordingState.CAPTURED, uri=None, stored_at=None, reason=reason)
    with house.units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET stored_at = now() - interval '1 hour'"))
    assert recording_keeping.store_waiting_recordings(scheduled(house)) == 2
    a_stored(house)
    assert recording_keeping.store_waiting_recordings(scheduled(house)) >= 4


def test_a_doubt_or_a_destroyed_recording_hides_no_true_gap(house: House) -> None:
    for _ in range(3):
        a_stored(house, faults=[RecordingFault(kind=FaultKind.START_UNKNOWN)])
        a_stored(house, state=RecordingState.EXPIRED, faults=[RecordingFault(kind=FaultKind.SIDE_SHORT)])
    gap = a_stored(house, faults=[RecordingFault(kind=FaultKind.SIDE_EMPTY)])
    with house.units() as uow:
        span = {"since": uow.now - timedelta(days=1), "until": uow.now}
        found = uow.recording_gaps.unlisted(**span, limit=500)
    assert all(gap_in(call) is not None for call in found)
    assert gap.call_id in {call.call_id for call in found}


def test_every_open_line_is_looked_at_again_however_many_there_are(
    house: House, supervisor: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_gaps, "_AT_ONCE", 1)
    waiting = [a_stored(house, state=RecordingState.CAPTURED, uri=None) for _ in range(3)]
    repairs = scheduled(house)
    while recording_gaps.find_recording_gaps(repairs):
        pass
    with house.rows() as uow:
        for each in waiting:
            came = uow.recordings.for_update(each.id)
            assert came is not None
            came.state, came.uri = RecordingState.STORED, "store://recordings/2026/11/came.flac"
    recording_gaps.find_recording_gaps(repairs)
    open_now = supervisor.get("/recording-gaps", params={"state": "open"}).json()["gaps"]
    assert not {each.call_id for each in waiting} & {gap["call_id"] for gap in open_now}
