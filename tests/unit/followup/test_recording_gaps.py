"""What is missing of an answered call."""

from datetime import UTC, datetime, timedelta

import pytest

from followup.recording_gaps import GapKind, RecordedCall, gap_in
from followup.recordings import DISK_FULL, NEVER_BEGUN, NOBODY_SPOKE, REFUSED_BY_PATIENT, FaultKind, RecordingState

ANSWERED = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
STORED = {"state": RecordingState.STORED, "in_vault": True, "started_at": ANSWERED, "seconds": 60.0}


def call(**values: object) -> RecordedCall:
    given: dict[str, object] = {
        "call_id": "c",
        "wanted": True,
        "answered_at": ANSWERED,
        "ended_at": ANSWERED + timedelta(seconds=60),
        **values,
    }
    return RecordedCall(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({}, GapKind.MISSING),
        ({"wanted": False}, GapKind.NOT_WANTED),
        ({"state": RecordingState.FAILED, "reason": REFUSED_BY_PATIENT}, GapKind.REFUSED),
        ({"state": RecordingState.FAILED, "reason": NOBODY_SPOKE}, GapKind.NOBODY_SPOKE),
        ({"state": RecordingState.FAILED, "reason": NEVER_BEGUN}, GapKind.NEVER_BEGUN),
        ({"state": RecordingState.FAILED, "reason": DISK_FULL}, GapKind.DISK_FULL),
        ({"state": RecordingState.FAILED, "reason": "the header is garbage"}, GapKind.LOST),
        *(({"state": state}, GapKind.NOT_STORED) for state in (RecordingState.RECORDING, RecordingState.CAPTURED)),
        ({**STORED, "faults": (FaultKind.SIDE_MISSING,)}, GapKind.SIDE_MISSING),
        ({**STORED, "faults": (FaultKind.SIDE_EMPTY,)}, GapKind.SIDE_MISSING),
        ({**STORED, "faults": (FaultKind.SIDE_SHORT, FaultKind.DISK_FULL)}, GapKind.DISK_FULL),
        ({**STORED, "seconds": 54.0}, GapKind.CUT_OFF),
        ({**STORED, "started_at": ANSWERED + timedelta(seconds=6), "seconds": 54.0}, GapKind.BEGAN_LATE),
        ({**STORED, "seconds": 56.0}, None),
        ({**STORED, "faults": (FaultKind.START_UNKNOWN,)}, None),
        (STORED, None),
        # Stored once and failed afterwards, in the transcription: the sound is there.
        ({**STORED, "state": RecordingState.FAILED, "reason": "no model"}, None),
        ({"state": RecordingState.EXPIRED}, None),
    ],
)
def test_each_call_has_its_gap_or_none(known: dict[str, object], kind: GapKind | None) -> None:
    assert gap_in(call(**known)) is kind
