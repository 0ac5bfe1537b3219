"""Causes: from what the network says at a call's end to why it ended and whose doing that was, in one table.

Sources: RFC 3261 (SIP statuses), RFC 3326 (the Reason header), ITU-T Q.850 (causes of the telephone network), RFC 3398
section 7.2.4 and 8.2.6 (how gateways turn the one into the other), RFC 8197 and 8688 (607, 608).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from followup.calls import Announcement, CauseCode, EndReason, LegRole, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a leg ended, whose doing it was, and what said so (0 when nothing did)."""

    end_reason: EndReason
    party: Party
    code: CauseCode | None = None  # None: nothing finer than the reason is known
    sip_status: int = 0
    q850: int = 0

    @property
    def finest(self) -> CauseCode:
        """The code, or the one that says no more than the reason."""
        return self.code or code_of(self.end_reason)


class Side(StrEnum):
    """Who decided, before it is known who sits at the far end."""

    FAR_END = "far_end"
    CARRIER = "carrier"
    US = "us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What Reason headers said: a Q.850 cause, and the SIP status of an element further on (0 when they did not)."""

    q850: int = 0
    sip: int = 0


_Row = tuple[EndReason, Side, CauseCode]

# Every final answer to an INVITE that is not in the table is judged by its hundred.
_BY_STATUS: Mapping[int, _Row] = {
    401: (EndReason.NETWORK_FAILURE, Side.US, CauseCode.OUR_CREDENTIALS),
    402: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    403: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    404: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.EMPTY_NUMBER),
    407: (EndReason.NETWORK_FAILURE, Side.US, CauseCode.OUR_CREDENTIALS),
    408: (EndReason.UNREACHABLE, Side.CARRIER, CauseCode.OUT_OF_REACH),
    410: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.CHANGED_NUMBER),
    415: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_COMMON_SOUND),
    480: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.OUT_OF_REACH),
    484: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.INCOMPLETE_NUMBER),
    485: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.INCOMPLETE_NUMBER),
    486: (EndReason.BUSY, Side.FAR_END, CauseCode.BUSY),
    488: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_COMMON_SOUND),
    503: (EndReason.CONGESTION, Side.CARRIER, CauseCode.CONGESTION),
    600: (EndReason.BUSY, Side.FAR_END, CauseCode.BUSY),
    603: (EndReason.REJECTED, Side.FAR_END, CauseCode.REJECTED),
    604: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.EMPTY_NUMBER),
    606: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_COMMON_SOUND),
    607: (EndReason.REJECTED, Side.FAR_END, CauseCode.BLOCKED),
    608: (EndReason.REJECTED, Side.CARRIER, CauseCode.BLOCKED),
}
_BY_HUNDRED: Mapping[int, _Row] = {
    3: (EndReason.UNREACHABLE, Side.CARRIER, CauseCode.NO_ROUTE),  # moved elsewhere: redirections are not followed
    4: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
    5: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
    6: (EndReason.REJECTED, Side.FAR_END, CauseCode.REJECTED),
}
# What the telephone network said in its own words; it stands nearer to the phone than the gateway's SIP status.
_BY_Q850: Mapping[int, _Row] = {
    1: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.EMPTY_NUMBER),
    2: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_ROUTE),
    3: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_ROUTE),
    17: (EndReason.BUSY, Side.FAR_END, CauseCode.BUSY),
    18: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.OUT_OF_REACH),
    19: (EndReason.NO_ANSWER, Side.FAR_END, CauseCode.NO_ANSWER),
    20: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.SWITCHED_OFF),
    21: (EndReason.REJECTED, Side.FAR_END, CauseCode.REJECTED),
    22: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.CHANGED_NUMBER),
    27: (EndReason.UNREACHABLE, Side.CARRIER, CauseCode.OUT_OF_SERVICE),
    28: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.INCOMPLETE_NUMBER),
    34: (EndReason.CONGESTION, Side.CARRIER, CauseCode.CONGESTION),
    38: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
    41: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
    42: (EndReason.CONGESTION, Side.CARRIER, CauseCode.CONGESTION),
    44: (EndReason.CONGESTION, Side.CARRIER, CauseCode.CONGESTION),
    47: (EndReason.CONGESTION, Side.CARRIER, CauseCode.CONGESTION),
    50: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    55: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    57: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    87: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
    65: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_COMMON_SOUND),
    88: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.NO_COMMON_SOUND),
    102: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
    111: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
}
# These say less than a plain SIP status, and only more than a vague one.
_VAGUE_Q850: Mapping[int, _Row] = {
    16: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.OUT_OF_REACH),
    31: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.OUT_OF_REACH),
    127: (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT),
}
_VAGUE_STATUS = frozenset({400, 480, 487, 500, 502, 503, 504, 580})
# Carriers translate "rang and nobody came" (Q.850 cause 19) into these; without ringing they mean what they say.
_UNANSWERED = frozenset({408, 480, 487})
_UNANSWERED_Q850 = frozenset({16, 18, 31, 102})
REJECTED_WITHIN = timedelta(seconds=3)
"""Nobody lets a phone ring out in so short a time: it was declined, whatever the carrier calls that."""

