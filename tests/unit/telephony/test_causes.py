"""Causes: what SIP says at the end of a call becomes one reason and one party."""

import pytest

from followup.calls import EndReason, LegRole, Party
from telephony.causes import (
    Cause,
    cause_of_failed_invite,
    cause_of_far_hang_up,
    cause_of_our_hang_up,
    cause_of_ring_limit,
    cause_of_silence_on_invite,
)


@pytest.mark.parametrize(
    ("status", "reason", "party"),
    [
        (302, EndReason.UNREACHABLE, Party.CARRIER),
        (401, EndReason.NETWORK_FAILURE, Party.US),
        (403, EndReason.REJECTED, Party.CARRIER),
        (404, EndReason.INVALID_NUMBER, Party.CARRIER),
        (407, EndReason.NETWORK_FAILURE, Party.US),
        (408, EndReason.UNREACHABLE, Party.CARRIER),
        (410, EndReason.INVALID_NUMBER, Party.CARRIER),
        (480, EndReason.UNREACHABLE, Party.PATIENT),
        (484, EndReason.INVALID_NUMBER, Party.CARRIER),
        (486, EndReason.BUSY, Party.PATIENT),
        (488, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (500, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (503, EndReason.CONGESTION, Party.CARRIER),
        (600, EndReason.BUSY, Party.PATIENT),
        (603, EndReason.REJECTED, Party.PATIENT),
        (604, EndReason.INVALID_NUMBER, Party.CARRIER),
        (608, EndReason.REJECTED, Party.CARRIER),
        (699, EndReason.REJECTED, Party.PATIENT),
        (999, EndReason.NETWORK_FAILURE, Party.CARRIER),
    ],
)
def test_a_refused_invite_tells_why_and_whose_doing_it_was(status: int, reason: EndReason, party: Party) -> None:
    cause = cause_of_failed_invite(status, role=LegRole.PATIENT, rang=False)
    assert cause == Cause(end_reason=reason, party=party, sip_status=status)


@pytest.mark.parametrize("status", [408, 480, 487])
def test_a_phone_that_rang_and_then_timed_out_at_the_carrier_was_not_answered(status: int) -> None:
    cause = cause_of_failed_invite(status, role=LegRole.PATIENT, rang=True)
    assert (cause.end_reason, cause.party) == (EndReason.NO_ANSWER, Party.PATIENT)


def test_a_phone_that_rang_and_was_declined_is_not_a_no_answer() -> None:
    assert cause_of_failed_invite(603, role=LegRole.PATIENT, rang=True).end_reason is EndReason.REJECTED


def test_the_far_end_of_a_headset_leg_is_the_agent() -> None:
    assert cause_of_failed_invite(486, role=LegRole.AGENT, rang=True).party is Party.AGENT
    assert cause_of_far_hang_up(200, role=LegRole.AGENT).party is Party.AGENT
    assert cause_of_ring_limit(role=LegRole.AGENT, rang=True).party is Party.AGENT


def test_a_line_that_breaks_is_the_carriers_doing() -> None:
    broken = cause_of_far_hang_up(408, role=LegRole.PATIENT)
    assert (broken.end_reason, broken.party) == (EndReason.NETWORK_FAILURE, Party.CARRIER)
    assert cause_of_silence_on_invite().party is Party.CARRIER


def test_the_ring_limit_is_only_a_no_answer_when_it_rang() -> None:
    assert cause_of_ring_limit(role=LegRole.PATIENT, rang=True).end_reason is EndReason.NO_ANSWER
    assert cause_of_ring_limit(role=LegRole.PATIENT, rang=False).end_reason is EndReason.UNREACHABLE


@pytest.mark.parametrize(
    ("reason", "answered", "with_agent", "expected"),
    [
        (EndReason.HANG_UP, True, True, (EndReason.HANG_UP, Party.AGENT)),
        (EndReason.HANG_UP, True, False, (EndReason.HANG_UP, Party.US)),
        (EndReason.HANG_UP, False, True, (EndReason.CANCELLED, Party.AGENT)),
        (EndReason.MACHINE, True, True, (EndReason.MACHINE, Party.US)),
        (EndReason.TIME_LIMIT, True, True, (EndReason.TIME_LIMIT, Party.US)),
        (EndReason.WORKER_LOST, True, True, (EndReason.WORKER_LOST, Party.US)),
    ],
)
def test_what_we_end_is_the_agents_doing_only_when_she_hung_up(
    reason: EndReason, answered: bool, with_agent: bool, expected: tuple[EndReason, Party]
) -> None:
    cause = cause_of_our_hang_up(reason, answered=answered, with_agent=with_agent)
    assert (cause.end_reason, cause.party) == expected
