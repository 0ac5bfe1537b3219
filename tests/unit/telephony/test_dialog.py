"""Dialogs read from messages: enough for another process to say CANCEL or BYE in the worker's name."""

from followup.calls import LegId, LegRole
from telephony.sip.dialog import DialogWatch, SipMessage, caller_and_called
from telephony.sip.journal import DialogLine, DialogState

PEER = "127.0.0.1:5060"
INVITE = """INVITE sip:1@127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:15060;rport;branch=z9hG4bK-one
Max-Forwards: 70
Route: <sip:127.0.0.1:5062;lr>
From: "Ward, 7" <sip:7@127.0.0.1>;tag=ours
To: <sip:1@127.0.0.1>
Contact: <sip:7@127.0.0.1:15060>
Call-ID: abc
CSeq: 41 INVITE
Content-Length: 0

"""


def answer(status: str, *, tag: str = "theirs", more: str = "", cseq: str = "41 INVITE") -> str:
    return (
        f"SIP/2.0 {status}\nv: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK-one\nf: <sip:7@127.0.0.1>;tag=ours\n"
        f"t: <sip:1@127.0.0.1>;tag={tag}\ni: abc\nCSeq: {cseq}\n{more}l: 0\n\n"
    )


def message(text: str, *, sent: bool = False) -> SipMessage:
    return SipMessage(text.replace("\n", "\r\n"), sent=sent, peer=PEER)


def watch(*messages: SipMessage) -> tuple[DialogWatch, DialogLine | None]:
    dialog = DialogWatch(LegId("leg"), LegRole.PATIENT)
    last = None
    for passed in messages:
        last = dialog.observe(passed)
    return dialog, last


def test_the_invite_alone_tells_what_a_cancel_needs() -> None:
    _, line = watch(message(INVITE, sent=True))
    assert line is not None
    assert line.state is DialogState.INVITING
    assert line.local_uri == '"Ward, 7" <sip:7@127.0.0.1>'
    assert (line.local_tag, line.remote_uri, line.call_id) == ("ours", "<sip:1@127.0.0.1>", "abc")
    assert (line.via_branch, line.invite_cseq, line.target) == ("z9hG4bK-one", 41, "sip:1@127.0.0.1:5060")
    assert (line.transport_host, line.transport_port) == ("127.0.0.1", 15060)
    assert (line.peer_host, line.peer_port) == ("127.0.0.1", 5060)
    assert line.route_set == ("<sip:127.0.0.1:5062;lr>",)


def test_an_invite_with_credentials_takes_the_place_of_the_one_that_was_challenged() -> None:
    again = INVITE.replace("CSeq: 41", "CSeq: 42").replace("z9hG4bK-one", "z9hG4bK-two")
    for before in ([], [message(answer("183 Session Progress", tag="proxy"))]):
        _, line = watch(message(INVITE, sent=True), *before, message(again, sent=True))
        assert line is not None
        assert (line.state, line.via_branch) == (DialogState.INVITING, "z9hG4bK-two")
        assert (line.cseq, line.invite_cseq, line.remote_tag) == (42, 42, "")


def test_bytes_that_are_no_text_beside_letters_of_other_scripts_are_read_as_the_gate_read_them() -> None:
    strange = INVITE.replace('"Ward, 7"', '"王\udcff"').replace("abc", "abc\udcfe")
    dialog, line = watch(message(strange, sent=True))
    assert line is not None
    assert line.call_id == "abc?"
    assert caller_and_called(message(strange)) == ("7", "1")
    assert dialog.observe(message(strange, sent=True)) is None


def test_the_same_invite_sent_again_changes_nothing() -> None:
    _, line = watch(message(INVITE, sent=True), message(answer("180 Ringing")), message(INVITE, sent=True))
    assert line is None


def test_ringing_keeps_the_target_and_routes_of_the_invite() -> None:
    routes = "Record-Route: <sip:10.0.0.1;lr>\nm: <sip:1@10.0.0.2>\n"
    _, line = watch(message(INVITE, sent=True), message(answer("180 Ringing", more=routes)))
    assert line is not None
    assert (line.state, line.remote_tag) == (DialogState.EARLY, "theirs")
    assert (line.target, line.route_set) == ("sip:1@127.0.0.1:5060", ("<sip:127.0.0.1:5062;lr>",))


def test_the_answer_gives_the_routes_backwards_and_the_far_ends_contact() -> None:
    more = (
        'Record-Route: <sip:b;lr>, "x, y" <sip:a;lr>\nRecord-Route: <sip:c;lr>\nm: "1, 2" <sip:1@10.0.0.2:5070>;q=1\n'
    )
    _, line = watch(message(INVITE, sent=True), message(answer("200 OK", more=more)))
    assert line is not None
    assert line.state is DialogState.CONFIRMED
    assert line.route_set == ("<sip:c;lr>", '"x, y" <sip:a;lr>', "<sip:b;lr>")
    assert line.target == "sip:1@10.0.0.2:5070"


def test_trying_and_a_refusal_change_nothing() -> None:
    for status in ("100 Trying", "486 Busy Here"):
        _, line = watch(message(INVITE, sent=True), message(answer(status)))
        assert line is None


def test_a_second_invite_with_credentials_replaces_the_first() -> None:
    again = INVITE.replace("z9hG4bK-one", "z9hG4bK-two").replace("41 INVITE", "42 INVITE")
    _, line = watch(message(INVITE, sent=True), message(again, sent=True))
    assert line is not None
    assert (line.via_branch, line.invite_cseq, line.cseq) == ("z9hG4bK-two", 42, 42)


def test_requests_of_ours_within_the_dialog_raise_the_number_a_bye_must_exceed() -> None:
    talk = (message(INVITE, sent=True), message(answer("200 OK", more="m: <sip:1@10.0.0.2>\n")))
    again = INVITE.replace("41 INVITE", "43 INVITE").replace("z9hG4bK-one", "z9hG4bK-re")
    dialog, line = watch(*talk, message(again, sent=True))
    assert line is not None
    assert (line.cseq, line.invite_cseq, line.via_branch) == (43, 41, "z9hG4bK-one")
    moved = dialog.observe(message(answer("200 OK", more="m: <sip:1@10.0.0.9>\n", cseq="43 INVITE")))
    assert moved is not None
    assert moved.target == "sip:1@10.0.0.9"


def test_a_far_end_that_moves_is_followed() -> None:
    reinvite = "INVITE sip:7@127.0.0.1:15060 SIP/2.0\nm: <sip:1@10.0.0.3>\nCSeq: 1 INVITE\n\n"
    _, line = watch(
        message(INVITE, sent=True),
        message(answer("200 OK", more="m: <sip:1@10.0.0.2>\n")),
        message(reinvite),
    )
    assert line is not None
    assert line.target == "sip:1@10.0.0.3"