# An answer that is followed by one of these was the gateway's: the call behind it never came about.
_BEHIND_AN_EARLY_ANSWER = frozenset({1, 17, 18, 19, 20, 21, 22, 27, 28})
_LINE_BROKE_Q850 = frozenset({34, 38, 41, 42, 44, 47, 102, 111})

_BY_ANNOUNCEMENT: Mapping[Announcement, _Row] = {
    Announcement.EMPTY_NUMBER: (EndReason.INVALID_NUMBER, Side.CARRIER, CauseCode.EMPTY_NUMBER),
    Announcement.SWITCHED_OFF: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.SWITCHED_OFF),
    Announcement.SUSPENDED: (EndReason.UNREACHABLE, Side.CARRIER, CauseCode.SUSPENDED),
    Announcement.OUT_OF_REACH: (EndReason.UNREACHABLE, Side.FAR_END, CauseCode.OUT_OF_REACH),
    Announcement.BUSY: (EndReason.BUSY, Side.FAR_END, CauseCode.BUSY),
    Announcement.NO_ANSWER: (EndReason.NO_ANSWER, Side.FAR_END, CauseCode.NO_ANSWER),
    Announcement.BARRED: (EndReason.REJECTED, Side.CARRIER, CauseCode.NOT_PERMITTED),
}
# An announcement explains how a call that nobody took came to nothing; it does not speak of these.
_NOT_ANNOUNCED = frozenset(
    {
        EndReason.HANG_UP,
        EndReason.REJECTED,
        EndReason.INVALID_NUMBER,
        EndReason.WORKER_LOST,
        EndReason.REFUSED_BY_GATE,
        EndReason.TIME_LIMIT,
    }
)

_BY_OUR_REASON: Mapping[EndReason, CauseCode] = {
    EndReason.HANG_UP: CauseCode.HUNG_UP,
    EndReason.BUSY: CauseCode.BUSY,
    EndReason.NO_ANSWER: CauseCode.NO_ANSWER,
    EndReason.REJECTED: CauseCode.REJECTED,
    EndReason.INVALID_NUMBER: CauseCode.EMPTY_NUMBER,
    EndReason.UNREACHABLE: CauseCode.OUT_OF_REACH,
    EndReason.CONGESTION: CauseCode.CONGESTION,
    EndReason.MACHINE: CauseCode.MACHINE,
    EndReason.NETWORK_FAILURE: CauseCode.CARRIER_FAULT,
    EndReason.CANCELLED: CauseCode.CANCELLED,
    EndReason.REFUSED_BY_GATE: CauseCode.REFUSED_BY_GATE,
    EndReason.TIME_LIMIT: CauseCode.TIME_LIMIT,
    EndReason.WORKER_LOST: CauseCode.WORKER_LOST,
}

_FAR_END: Mapping[LegRole, Party] = {
    LegRole.PATIENT: Party.PATIENT,
    LegRole.AGENT: Party.AGENT,
    LegRole.THIRD_PARTY: Party.PATIENT,  # a relative or interpreter: the far side of the conversation
    LegRole.SUPERVISOR: Party.AGENT,
    LegRole.INTERNAL: Party.US,
}

_REASON = re.compile(r"^\s*(?P<protocol>Q\.850|SIP)\s*(?:;|$)", re.IGNORECASE)
_CAUSE = re.compile(r";\s*cause\s*=\s*(\d{1,3})\b", re.IGNORECASE)
_BETWEEN_REASONS = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')


def reasons_in(values: Iterable[str]) -> Reasons:
    """What the Reason headers with these values say; of each protocol the first counts, what cannot be read does
    not."""
    found: dict[str, int] = {}
    for value in values:
        for part in _BETWEEN_REASONS.split(value):
            protocol, cause = _REASON.match(part), _CAUSE.search(part)
            if protocol is not None and cause is not None:
                found.setdefault(protocol["protocol"].upper(), int(cause[1]))
    return Reasons(q850=found.get("Q.850", 0), sip=found.get("SIP", 0))


def far_party(role: LegRole) -> Party:
    """Whose doing it is when the far end of a leg with this role decides."""
    return _FAR_END[role]


def code_of(end_reason: EndReason) -> CauseCode:
    """The cause of an end that nothing more is known of than its reason."""
    return _BY_OUR_REASON[end_reason]


