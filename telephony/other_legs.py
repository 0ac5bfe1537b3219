"""Legs beside the patient's: third parties, supervisors, lines between workers. None of them ever ends the call."""

from collections.abc import Callable

from db.unit_of_work import UnitOfWork
from followup.calls import Call, Leg, LegRole
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_moves import tell_of_call
from telephony.effects import Effect
from telephony.supervisor_leg import supervisor_event
from telephony.transferring import third_leg_event

LegHandler = Callable[[UnitOfWork, Call, Leg, LegEvent], list[Effect]]


class OtherLegs:
    """What each event of such a leg does, by the leg's role."""

    def __init__(self) -> None:
        self._by_role: dict[LegRole, LegHandler] = {
            LegRole.THIRD_PARTY: third_leg_event,
            LegRole.SUPERVISOR: supervisor_event,
            LegRole.INTERNAL: third_leg_event,  # to the headset of an agent in another worker
            LegRole.AGENT: _came_or_went,
        }

    def apply(self, uow: UnitOfWork, call: Call, leg: Leg, event: LegEvent) -> list[Effect]:
        """Apply one event to the leg's own row and to what hangs on it."""
        return self._by_role[leg.role](uow, call, leg, event)


def _came_or_went(uow: UnitOfWork, call: Call, leg: Leg, event: LegEvent) -> list[Effect]:
    if event.kind is LegEventKind.ANSWERED:
        leg.answered_at = event.occurred_at
    elif event.kind is LegEventKind.ENDED:
        leg.ended_at = event.occurred_at
    else:
        return []
    tell_of_call(uow, call)
    return []
