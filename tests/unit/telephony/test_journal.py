"""The worker's journal: what it holds is enough to know what happened and to end what is still up."""

from datetime import UTC, datetime
from pathlib import Path

from followup.calls import LegId, LegRole
from telephony.call_control import LegEventKind
from telephony.sip.journal import (
    AckLine,
    ClosedLine,
    DialogLine,
    DialogState,
    FinishedLine,
    Journal,
    RecordingLine,
    WorkerLine,
    read_journal,
)
from telephony.sip.wire import Event

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def event(number: int, leg: str, kind: LegEventKind) -> Event:
    return Event(event=number, leg_id=LegId(leg), kind=kind, occurred_at=NOW)


def dialog(leg: str, state: DialogState) -> DialogLine:
    return DialogLine(
        dialog=LegId(leg),
        role=LegRole.PATIENT,
        state=state,
        call_id="abc",
        local_uri="<sip:a@127.0.0.1>",
        local_tag="l",
        remote_uri="<sip:b@127.0.0.1>",
        target="sip:b@127.0.0.1",
        cseq=2,
        invite_cseq=1,
        via_branch="z9hG4bKx",
        local_contact="<sip:a@127.0.0.1:15060>",
        transport_host="127.0.0.1",
        transport_port=15060,
        peer_host="127.0.0.1",
        peer_port=5060,
    )


def test_a_journal_read_back_tells_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file)
    first = WorkerLine(worker="w", pid=7, started_at=NOW, sip_host="127.0.0.1", sip_port=15060)
    recording = RecordingLine(
        recording=LegId("a"),
        folder=tmp_path,
        started_at=NOW,
        patient_offset_samples=0,
        agent_offset_samples=160,
        sample_rate=8000,
    )
    journal.append(first)
    journal.append(event(1, "a", LegEventKind.ABOUT_TO_INVITE), durable=True)
    journal.append(dialog("a", DialogState.INVITING))
    journal.append(dialog("a", DialogState.CONFIRMED))
    journal.append(recording)
    journal.append(AckLine(ack=1))
    journal.append(event(2, "a", LegEventKind.ENDED))
    journal.append(FinishedLine(finished="w"))
    journal.close()

    record = read_journal(file)
    assert record.worker == first
    assert record.dialogs[LegId("a")].state is DialogState.CONFIRMED
    assert record.recordings == {LegId("a"): recording}
    assert [line.event for line in record.unacknowledged()] == [2]
    assert [line.event_id for line in record.unacknowledged_leg_events()] == ["w:2"]
    assert record.finished
    assert record.last_event() == 2
    assert record.damaged_lines == 0


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file)
    journal.append(event(1, "a", LegEventKind.ABOUT_TO_INVITE))
    journal.append(event(2, "a", LegEventKind.RINGING))
    journal.close()
    file.write_bytes(file.read_bytes()[:-9])

    record = read_journal(file)
    assert [line.event for line in record.events] == [1]
    assert record.damaged_lines == 1


def test_legs_without_an_end_and_dialogs_that_are_owed_a_bye_are_found(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file)
    for number, leg in enumerate(("a", "b", "c"), start=1):
        journal.append(event(number, leg, LegEventKind.ABOUT_TO_INVITE))
        journal.append(dialog(leg, DialogState.EARLY))
    journal.append(event(4, "a", LegEventKind.ENDED))
    journal.append(ClosedLine(closed=LegId("a")))
    journal.append(event(5, "b", LegEventKind.ENDED))
    journal.close()

    record = read_journal(file)
    assert record.unended_legs() == ["c"]
    assert [line.dialog for line in record.open_dialogs()] == ["b", "c"]


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    Journal(tmp_path / "journal").close()
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600
