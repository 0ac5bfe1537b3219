"""A patient's line on which nothing is heard: since when, on the call, so that the agent sees it before it is ended."""

from datetime import timedelta

from db.unit_of_work import UnitOfWork
from followup.calls import Call
from telephony.call_control import LegEvent
from telephony.call_moves import tell_of_call
from telephony.effects import Effect
from telephony.joining import held


def fell_silent(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """Nothing has come for some seconds."""
    call.silent_since = event.occurred_at - timedelta(seconds=float(event.values.get("seconds") or 0.0))
    tell_of_call(uow, call)
    return []


def heard_again(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG001
    """Sound is back."""
    call.silent_since = None
    tell_of_call(uow, call)
    return []


def held_and_excused(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """A line on hold owes no sound; should it still be silent afterwards, that is told anew."""
    call.silent_since = None
    return held(uow, call, event)
