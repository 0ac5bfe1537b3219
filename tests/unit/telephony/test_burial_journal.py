"""What a dead worker's journal yields: events and endings, always the same ones, and whether anything was sent."""

import struct
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import EventValue, LegEvent, LegEventKind
from telephony.sip.burial import Burial, journals_in, open_burial, was_anything_sent, was_leg_known
from telephony.sip.farewell import FarewellOutcome
from telephony.sip.journal import (
    AckLine,
    ClosedLine,
    DialogLine,
    DialogState,
    Journal,
    JournalLine,
    RecordingLine,
    WorkerLine,
)
from telephony.sip.wire import Event
from tests.support.ports import free_udp_block

T0 = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
DIED = datetime(2026, 1, 5, 1, 5, tzinfo=UTC)
PATIENT = LegId("patient-leg")
HEADSET = LegId("headset-leg")


def told(number: int, kind: LegEventKind, leg: LegId = PATIENT, **values: EventValue) -> Event:
    return Event(event=number, leg_id=leg, kind=kind, occurred_at=T0, values=values)


def written(folder: Path, *lines: JournalLine, port: int = 1, name: str = "w-1") -> Path:
    path = folder / f"{name}.jsonl"
    journal = Journal(path)
    journal.append(WorkerLine(worker=name, pid=1, started_at=T0, sip_host="127.0.0.1", sip_port=port))
    for line in lines:
        journal.append(line)
    journal.close()
    return path


def story(burial: Burial) -> list[tuple[str, str, str]]:
    return [(event.event_id, event.leg_id, event.kind.value) for event in burial.events(DIED)]


def recording(folder: Path) -> RecordingLine:
    return RecordingLine(
        recording=PATIENT,
        folder=folder,
        started_at=T0,
        patient_offset_samples=0,
        agent_offset_samples=0,
        sample_rate=8000,
    )


def test_unheard_events_come_first_and_then_the_end_of_every_leg(tmp_path: Path) -> None:
    journal = written(
        tmp_path,
        told(1, LegEventKind.ANSWERED, HEADSET),
        told(2, LegEventKind.ABOUT_TO_INVITE, attempt_id="a1"),
        AckLine(ack=2),
        told(3, LegEventKind.ANSWERED),
        recording(tmp_path / "spool"),
        told(4, LegEventKind.RECORDING_STARTED, folder=str(tmp_path / "spool")),
    )
    assert story(open_burial(journal)) == [
        ("w-1:3", PATIENT, "answered"),
        ("w-1:4", PATIENT, "recording_started"),
        ("w-1:5", HEADSET, "ended"),
        ("w-1:6", PATIENT, "recording_stopped"),
        ("w-1:7", PATIENT, "ended"),
    ]


def test_an_end_by_burial_says_worker_lost_and_that_it_was_us(tmp_path: Path) -> None:
    (_, ended) = open_burial(written(tmp_path, told(1, LegEventKind.RINGING))).events(DIED)
    assert ended == LegEvent(
        event_id="w-1:2",
        leg_id=PATIENT,
        kind=LegEventKind.ENDED,
        occurred_at=DIED,
        values={"end_reason": "worker_lost", "party": "us", "sip_status": 0},
    )


def test_a_second_burial_yields_the_same_ids_and_leaves_out_what_was_acknowledged(tmp_path: Path) -> None:
    journal = written(tmp_path, told(1, LegEventKind.RINGING), told(2, LegEventKind.RINGING, HEADSET))
    first = open_burial(journal)
    assert [event_id for event_id, _, _ in story(first)] == ["w-1:1", "w-1:2", "w-1:3", "w-1:4"]
    first.acknowledge(3)
    second = open_burial(journal)
    assert story(second) == [("w-1:4", HEADSET, "ended")]
    assert second.last_number() == first.last_number() == 4


