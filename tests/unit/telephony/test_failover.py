"""When another trunk may be tried: only where nothing that was sent can have rung a phone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from runtime.trunks_file import FAILOVER_NEVER
from telephony.failover import DEFAULT_STATUSES, NEVER, EndedLeg, may_fail_over

FULL = EndedLeg(trunk="a", sip_status=503, unrung=True, answered=False, ended_by_us=False)


def test_a_full_trunk_that_rang_nothing_lets_another_be_tried() -> None:
    assert may_fail_over(FULL, DEFAULT_STATUSES)


def test_whatever_may_have_rung_does_not() -> None:
    for hindered in (
        replace(FULL, unrung=False),
        replace(FULL, answered=True),
        replace(FULL, ended_by_us=True),
        replace(FULL, sip_status=0),
        replace(FULL, sip_status=486),
        replace(FULL, sip_status=404),
    ):
        assert not may_fail_over(hindered, DEFAULT_STATUSES)


@given(st.integers(0, 699), st.frozensets(st.integers(400, 699)))
def test_no_list_of_a_site_opens_what_is_never_allowed(status: int, listed: frozenset[int]) -> None:
    leg = replace(FULL, sip_status=status)
    assert may_fail_over(leg, listed | NEVER) is (status in listed - NEVER)


def test_the_file_and_the_rule_agree() -> None:
    assert FAILOVER_NEVER == NEVER
