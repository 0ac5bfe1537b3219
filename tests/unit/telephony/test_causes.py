"""Causes: what SIP says at the end of a call becomes one reason and one party."""

from datetime import timedelta

import pytest

from followup.calls import Announcement, CauseCode, EndReason, LegRole, Party
from telephony.causes import (
    Cause,
    Reasons,
    cause_of_failed_invite,
    cause_of_far_hang_up,
    cause_of_our_hang_up,
    cause_of_ring_limit,
    cause_of_silence_on_invite,
    reasons_in,
    refined,
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
    assert (cause.end_reason, cause.party, cause.sip_status) == (reason, party, status)


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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (['Q.850;cause=16;text="Terminated"'], Reasons(q850=16)),
        (['SIP ;cause=600 ;text="Busy Everywhere"'], Reasons(sip=600)),
        (['Q.850 ;cause=34;text="no circuit, sorry", SIP;cause=503'], Reasons(q850=34, sip=503)),
        (["q.850;CAUSE=17", "Q.850;cause=19"], Reasons(q850=17)),
        (["preemption;cause=1"], Reasons()),
        (["Q.850;text=unknown"], Reasons()),
        (["Q.850;cause=99999"], Reasons()),
        (["", ",,,;;;", "Q.850"], Reasons()),
        ([], Reasons()),
    ],
)
def test_reason_headers_are_read_as_rfc_3326_writes_them(values: list[str], expected: Reasons) -> None:
    assert reasons_in(values) == expected


