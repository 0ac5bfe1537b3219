"""Farewell to far ends of a dead worker, with a far end of raw UDP that can lose, repeat and cross messages."""

import dataclasses
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sipmessage import Message, Request, Response

from followup.calls import LegId, LegRole
from telephony.sip.farewell import FarewellOutcome, say_farewell
from telephony.sip.journal import DialogLine, DialogState
from tests.support.ports import free_udp_block

Outcomes = Mapping[LegId, FarewellOutcome]
WHOLE = (
    b"SIP/2.0 487 Request Terminated",
    b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKinvitec1",
    b"From: <sip:desk@127.0.0.1>;tag=ours",
    b"To: <sip:+8610001@127.0.0.1>;tag=theirs",
    b"Call-ID: c1",
    b"CSeq: 100 INVITE",
    b"Content-Length: 0",
    b"",
    b"",
)


class FarEnd:
    """A phone of bytes: hears requests, answers when told."""

    def __init__(self) -> None:
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line.bind(("127.0.0.1", 0))
        self.line.settimeout(6)
        self.port = int(self.line.getsockname()[1])
        self.worker_port = free_udp_block(2)
        self.pool = ThreadPoolExecutor(max_workers=1)

    def dialog(self, state: DialogState, call_id: str = "c1") -> DialogLine:
        return DialogLine(
            dialog=LegId(f"leg-{call_id}"),
            role=LegRole.PATIENT,
            state=state,
            call_id=call_id,
            local_uri="<sip:desk@127.0.0.1>",
            local_tag="ours",
            remote_uri=f"<sip:+8610001@127.0.0.1:{self.port}>",
            remote_tag="" if state is DialogState.INVITING else "theirs",
            target=f"sip:+8610001@127.0.0.1:{self.port}",
            cseq=100,
            invite_cseq=100,
            via_branch=f"z9hG4bKinvite{call_id}",
            local_contact=f"<sip:desk@127.0.0.1:{self.worker_port}>",
            transport_host="127.0.0.1",
            transport_port=self.worker_port,
            peer_host="127.0.0.1",
            peer_port=self.port,
        )

    def leave(self, *dialogs: DialogLine) -> Future[Outcomes]:
        return self.pool.submit(say_farewell, dialogs, host="127.0.0.1", port=self.worker_port)

    def hear(self, method: str) -> Request:
        """The next request, which must be of this method."""
        message = Message.parse(self.line.recv(65535))
        assert isinstance(message, Request)
        assert message.method == method
        return message

    def answer(self, request: Request, code: int, **headers: str) -> None:
        """Answer a request; `headers` overrule what is copied from it."""
        response = Response(code, "As told")
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            response.headers.setlist(name, request.headers.getlist(name))
        for name, value in headers.items():
            response.headers.set(name.replace("_", "-"), value)
        if ";tag=" not in response.headers["To"]:
            response.headers.set("To", response.headers["To"] + ";tag=theirs")
        self.send(bytes(response))

    def send(self, datagram: bytes) -> None:
        self.line.sendto(datagram, ("127.0.0.1", self.worker_port))


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    phone = FarEnd()
    yield phone
    phone.pool.shutdown()
    phone.line.close()


