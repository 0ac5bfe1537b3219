"""A patient who is answered and with nobody: his line is ended, with a word where none meant it, not left silent."""

from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, EndReason
from followup.queues import Agent, HeadsetKind
from followup.supervision import SupervisionMode
from telephony.call_flows import line_of
from telephony.call_moves import patient_leg_of
from telephony.effects import Effect, HangUpLeg, PlayPrompt

SORRY = "sorry_line_lost"


def is_alone(uow: UnitOfWork, call: Call) -> bool:
    """True if nobody talks with the patient, nobody is about to, and no machine does."""
    if call.answered_at is None or call.state is CallState.ENDED or call.joined:
        return False
    if uow.transfers.live_of_call(call.id) is not None:
        return False
    supervision = uow.supervisions.live_of_call(call.id)
    stretch = uow.supervisions.open_stretch(supervision.id) if supervision is not None else None
    if stretch is not None and stretch.mode is SupervisionMode.TAKE_OVER:
        return False
    return call.agent_id is not None and call.bridged_at is not None


def left_alone(uow: UnitOfWork, call: Call) -> list[Effect]:
    """End the line of a patient who is alone."""
    if not is_alone(uow, call):
        return []
    agent = uow.queues.agent(call.agent_id) if call.agent_id else None
    return end_line(uow, call, sorry=agent is not None and _browser_is_lost(agent))


def end_line(uow: UnitOfWork, call: Call, *, sorry: bool) -> list[Effect]:
    """End the patient's line at once, or after an apology: its end, a key, or the node's patience ends it then."""
    if call.parting_at is not None:
        return []
    if not sorry or call.answered_at is None:
        return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.HANG_UP)]
    call.parting_at = uow.now
    line = line_of(uow, call)
    return [PlayPrompt(leg_id=line.leg_id, key=SORRY, language=line.language)]


def _browser_is_lost(agent: Agent) -> bool:
    """Her headset is about to end for want of her browser; which of both notes comes first does not matter."""
    return agent.headset_kind is HeadsetKind.BROWSER and (agent.headset_lost_at is not None or not agent.headset_wanted)
