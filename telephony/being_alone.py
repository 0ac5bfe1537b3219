"""A patient who is answered and with nobody: his line is ended rather than left silent."""

from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, EndReason
from followup.supervision import SupervisionMode
from telephony.call_moves import patient_leg_of
from telephony.effects import Effect, HangUpLeg


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
    return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.HANG_UP)]
