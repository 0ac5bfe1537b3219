"""Targets: how a leg and its trunk become SIP addresses, and what is never dialed."""

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import OutboundLeg, RejectedError, Trunk
from telephony.sip.targets import target_of


def leg(number: str) -> OutboundLeg:
    return OutboundLeg(leg_id=LegId("leg"), attempt_id="attempt", role=LegRole.PATIENT, number=number)


def test_a_number_is_dialed_at_the_trunk_under_its_caller_id() -> None:
    target = target_of(leg("+8613800000000"), Trunk(name="t", host="pbx.example", port=5070, caller_id="+861055550000"))
    assert target.uri == "sip:+8613800000000@pbx.example:5070"
    assert target.caller == "<sip:+861055550000@pbx.example>"
    assert target.proxy == ""


def test_a_headset_may_be_a_whole_address() -> None:
    target = target_of(leg("sip:agent7@127.0.0.1:5080"), Trunk(name="t", host="127.0.0.1", loopback_only=True))
    assert target.uri == "sip:agent7@127.0.0.1:5080"


def test_a_hash_key_in_a_number_is_escaped() -> None:
    assert target_of(leg("12#"), Trunk(name="t", host="127.0.0.1")).uri == "sip:12%23@127.0.0.1:5060"


def test_an_outbound_proxy_becomes_a_loose_route() -> None:
    for given in ("10.0.0.1:5062", "sip:10.0.0.1:5062", "sip:10.0.0.1:5062;lr"):
        target = target_of(leg("1"), Trunk(name="t", host="pbx.example", outbound_proxy=given))
        assert target.proxy == "<sip:10.0.0.1:5062;lr>"


@pytest.mark.parametrize(
    "trunk",
    [
        Trunk(name="t", host="127.0.0.1 evil"),
        Trunk(name="t", host="127.0.0.1", port=0),
        Trunk(name="t", host="127.0.0.1", caller_id="a>b"),
        Trunk(name="t", host="127.0.0.1", outbound_proxy="a b"),
    ],
)
def test_a_trunk_that_would_break_a_header_is_refused(trunk: Trunk) -> None:
    with pytest.raises(RejectedError, match="trunk t"):
        target_of(leg("1"), trunk)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "127.0.0.1.example.com", "0127.0.0.1", "2130706433"])
def test_a_loopback_trunk_takes_only_addresses_written_as_127(host: str) -> None:
    with pytest.raises(RejectedError, match="loopback"):
        target_of(leg("1"), Trunk(name="t", host=host, loopback_only=True))


def headset(address: str) -> OutboundLeg:
    return OutboundLeg(leg_id=LegId("leg"), attempt_id="agent", role=LegRole.AGENT, number=address)


def test_a_headsets_address_is_on_the_trunk_or_on_this_machine() -> None:
    trunk = Trunk(name="t", host="10.0.0.5")
    assert target_of(headset("sip:desk7@10.0.0.5:5070"), trunk).uri == "sip:desk7@10.0.0.5:5070"
    assert target_of(headset("sip:desk7@127.0.0.1:5070"), trunk).uri == "sip:desk7@127.0.0.1:5070"
    for elsewhere in ("sip:desk7@10.0.0.6:5060", "sip:desk7@pbx.example"):
        with pytest.raises(RejectedError, match="headset"):
            target_of(headset(elsewhere), trunk)