def test_a_confirmed_call_gets_a_bye_with_the_dialogs_own_names(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    bye = far_end.hear("BYE")
    assert str(bye.uri) == f"sip:+8610001@127.0.0.1:{far_end.port}"
    assert bye.headers["From"] == "<sip:desk@127.0.0.1>;tag=ours"
    assert bye.headers["To"].endswith(";tag=theirs")
    assert bye.call_id == "c1"
    assert bye.cseq.sequence > 100
    far_end.answer(bye, 200)
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_ringing_call_gets_a_cancel_of_the_same_transaction_and_its_refusal_is_acknowledged(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.EARLY))
    cancel = far_end.hear("CANCEL")
    assert cancel.via[0].parameters["branch"] == "z9hG4bKinvitec1"
    assert str(cancel.cseq) == "100 CANCEL"
    assert "tag" not in cancel.to_address.parameters
    far_end.answer(cancel, 200)
    far_end.answer(cancel, 487, CSeq="100 INVITE")
    ack = far_end.hear("ACK")
    assert ack.via[0].parameters["branch"] == "z9hG4bKinvitec1"
    assert ack.to_address.parameters["tag"] == "theirs"
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_an_answer_that_crosses_the_cancel_is_taken_and_ended(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.EARLY))
    cancel = far_end.hear("CANCEL")
    far_end.answer(cancel, 200)
    far_end.answer(
        cancel,
        200,
        CSeq="100 INVITE",
        Contact=f"<sip:handset@127.0.0.1:{far_end.port}>",
        Record_Route=f"<sip:127.0.0.1:{far_end.port};lr>",
    )
    ack = far_end.hear("ACK")
    assert str(ack.cseq) == "100 ACK"
    assert str(ack.uri) == f"sip:handset@127.0.0.1:{far_end.port}"
    bye = far_end.hear("BYE")
    assert str(bye.uri) == f"sip:handset@127.0.0.1:{far_end.port}"
    assert bye.headers["Route"] == f"<sip:127.0.0.1:{far_end.port};lr>"
    assert bye.to_address.parameters["tag"] == "theirs"
    assert bye.via[0].parameters["branch"] != ack.via[0].parameters["branch"] != "z9hG4bKinvitec1"
    far_end.answer(bye, 200)
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_cancel_that_came_too_early_is_said_again_when_the_phone_begins_to_ring(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.INVITING))
    cancel = far_end.hear("CANCEL")
    far_end.answer(cancel, 481)
    far_end.answer(cancel, 180, CSeq="100 INVITE")
    again = far_end.hear("CANCEL")
    far_end.answer(again, 200)
    far_end.answer(again, 487, CSeq="100 INVITE")
    far_end.hear("ACK")
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_lost_bye_is_repeated_unchanged(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    lost = far_end.hear("BYE")
    again = far_end.hear("BYE")
    assert bytes(again) == bytes(lost)
    far_end.answer(again, 200)
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_second_burial_says_the_very_same_bye(far_end: FarEnd) -> None:
    first = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    bye = far_end.hear("BYE")
    far_end.answer(bye, 200)
    first.result(timeout=1)
    second = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    repeated = far_end.hear("BYE")
    far_end.answer(repeated, 481)
    assert bytes(repeated) == bytes(bye)
    assert second.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_far_end_that_says_bye_itself_is_answered_and_left(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    bye = far_end.hear("BYE")
    theirs = Request("BYE", bye.uri)
    theirs.headers.set("Via", f"SIP/2.0/UDP 127.0.0.1:{far_end.port};branch=z9hG4bKtheirs")
    theirs.headers.set("From", bye.headers["To"])
    theirs.headers.set("To", bye.headers["From"])
    theirs.headers.set("Call-ID", "c1")
    theirs.headers.set("CSeq", "7 BYE")
    far_end.send(bytes(theirs))
    answer = Message.parse(far_end.line.recv(65535))
    assert isinstance(answer, Response)
    assert answer.code == 200
    assert str(answer.cseq) == "7 BYE"
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_a_far_end_that_never_answers_is_given_up_within_five_seconds(far_end: FarEnd) -> None:
    began = time.monotonic()
    outcomes = far_end.leave(far_end.dialog(DialogState.CONFIRMED)).result(timeout=6)
    assert outcomes == {LegId("leg-c1"): FarewellOutcome.UNHEARD}
    assert time.monotonic() - began < 5


def test_one_unusable_address_does_not_keep_the_other_phones_on_the_line(far_end: FarEnd) -> None:
    strange = dataclasses.replace(far_end.dialog(DialogState.CONFIRMED, "c2"), target="not an address")
    leaving = far_end.leave(strange, far_end.dialog(DialogState.CONFIRMED))
    far_end.answer(far_end.hear("BYE"), 200)
    assert leaving.result(timeout=1) == {
        LegId("leg-c2"): FarewellOutcome.UNSENT,
        LegId("leg-c1"): FarewellOutcome.PARTED,
    }


def test_a_port_that_another_program_has_taken_does_not_keep_the_phone_on_the_line(far_end: FarEnd) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", far_end.worker_port))
        leaving = far_end.leave(far_end.dialog(DialogState.EARLY))
        datagram, sender = far_end.line.recvfrom(65535)
        cancel = Message.parse(datagram)
        assert isinstance(cancel, Request)
        assert cancel.via[0].port == far_end.worker_port != sender[1]
        far_end.worker_port = sender[1]
        far_end.answer(cancel, 200)
        far_end.answer(cancel, 487, CSeq="100 INVITE")
        far_end.hear("ACK")
        assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_what_is_not_sip_is_passed_over(far_end: FarEnd) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.CONFIRMED))
    bye = far_end.hear("BYE")
    far_end.send(b"\r\n\r\n")
    far_end.send(b"\xff\xfe garbage")
    far_end.answer(bye, 200)
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


@pytest.mark.parametrize("missing", ["Via", "To", "Call-ID", "CSeq"])
def test_an_answer_that_lacks_what_every_answer_has_is_passed_over(far_end: FarEnd, missing: str) -> None:
    leaving = far_end.leave(far_end.dialog(DialogState.EARLY))
    cancel = far_end.hear("CANCEL")
    far_end.send(b"\r\n".join(line for line in WHOLE if not line.startswith(missing.encode())))
    far_end.answer(cancel, 487, CSeq="100 INVITE")
    far_end.hear("ACK")
    far_end.answer(cancel, 200)
    assert leaving.result(timeout=1) == {LegId("leg-c1"): FarewellOutcome.PARTED}


def test_nothing_is_bound_or_sent_when_no_dialog_is_open() -> None:
    assert say_farewell([], host="203.0.113.1", port=9) == {}
