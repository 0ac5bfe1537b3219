"""Monitoring: which conversation a supervisor may follow, and when it is over. Pure; every call control obeys it."""

from collections.abc import Collection
from dataclasses import dataclass

from followup.calls import LegId, LegRole
from telephony.call_control import MonitorMode, RejectedError

AGENT_ENDS = frozenset({LegRole.AGENT, LegRole.INTERNAL})  # a line between workers stands for a headset elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """A supervisor following a conversation: the patient's leg and the agent's as they were when it began."""

    supervisor: LegId
    patient: LegId
    agent: LegId
    mode: MonitorMode


def refuse_unmonitorable(
    leg_id: LegId, role: LegRole, other: LegId, other_role: LegRole, joined_roles: Collection[LegRole]
) -> None:
    """RejectedError unless `other` is a patient's leg in conversation with an agent, and `leg_id` a supervisor's."""
    if role is not LegRole.SUPERVISOR:
        raise RejectedError(f"leg {leg_id} is not a supervisor's: only a supervisor's leg can monitor")
    if other_role is not LegRole.PATIENT:
        raise RejectedError(f"leg {other} is not a patient's: a headset between calls cannot be monitored")
    if AGENT_ENDS.isdisjoint(joined_roles):
        raise RejectedError(f"leg {other} is not bridged with an agent: there is no conversation to monitor")


def conversation_lasts(mode: MonitorMode, *, joined_roles: Collection[LegRole], in_transfer: bool) -> bool:
    """Whether what is monitored goes on, while the patient's leg is up: she who took over is the conversation."""
    return mode is MonitorMode.TAKE_OVER or in_transfer or not AGENT_ENDS.isdisjoint(joined_roles)
