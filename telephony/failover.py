"""Failover: when a call may be tried over another trunk after one has refused it. The rule is docs/adr/0017."""

from dataclasses import dataclass

DEFAULT_STATUSES = frozenset({500, 502, 503})
NEVER = frozenset({401, 407, 408, 480, 486, 487, 504, 600, 603, 607})
"""A phone may have rung, a person has spoken, an element further on has gone silent, or our own password is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLeg:
    """How the leg over the first trunk ended."""

    trunk: str
    sip_status: int  # of a final answer that was received; a time-out or a broken line has none
    unrung: bool  # the worker read it in the messages: no provisional answer above 100, no early sound
    answered: bool
    ended_by_us: bool


def may_fail_over(leg: EndedLeg, statuses: frozenset[int]) -> bool:
    """Whether nothing that was sent can have rung a phone, and the trunk's list says that another one may be tried."""
    return (
        leg.unrung
        and not leg.answered
        and not leg.ended_by_us
        and leg.sip_status in statuses
        and leg.sip_status not in NEVER
    )