def cause_of_failed_invite(
    status: int,
    *,
    role: LegRole,
    rang: bool,
    reasons: Reasons | None = None,
    rang_for: timedelta | None = None,
) -> Cause:
    """Why an INVITE came to nothing, by the final status and Reason that the far end or the carrier sent."""
    told = reasons or Reasons()
    meant = told.sip if status in _VAGUE_STATUS and told.sip >= 300 else status
    row = _row_of_q850(told.q850, meant, rang=rang)
    if row is None and rang and meant in _UNANSWERED:
        row = (EndReason.NO_ANSWER, Side.FAR_END, CauseCode.NO_ANSWER)
    if row is None:
        row = _BY_STATUS.get(meant) or _BY_HUNDRED.get(
            meant // 100, (EndReason.NETWORK_FAILURE, Side.CARRIER, CauseCode.CARRIER_FAULT)
        )
    if row[0] is EndReason.NO_ANSWER and rang_for is not None and rang_for < REJECTED_WITHIN:
        row = (EndReason.REJECTED, Side.FAR_END, CauseCode.REJECTED)
    return _cause(row, role, status=status, q850=told.q850)


def cause_of_silence_on_invite() -> Cause:
    """Not even a provisional answer came in time: nobody is there, or nothing can get there."""
    return Cause(end_reason=EndReason.NETWORK_FAILURE, party=Party.CARRIER, code=CauseCode.SILENT_TRUNK)


def cause_of_silent_line() -> Cause:
    """Why a call ended that was up and brought no sound for too long."""
    return Cause(end_reason=EndReason.NETWORK_FAILURE, party=Party.CARRIER)


def cause_of_ring_limit(*, role: LegRole, rang: bool) -> Cause:
    """We gave up after the ring limit: a phone that rang was not answered, one that never rang was not reached."""
    if rang:
        return Cause(end_reason=EndReason.NO_ANSWER, party=far_party(role), code=CauseCode.NO_ANSWER)
    return Cause(end_reason=EndReason.UNREACHABLE, party=Party.CARRIER, code=CauseCode.OUT_OF_REACH)


def cause_of_far_hang_up(status: int, *, role: LegRole, reasons: Reasons | None = None) -> Cause:
    """An answered leg ended by the far end's BYE (200), or because the line to it broke (anything else)."""
    told = reasons or Reasons()
    if status // 100 != 2 or told.q850 in _LINE_BROKE_Q850 or told.sip in (408, 500, 503):
        return Cause(
            end_reason=EndReason.NETWORK_FAILURE,
            party=Party.CARRIER,
            code=CauseCode.LINE_BROKE,
            sip_status=status,
            q850=told.q850,
        )
    if told.q850 in _BEHIND_AN_EARLY_ANSWER:
        return _cause(_BY_Q850[told.q850], role, status=status, q850=told.q850)
    return Cause(
        end_reason=EndReason.HANG_UP,
        party=far_party(role),
        code=CauseCode.HUNG_UP,
        sip_status=status,
        q850=told.q850,
    )


def cause_of_our_hang_up(reason: EndReason, *, answered: bool, with_agent: bool) -> Cause:
    """We ended the leg by command: an agent's hang-up is hers, everything else is our own doing."""
    if reason is EndReason.HANG_UP and not answered:
        reason = EndReason.CANCELLED
    hers = with_agent and reason in (EndReason.HANG_UP, EndReason.CANCELLED)
    return Cause(end_reason=reason, party=Party.AGENT if hers else Party.US, code=code_of(reason))


def refined(cause: Cause, announcement: Announcement | None, *, role: LegRole = LegRole.PATIENT) -> Cause:
    """The cause, told apart by what the network's voice said before the answer.

    The network's own cause wins where it is plain: a declined call is announced as 正忙 too.
    """
    if announcement is None or cause.q850 in _BY_Q850 or cause.end_reason in _NOT_ANNOUNCED:
        return cause
    reason, side, code = _BY_ANNOUNCEMENT[announcement]
    return replace(cause, end_reason=reason, party=_party(side, role), code=code)


def _row_of_q850(q850: int, status: int, *, rang: bool) -> _Row | None:
    if status in (401, 407):
        return None  # our own credentials: no phone was asked
    if rang and q850 in _UNANSWERED_Q850 and (q850 not in _VAGUE_Q850 or status in _VAGUE_STATUS):
        return EndReason.NO_ANSWER, Side.FAR_END, CauseCode.NO_ANSWER
    if q850 in _VAGUE_Q850:
        return _VAGUE_Q850[q850] if status in _VAGUE_STATUS else None
    return _BY_Q850.get(q850)


def _cause(row: _Row, role: LegRole, *, status: int, q850: int) -> Cause:
    reason, side, code = row
    return Cause(end_reason=reason, party=_party(side, role), code=code, sip_status=status, q850=q850)


def _party(side: Side, role: LegRole) -> Party:
    if side is Side.FAR_END:
        return far_party(role)
    return Party.CARRIER if side is Side.CARRIER else Party.US
