"""What one INVITE came to, read from the messages that passed."""

import pytest

from telephony.causes import Reasons
from telephony.sip.dialog import SipMessage
from telephony.sip.invite_watch import InviteWatch


def answered(status: str, *headers: str, method: str = "INVITE", body: str = "") -> SipMessage:
    lines = [f"SIP/2.0 {status}", f"CSeq: 7 {method}", *headers, "", body]
    return SipMessage("\r\n".join(lines), sent=False, peer="127.0.0.1:5060")


def asked(method: str, *headers: str, sent: bool = False) -> SipMessage:
    return SipMessage("\r\n".join([f"{method} sip:x SIP/2.0", f"CSeq: 8 {method}", *headers, "", ""]), sent, "h:1")


def watched(*messages: SipMessage) -> InviteWatch:
    watch = InviteWatch()
    for at, message in enumerate(messages):
        watch.observe(message, float(at))
    return watch


@pytest.mark.parametrize(
    ("messages", "status", "unrung"),
    [
        ([answered("100 Trying"), answered("503 Full")], 503, True),
        ([answered("503 Full")], 503, True),
        ([answered("180 Ringing"), answered("503 Full")], 503, False),
        ([answered("183 Progress"), answered("503 Full")], 503, False),
        ([answered("183 Progress", body="v=0"), answered("503 Full")], 503, False),
        ([answered("199 Gone"), answered("503 Full")], 503, False),
        ([], 503, False),  # the library's own name for a broken line
        ([answered("100 Trying")], 408, False),
        ([answered("407 Who"), asked("INVITE", sent=True)], 503, False),  # the line broke after the second INVITE
        ([answered("407 Who"), asked("INVITE", sent=True), answered("503 Full")], 503, True),
        ([answered("500 No", method="OPTIONS")], 500, False),
    ],
)
def test_a_refusal_is_unrung_only_when_the_messages_prove_it(
    messages: list[SipMessage], status: int, unrung: bool
) -> None:
    assert watched(*messages).refused_unrung(status) is unrung


def test_the_reason_is_read_from_a_final_answer_and_from_a_bye() -> None:
    assert watched(answered("503 No", "Reason: Q.850;cause=34")).reasons == Reasons(q850=34)
    assert watched(answered("200 OK"), asked("BYE", "Reason: Q.850;cause=41")).reasons == Reasons(q850=41)
    assert watched(asked("BYE", "Reason: Q.850;cause=41", sent=True)).reasons == Reasons()
    # What a provisional answer says of the way there is not why the call ended.
    assert watched(answered("183 Progress", "Reason: Q.850;cause=20")).reasons == Reasons()


def test_ringing_is_timed_from_its_first_word() -> None:
    watch = watched(answered("100 Trying"), answered("180 Ringing"), answered("180 Ringing"))
    assert watch.rang_for(4.5) == 3.5
    assert watched(answered("183 Progress")).rang_for(9.0) is None
