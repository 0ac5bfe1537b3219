"""The exchange's decisions: what it adds, removes, forwards, answers and drops."""

import re

import pytest

from suifang.demo.exchange import Address, Exchange, directory
from suifang.demo.town_plan import digits_of

HERE = ("127.0.0.1", 17060)
PHONE = ("127.0.0.1", 17061)
CALLER = ("127.0.0.1", 5070)


def exchange() -> Exchange:
    return Exchange(HERE, directory({"86101": PHONE, "agent-1": ("127.0.0.1", 17161)}, digits_of))


def request(
    method: str = "INVITE",
    user: str = "+86101",
    *,
    via: str = "Via: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bKa1",
    call_id: str = "one",
    to: str = "To: <sip:+86101@127.0.0.1:17060>",
    extra: tuple[str, ...] = ("Max-Forwards: 70",),
) -> bytes:
    lines = [
        f"{method} sip:{user}@127.0.0.1:17060 SIP/2.0",
        via,
        "From: <sip:caller@127.0.0.1:5070>;tag=f1",
        to,
        f"Call-ID: {call_id}",
        f"CSeq: 7 {method}",
        *extra,
        "Content-Length: 3",
    ]
    return "\r\n".join([*lines, "", "v=0"]).encode()


def relayed(packet: bytes, source: Address = CALLER) -> tuple[list[str], Address]:
    """The lines of what is sent on, and to whom."""
    answer = exchange().relay(packet, source)
    assert answer is not None
    return answer[0].decode().split("\r\n"), answer[1]


def own_branch(packet: bytes) -> str:
    lines, _ = relayed(packet)
    found = re.search(r"127\.0\.0\.1:17060;branch=(z9hG4bK\w+)", lines[1])
    assert found is not None
    return found[1]


def test_a_request_goes_to_the_phone_of_its_number_with_one_via_more_and_one_hop_less() -> None:
    lines, destination = relayed(request())
    assert destination == PHONE
    assert lines[0] == "INVITE sip:+86101@127.0.0.1:17060 SIP/2.0"
    assert lines[1].startswith("Via: SIP/2.0/UDP 127.0.0.1:17060;branch=z9hG4bK")
    assert lines[2] == "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa1;received=127.0.0.1;rport=5070"
    assert "Max-Forwards: 69" in lines
    assert lines[-1] == "v=0"


def test_a_number_is_found_with_or_without_its_plus_and_an_extension_by_its_name() -> None:
    assert relayed(request(user="86101"))[1] == PHONE
    assert relayed(request(user="agent-1"))[1] == ("127.0.0.1", 17161)


def test_retransmission_cancel_and_ack_of_a_refusal_carry_the_branch_of_their_invite() -> None:
    invite = own_branch(request())
    assert own_branch(request()) == invite
    assert own_branch(request("CANCEL")) == invite
    assert own_branch(request("ACK", to="To: <sip:+86101@127.0.0.1:17060>;tag=t1")) == invite


def test_two_transactions_carry_different_branches() -> None:
    other = request(via="Via: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bKa2")
    assert own_branch(other) != own_branch(request())
    assert own_branch(request(call_id="two")) != own_branch(request())


def test_an_answer_goes_back_without_our_via_to_where_its_request_came_from() -> None:
    forwarded, _ = relayed(request(), ("127.0.0.1", 6001))
    answer = ["SIP/2.0 200 OK", *forwarded[1:7], "Content-Length: 0", "", ""]
    lines, destination = relayed("\r\n".join(answer).encode(), PHONE)
    assert destination == ("127.0.0.1", 6001)
    assert [line for line in lines if line.startswith("Via")] == [forwarded[2]]


def test_vias_in_one_line_and_in_compact_form_are_told_apart() -> None:
    answer = [
        "SIP/2.0 180 Ringing",
        "v: SIP/2.0/UDP 127.0.0.1:17060;branch=z9hG4bKx, SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa1",
        "i: one",
        "",
        "",
    ]
    lines, destination = relayed("\r\n".join(answer).encode(), PHONE)
    assert destination == CALLER
    assert lines[1] == "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa1"


def test_a_caller_who_does_not_ask_for_rport_is_answered_at_the_port_of_its_via() -> None:
    forwarded, _ = relayed(request(via="Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa1"), ("127.0.0.1", 6001))
    answer = "\r\n".join(["SIP/2.0 200 OK", *forwarded[1:7], "", ""]).encode()
    assert relayed(answer, PHONE)[1] == CALLER


def test_an_unknown_number_is_not_found_and_its_ack_is_dropped() -> None:
    lines, destination = relayed(request(user="86999"))
    assert (lines[0], destination) == ("SIP/2.0 404 Not Found", CALLER)
    assert re.search(r"^To: .*;tag=\w+$", "\n".join(lines), re.MULTILINE)
    assert exchange().relay(request("ACK", user="86999"), CALLER) is None


def test_a_qualifying_options_is_answered() -> None:
    assert relayed(request("OPTIONS", user="trunk"))[0][0] == "SIP/2.0 200 OK"


def test_a_request_that_has_gone_round_too_long_is_stopped() -> None:
    assert relayed(request(extra=("Max-Forwards: 0",)))[0][0] == "SIP/2.0 483 Too Many Hops"


def test_our_own_route_is_taken_off_and_others_stay() -> None:
    own, other = "Route: <sip:127.0.0.1:17060;lr>", "Route: <sip:127.0.0.1:9;lr>"
    lines, _ = relayed(request(extra=(own, other)))
    assert own not in lines
    assert other in lines


@pytest.mark.parametrize(
    "packet",
    [
        b"\r\n\r\n",
        b"not SIP at all",
        b"\x00\xff\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:17060;branch=z9hG4bKx\r\n\r\n",
    ],
)
def test_what_is_no_message_for_us_is_dropped(packet: bytes) -> None:
    assert exchange().relay(packet, CALLER) is None


def test_an_exchange_outside_loopback_is_refused() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        Exchange(("192.0.2.1", 5060), lambda _: None)
