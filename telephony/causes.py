"""Causes: from what SIP says at a call's end to why it ended and whose doing that was, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from followup.calls import EndReason, LegRole, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a leg ended, whose doing it was, and the SIP status that said so (0 when none did)."""

    end_reason: EndReason
    party: Party
    sip_status: int = 0


class Side(StrEnum):
    """Who decided, before it is known who sits at the far end."""

    FAR_END = "far_end"
    CARRIER = "carrier"
    US = "us"


# Every final answer to an INVITE that is not in the table is judged by its hundred.
_BY_STATUS: Mapping[int, tuple[EndReason, Side]] = {
    401: (EndReason.NETWORK_FAILURE, Side.US),  # our credentials were not taken
    403: (EndReason.REJECTED, Side.CARRIER),
    404: (EndReason.INVALID_NUMBER, Side.CARRIER),
    407: (EndReason.NETWORK_FAILURE, Side.US),
    408: (EndReason.UNREACHABLE, Side.CARRIER),
    410: (EndReason.INVALID_NUMBER, Side.CARRIER),
    480: (EndReason.UNREACHABLE, Side.FAR_END),
    484: (EndReason.INVALID_NUMBER, Side.CARRIER),
    485: (EndReason.INVALID_NUMBER, Side.CARRIER),
    486: (EndReason.BUSY, Side.FAR_END),
    503: (EndReason.CONGESTION, Side.CARRIER),
    600: (EndReason.BUSY, Side.FAR_END),
    603: (EndReason.REJECTED, Side.FAR_END),
    604: (EndReason.INVALID_NUMBER, Side.CARRIER),
    607: (EndReason.REJECTED, Side.FAR_END),
    608: (EndReason.REJECTED, Side.CARRIER),
}
_BY_HUNDRED: Mapping[int, tuple[EndReason, Side]] = {
    3: (EndReason.UNREACHABLE, Side.CARRIER),  # moved elsewhere: redirections are not followed
    4: (EndReason.NETWORK_FAILURE, Side.CARRIER),
    5: (EndReason.NETWORK_FAILURE, Side.CARRIER),
    6: (EndReason.REJECTED, Side.FAR_END),
}
# Carriers translate "rang and nobody came" (Q.850 cause 19) into these; without ringing they mean what they say.
_UNANSWERED = frozenset({408, 480, 487})

_FAR_END: Mapping[LegRole, Party] = {
    LegRole.PATIENT: Party.PATIENT,
    LegRole.AGENT: Party.AGENT,
    LegRole.THIRD_PARTY: Party.PATIENT,  # a relative or interpreter: the far side of the conversation
    LegRole.SUPERVISOR: Party.AGENT,
    LegRole.INTERNAL: Party.US,
}


def far_party(role: LegRole) -> Party:
    """Whose doing it is when the far end of a leg with this role decides."""
    return _FAR_END[role]


def cause_of_failed_invite(status: int, *, role: LegRole, rang: bool) -> Cause:
    """Why an INVITE came to nothing, by the final status the far end or the carrier sent."""
    if rang and status in _UNANSWERED:
        return Cause(end_reason=EndReason.NO_ANSWER, party=far_party(role), sip_status=status)
    reason, side = _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, (EndReason.NETWORK_FAILURE, Side.CARRIER))
    return Cause(end_reason=reason, party=_party(side, role), sip_status=status)


def cause_of_silence_on_invite() -> Cause:
    """Not even a provisional answer came in time: nobody is there, or nothing can get there."""
    return Cause(end_reason=EndReason.NETWORK_FAILURE, party=Party.CARRIER)


def cause_of_ring_limit(*, role: LegRole, rang: bool) -> Cause:
    """We gave up after the ring limit: a phone that rang was not answered, one that never rang was not reached."""
    if rang:
        return Cause(end_reason=EndReason.NO_ANSWER, party=far_party(role))
    return Cause(end_reason=EndReason.UNREACHABLE, party=Party.CARRIER)


def cause_of_far_hang_up(status: int, *, role: LegRole) -> Cause:
    """An answered leg ended by the far end's BYE (200), or because the line to it broke (anything else)."""
    if status // 100 == 2:
        return Cause(end_reason=EndReason.HANG_UP, party=far_party(role), sip_status=status)
    return Cause(end_reason=EndReason.NETWORK_FAILURE, party=Party.CARRIER, sip_status=status)


def cause_of_our_hang_up(reason: EndReason, *, answered: bool, with_agent: bool) -> Cause:
    """We ended the leg by command: an agent's hang-up is hers, everything else is our own doing."""
    if reason is EndReason.HANG_UP and not answered:
        reason = EndReason.CANCELLED
    hers = with_agent and reason in (EndReason.HANG_UP, EndReason.CANCELLED)
    return Cause(end_reason=reason, party=Party.AGENT if hers else Party.US)


def _party(side: Side, role: LegRole) -> Party:
    if side is Side.FAR_END:
        return far_party(role)
    return Party.CARRIER if side is Side.CARRIER else Party.US
