"""A silent line and a recording that failed, on a real database: both are on the call, told, and never end it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calls import Call, CallState, LegId
from followup.recordings import DISK_FULL, NEVER_BEGUN, RecordingState
from runtime.identifiers import new_id
from telephony.call_control import EventValue, LegEvent, LegEventKind
from telephony.conversation import Conversation
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt
from tests.support.telephony_bench import CONTENT


@pytest.fixture
def uow(database_url: str) -> Iterator[UnitOfWork]:
    engine = make_engine(database_url)
    with UnitsOfWork(engine)() as unit:
        yield unit
    engine.dispose()


@pytest.fixture
def call(uow: UnitOfWork) -> Call:
    attempt = an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow)))
    return a_call(uow, attempt, state=CallState.BRIDGED, joined=["desk"], ended_at=None, end_reason=None, party=None)


def tell(uow: UnitOfWork, call: Call, kind: LegEventKind, at: datetime, **values: EventValue) -> None:
    event = LegEvent(event_id=new_id(), leg_id=LegId(call.legs[0].id), kind=kind, occurred_at=at, values=values)
    assert Conversation(CONTENT.flows).apply(uow, event) == []
    uow.flush()


def told(uow: UnitOfWork, kind: str) -> int:
    return [row.kind for row in uow.outbox.unpublished(500)].count(kind)


def test_a_silence_is_on_the_call_with_its_beginning_until_sound_is_back(uow: UnitOfWork, call: Call) -> None:
    tell(uow, call, LegEventKind.MEDIA_SILENT, uow.now, seconds=5.5)
    assert call.silent_since == uow.now - timedelta(seconds=5.5)
    assert told(uow, "call_changed") == 1
    tell(uow, call, LegEventKind.MEDIA_BACK, uow.now)
    assert call.silent_since is None
    assert told(uow, "call_changed") == 2


def test_a_line_on_hold_is_not_called_silent(uow: UnitOfWork, call: Call) -> None:
    tell(uow, call, LegEventKind.MEDIA_SILENT, uow.now, seconds=5.0)
    tell(uow, call, LegEventKind.HELD, uow.now, by="us")
    assert (call.state, call.silent_since) == (CallState.HELD, None)


def test_a_disk_that_is_full_fails_the_recording_with_its_reason_and_keeps_the_spool(
    uow: UnitOfWork, call: Call
) -> None:
    tell(uow, call, LegEventKind.RECORDING_STARTED, uow.now, folder="/spool/one")
    tell(uow, call, LegEventKind.RECORDING_STOPPED, uow.now, folder="/spool/one", failed=True)
    recording = uow.recordings.of_call(call.id)
    assert recording is not None
    assert (recording.state, recording.reason) == (RecordingState.FAILED, DISK_FULL)
    assert recording.spool == "/spool/one"
    assert (told(uow, "recording_failed"), told(uow, "recording_captured")) == (1, 0)
    assert told(uow, "call_changed") == 1, "the agent's screen shows that nothing is recorded any more"
    assert call.state is CallState.BRIDGED


def test_a_recording_that_never_began_is_a_failed_one_with_its_reason(uow: UnitOfWork, call: Call) -> None:
    tell(uow, call, LegEventKind.RECORDING_STOPPED, uow.now, folder="/spool/two", failed=True)
    recording = uow.recordings.of_call(call.id)
    assert recording is not None
    assert (recording.state, recording.reason, recording.spool) == (RecordingState.FAILED, NEVER_BEGUN, None)
    assert (told(uow, "recording_failed"), told(uow, "call_changed")) == (1, 1)