def test_a_leg_that_ended_by_itself_does_not_end_again(tmp_path: Path) -> None:
    ended = told(1, LegEventKind.ENDED, end_reason="busy", party="patient", sip_status=486)
    assert story(open_burial(written(tmp_path, ended, ClosedLine(closed=PATIENT)))) == [("w-1:1", PATIENT, "ended")]


def test_a_line_torn_by_the_death_is_left_out(tmp_path: Path) -> None:
    journal = written(tmp_path, told(1, LegEventKind.RINGING))
    with journal.open("ab") as torn:
        torn.write(b'{"event":2,"leg_id":"pat')
    assert story(open_burial(journal)) == [("w-1:1", PATIENT, "ringing"), ("w-1:2", PATIENT, "ended")]


def test_an_acknowledgement_after_a_torn_line_is_not_lost_with_it(tmp_path: Path) -> None:
    journal = written(tmp_path, told(1, LegEventKind.RINGING))
    with journal.open("ab") as torn:
        torn.write(b'{"event":2,"leg_id":"pat')
    open_burial(journal).acknowledge(2)
    assert story(open_burial(journal)) == []


def test_a_journal_of_nothing_yields_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "w-9.jsonl"
    empty.touch()
    burial = open_burial(empty)
    assert (burial.worker_id, burial.part(), story(burial)) == ("w-9", {}, [])


def test_an_archived_journal_still_tells_that_an_attempt_was_dialed(tmp_path: Path) -> None:
    journal = written(tmp_path, told(1, LegEventKind.ABOUT_TO_INVITE, attempt_id="a1"))
    written(tmp_path, told(1, LegEventKind.INVITED, sip_call_id="a2"), name="w-2")
    open_burial(journal).archive()
    assert not journal.exists()
    assert was_anything_sent("a1", journals_in(tmp_path))
    assert not was_anything_sent("a2", journals_in(tmp_path))
    assert not was_anything_sent("a", journals_in(tmp_path))


def test_a_journal_put_away_while_it_is_being_looked_for_is_still_found(tmp_path: Path) -> None:
    journal = written(tmp_path, told(1, LegEventKind.ABOUT_TO_INVITE, attempt_id="a1"))
    listed = journals_in(tmp_path)
    open_burial(journal).archive()
    assert was_anything_sent("a1", listed)
    assert was_leg_known(PATIENT, listed)
    assert not was_leg_known(HEADSET, listed)


def test_recordings_are_playable_after_the_burial_and_one_broken_file_stops_nothing(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "agent.wav").write_bytes(b"RI")
    with wave.open(str(spool / "patient.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack("<400h", *range(400)))
    content = bytearray((spool / "patient.wav").read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    (spool / "patient.wav").write_bytes(content)
    open_burial(written(tmp_path, told(1, LegEventKind.ANSWERED), recording(spool))).part()
    with wave.open(str(spool / "patient.wav"), "rb") as sound:
        assert sound.getnframes() == 400


@pytest.mark.parametrize("closed", [True, False])
def test_only_dialogs_that_are_open_are_parted(tmp_path: Path, closed: bool) -> None:
    port = free_udp_block(2)
    dialog = DialogLine(
        dialog=PATIENT,
        role=LegRole.PATIENT,
        state=DialogState.CONFIRMED,
        call_id="c1",
        local_uri="<sip:desk@127.0.0.1>",
        local_tag="ours",
        remote_uri="<sip:x@127.0.0.1>",
        remote_tag="theirs",
        target="not an address",
        cseq=1,
        invite_cseq=1,
        via_branch="z9hG4bKx",
        local_contact="<sip:desk@127.0.0.1>",
        transport_host="127.0.0.1",
        transport_port=port,
        peer_host="127.0.0.1",
        peer_port=9,
    )
    lines: list[JournalLine] = [told(1, LegEventKind.ANSWERED), dialog]
    if closed:
        lines.append(ClosedLine(closed=PATIENT))
    burial = open_burial(written(tmp_path, *lines, port=port))
    assert burial.part() == ({} if closed else {PATIENT: FarewellOutcome.UNSENT})
