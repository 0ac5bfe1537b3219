"""The lines between node and worker: what one side says is what the other side reads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, LegState, OutboundLeg, Refusal, RejectedError, Trunk, TrunkBusyError
from telephony.sip import wire

LEG = LegId("leg-1")
OUTBOUND = OutboundLeg(
    leg_id=LEG,
    attempt_id="attempt-1",
    role=LegRole.PATIENT,
    number="+8613800000000",
    recording_folder=Path("/spool/recording"),
)
TRUNK = Trunk(name="town", host="127.0.0.1", port=5060, password="secret", loopback_only=True)

REQUESTS: tuple[wire.Request, ...] = (
    wire.AttachHeadset(leg=OUTBOUND, trunk=TRUNK),
    wire.Originate(leg=OUTBOUND, trunk=TRUNK),
    wire.Bridge(leg_id=LEG, other=LegId("leg-2")),
    wire.Unbridge(leg_id=LEG, other=LegId("leg-2")),
    wire.Hold(leg_id=LEG),
    wire.Resume(leg_id=LEG),
    wire.Play(leg_id=LEG, prompt=Path("/spool/prompt.wav")),
    wire.StopPrompt(leg_id=LEG),
    wire.CollectDigits(leg_id=LEG, count=1, timeout_seconds=4.5),
    wire.SendDigits(leg_id=LEG, digits="12#"),
    wire.PauseRecording(leg_id=LEG),
    wire.ResumeRecording(leg_id=LEG),
    wire.StopRecording(leg_id=LEG),
    wire.HangUp(leg_id=LEG, reason=EndReason.MACHINE),
    wire.Status(),
    wire.Quit(),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.verb)
def test_every_command_survives_the_way_to_the_worker(request_: wire.Request) -> None:
    command = wire.Command(seq=7, request=request_)
    assert wire.decode_from_node(wire.encode(command).rstrip()) == command


@pytest.mark.parametrize(
    "message",
    [
        wire.Hello(hello="worker-1", pid=7, calls_made=3, legs={LEG: LegState.RINGING}),
        wire.Answer(answer=7, ok=False, refusal=Refusal.TRUNK_BUSY, reason="four legs are up"),
        wire.Event(
            event=12,
            leg_id=LEG,
            kind=LegEventKind.ENDED,
            occurred_at=datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC),
            values={"end_reason": "busy", "sip_status": 486, "talked": False, "note": None, "seconds": 1.5},
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_the_worker_says_survives_the_way_to_the_node(message: wire.FromWorker) -> None:
    assert wire.decode_from_worker(wire.encode(message).rstrip()) == message


def test_an_event_becomes_a_leg_event_with_an_id_of_its_worker() -> None:
    event = wire.Event(event=3, leg_id=LEG, kind=LegEventKind.RINGING, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert event.leg_event("worker-1").event_id == "worker-1:3"


def test_a_refusal_becomes_the_error_of_its_kind() -> None:
    busy = wire.Answer(answer=1, ok=False, refusal=Refusal.TRUNK_BUSY, reason="no line").error()
    final = wire.Answer(answer=1, ok=False, refusal=Refusal.REJECTED, reason="over", anything_sent=True).error()
    assert isinstance(busy, TrunkBusyError)
    assert isinstance(final, RejectedError)
    assert final.anything_sent
    assert wire.Answer(answer=1, ok=True).error() is None


@pytest.mark.parametrize(
    "line", [b"not json", b"[]", b'{"seq": "x", "verb": "status"}', b'{"verb": "status"}', b'{"ack": "one"}']
)
def test_a_line_of_another_protocol_is_refused(line: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_from_node(line)


@pytest.mark.parametrize("line", [b'{"seq": 4, "verb": "dance"}', b'{"seq": 4, "verb": "hold"}'])
def test_a_command_that_cannot_be_read_can_still_be_answered(line: bytes) -> None:
    with pytest.raises(wire.UnknownVerbError) as refused:
        wire.decode_from_node(line)
    assert refused.value.seq == 4


def test_lines_come_out_whole_however_the_bytes_arrive() -> None:
    buffer = wire.LineBuffer()
    out = [line for byte in b'{"a":1}\n\n{"b":2}\n{"c"' for line in buffer.feed(bytes([byte]))]
    assert out == [b'{"a":1}', b'{"b":2}']