@pytest.mark.parametrize("status", [480, 500, 503])
@pytest.mark.parametrize(
    ("q850", "code", "reason", "party"),
    [
        (1, CauseCode.EMPTY_NUMBER, EndReason.INVALID_NUMBER, Party.CARRIER),
        (3, CauseCode.NO_ROUTE, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (16, CauseCode.OUT_OF_REACH, EndReason.UNREACHABLE, Party.PATIENT),
        (17, CauseCode.BUSY, EndReason.BUSY, Party.PATIENT),
        (18, CauseCode.OUT_OF_REACH, EndReason.UNREACHABLE, Party.PATIENT),
        (19, CauseCode.NO_ANSWER, EndReason.NO_ANSWER, Party.PATIENT),
        (20, CauseCode.SWITCHED_OFF, EndReason.UNREACHABLE, Party.PATIENT),
        (21, CauseCode.REJECTED, EndReason.REJECTED, Party.PATIENT),
        (27, CauseCode.OUT_OF_SERVICE, EndReason.UNREACHABLE, Party.CARRIER),
        (28, CauseCode.INCOMPLETE_NUMBER, EndReason.INVALID_NUMBER, Party.CARRIER),
        (31, CauseCode.OUT_OF_REACH, EndReason.UNREACHABLE, Party.PATIENT),
        (34, CauseCode.CONGESTION, EndReason.CONGESTION, Party.CARRIER),
        (38, CauseCode.CARRIER_FAULT, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (41, CauseCode.CARRIER_FAULT, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (42, CauseCode.CONGESTION, EndReason.CONGESTION, Party.CARRIER),
        (44, CauseCode.CONGESTION, EndReason.CONGESTION, Party.CARRIER),
        (102, CauseCode.CARRIER_FAULT, EndReason.NETWORK_FAILURE, Party.CARRIER),
        (127, CauseCode.CARRIER_FAULT, EndReason.NETWORK_FAILURE, Party.CARRIER),
    ],
)
def test_the_telephone_networks_cause_wins_over_a_vague_status(
    status: int, q850: int, code: CauseCode, reason: EndReason, party: Party
) -> None:
    cause = cause_of_failed_invite(status, role=LegRole.PATIENT, rang=False, reasons=Reasons(q850=q850))
    assert (cause.finest, cause.end_reason, cause.party) == (code, reason, party)
    assert (cause.sip_status, cause.q850) == (status, q850)


@pytest.mark.parametrize(
    ("status", "q850", "code"),
    [
        (404, 3, CauseCode.NO_ROUTE),  # the carrier's fault must not close the patient's number
        (404, 1, CauseCode.EMPTY_NUMBER),
        (486, 16, CauseCode.BUSY),
        (486, 34, CauseCode.CONGESTION),
        (404, 31, CauseCode.EMPTY_NUMBER),
        (603, 127, CauseCode.REJECTED),
        (407, 21, CauseCode.OUR_CREDENTIALS),
        (503, 99, CauseCode.CONGESTION),
    ],
)
def test_a_plain_status_yields_only_to_a_plain_cause(status: int, q850: int, code: CauseCode) -> None:
    assert cause_of_failed_invite(status, role=LegRole.PATIENT, rang=False, reasons=Reasons(q850=q850)).finest is code


@pytest.mark.parametrize("q850", [0, 16, 18, 31, 102])
def test_a_phone_that_rang_out_was_not_answered_whatever_the_network_calls_it(q850: int) -> None:
    cause = cause_of_failed_invite(
        480, role=LegRole.PATIENT, rang=True, reasons=Reasons(q850=q850), rang_for=timedelta(seconds=25)
    )
    assert cause.finest is CauseCode.NO_ANSWER


@pytest.mark.parametrize("status", [408, 480, 487])
def test_a_phone_that_stops_ringing_within_three_seconds_was_declined(status: int) -> None:
    quick = cause_of_failed_invite(status, role=LegRole.PATIENT, rang=True, rang_for=timedelta(seconds=2.9))
    slow = cause_of_failed_invite(status, role=LegRole.PATIENT, rang=True, rang_for=timedelta(seconds=3))
    assert (quick.end_reason, quick.party) == (EndReason.REJECTED, Party.PATIENT)
    assert slow.end_reason is EndReason.NO_ANSWER


def test_the_status_of_an_element_further_on_explains_a_vague_one() -> None:
    assert cause_of_failed_invite(500, role=LegRole.PATIENT, rang=False, reasons=Reasons(sip=486)).finest == "busy"
    assert cause_of_failed_invite(404, role=LegRole.PATIENT, rang=False, reasons=Reasons(sip=486)).finest == (
        "empty_number"
    )


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (Reasons(), CauseCode.HUNG_UP),
        (Reasons(q850=16), CauseCode.HUNG_UP),
        (Reasons(q850=31), CauseCode.HUNG_UP),
        (Reasons(q850=41), CauseCode.LINE_BROKE),
        (Reasons(sip=408), CauseCode.LINE_BROKE),
        (Reasons(sip=200), CauseCode.HUNG_UP),
        (Reasons(q850=1), CauseCode.EMPTY_NUMBER),  # a gateway had answered at once
        (Reasons(q850=17), CauseCode.BUSY),
        (Reasons(q850=20), CauseCode.SWITCHED_OFF),
    ],
)
def test_a_bye_may_tell_that_nobody_hung_up(reasons: Reasons, code: CauseCode) -> None:
    assert cause_of_far_hang_up(200, role=LegRole.PATIENT, reasons=reasons).finest is code


NO_ANSWER = Cause(end_reason=EndReason.NO_ANSWER, party=Party.PATIENT, code=CauseCode.NO_ANSWER, sip_status=487)


@pytest.mark.parametrize(
    ("announcement", "code", "reason"),
    [
        (Announcement.EMPTY_NUMBER, CauseCode.EMPTY_NUMBER, EndReason.INVALID_NUMBER),
        (Announcement.SWITCHED_OFF, CauseCode.SWITCHED_OFF, EndReason.UNREACHABLE),
        (Announcement.SUSPENDED, CauseCode.SUSPENDED, EndReason.UNREACHABLE),
        (Announcement.OUT_OF_REACH, CauseCode.OUT_OF_REACH, EndReason.UNREACHABLE),
        (Announcement.BUSY, CauseCode.BUSY, EndReason.BUSY),
        (Announcement.NO_ANSWER, CauseCode.NO_ANSWER, EndReason.NO_ANSWER),
        (Announcement.BARRED, CauseCode.NOT_PERMITTED, EndReason.REJECTED),
        (None, CauseCode.NO_ANSWER, EndReason.NO_ANSWER),
    ],
)
def test_what_the_networks_voice_said_explains_a_call_that_nobody_took(
    announcement: Announcement | None, code: CauseCode, reason: EndReason
) -> None:
    told = refined(NO_ANSWER, announcement)
    assert (told.finest, told.end_reason, told.sip_status) == (code, reason, 487)


def test_the_voice_does_not_overrule_what_the_network_said_plainly() -> None:
    declined = cause_of_failed_invite(480, role=LegRole.PATIENT, rang=True, reasons=Reasons(q850=21))
    assert refined(declined, Announcement.BUSY) == declined
    talked = cause_of_far_hang_up(200, role=LegRole.PATIENT)
    assert refined(talked, Announcement.EMPTY_NUMBER) == talked


def test_every_reason_has_a_code_of_its_own_when_nothing_finer_is_known() -> None:
    assert {Cause(end_reason=reason, party=Party.US).finest for reason in EndReason} <= set(CauseCode)
