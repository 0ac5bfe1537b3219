"""Transfers as the line tells of them: who answered, how it ended, and to whom the call and its wrap-up belong then."""

from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.calls import Call, Leg
from followup.closing import begin_wrap_up, move_agent, release_agent
from followup.events import DomainEvent, EventKind
from followup.queues import AgentState, AgentTrigger
from followup.transfers import LIVE_TRANSFERS, Transfer, TransferState, TransferTrigger, next_transfer_state
from telephony.being_alone import left_alone
from telephony.call_control import LegEvent, LegEventKind, TransferEnding, TransferMode
from telephony.call_moves import LateEventError, attempt_of, tell_of_call
from telephony.effects import Effect

_TRIGGERS = {
    TransferEnding.HAND_OVER: TransferTrigger.HAND_OVER,
    TransferEnding.TOGETHER: TransferTrigger.JOIN,
    TransferEnding.BACK: TransferTrigger.GIVE_BACK,
}


def transfer_begun(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """The patient hears music, the third party is being rung."""
    _live(uow, call, event)
    tell_of_call(uow, call)
    return []


def transfer_ended(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    """It came to an end: the patient is with the third party, with both, or with the agent again."""
    transfer = _live(uow, call, event)
    ending = TransferEnding(str(event.values["ending"]))
    _move(uow, call, transfer, _TRIGGERS[ending], at=event.occurred_at, reason=str(event.values.get("reason") or ""))
    return left_alone(uow, call)


def third_leg_event(uow: UnitOfWork, call: Call, leg: Leg, event: LegEvent) -> list[Effect]:
    """An event of a third party's leg, or of the line to another agent's headset."""
    transfer = uow.transfers.of_leg(leg.id)
    if event.kind is LegEventKind.ANSWERED:
        leg.answered_at = event.occurred_at
        if transfer is not None and transfer.state is TransferState.DIALING:
            _third_answered(uow, transfer, event.occurred_at)
    elif event.kind is LegEventKind.ENDED:
        leg.ended_at = event.occurred_at
        if transfer is not None and transfer.state is TransferState.TOGETHER:
            _move(uow, call, transfer, TransferTrigger.GIVE_BACK, at=event.occurred_at, reason="")
    else:
        return []
    tell_of_call(uow, call)
    return left_alone(uow, call) if event.kind is LegEventKind.ENDED else []


def headset_left(uow: UnitOfWork, call: Call, at: datetime) -> None:
    """Of three who talk together the agent went: what is left is handed over."""
    transfer = uow.transfers.live_of_call(call.id)
    agent = uow.queues.agent(call.agent_id) if call.agent_id else None
    still_here = agent is not None and agent.headset_leg_id in call.joined
    if transfer is not None and transfer.state is TransferState.TOGETHER and call.joined and not still_here:
        _move(uow, call, transfer, TransferTrigger.HAND_OVER, at=at, reason="")


def end_transfer_of(uow: UnitOfWork, call: Call, at: datetime) -> None:
    """The call is over: a transfer under way ends with it."""
    transfer = uow.transfers.live_of_call(call.id)
    if transfer is not None:
        _move(uow, call, transfer, TransferTrigger.END, at=at, reason="the call was over")


def refuse_transfer(uow: UnitOfWork, transfer: Transfer, reason: str) -> None:
    """The line or the node could not begin it: the agent still has the patient."""
    call = uow.calls.for_update(transfer.call_id)
    if call is not None and transfer.state in LIVE_TRANSFERS:
        _move(uow, call, transfer, TransferTrigger.GIVE_BACK, at=uow.now, reason=reason)


def _live(uow: UnitOfWork, call: Call, event: LegEvent) -> Transfer:
    transfer = uow.transfers.live_of_call(call.id)
    if transfer is None or transfer.leg_id != event.values.get("to"):
        raise LateEventError("no such transfer is under way")
    return transfer


def _third_answered(uow: UnitOfWork, transfer: Transfer, at: datetime) -> None:
    transfer.answered_at = at
    if transfer.mode == TransferMode.CONSULT.value:
        transfer.state = next_transfer_state(transfer.state, TransferTrigger.ANSWER)
    agent = uow.queues.agent_for_update(transfer.agent_id) if transfer.agent_id else None
    if agent is not None and agent.state is AgentState.RESERVED:
        uow.emit(move_agent(agent, AgentTrigger.BEGIN_CALL, now=uow.now))


def _move(
    uow: UnitOfWork, call: Call, transfer: Transfer, trigger: TransferTrigger, *, at: datetime, reason: str
) -> None:
    transfer.state = next_transfer_state(transfer.state, trigger)
    transfer.reason = reason[:200]
    if transfer.state not in LIVE_TRANSFERS:
        transfer.ended_at = at
    if transfer.state is TransferState.HANDED_OVER:
        _hand_over(uow, call, transfer)
    elif transfer.state in (TransferState.BACK, TransferState.ENDED):
        _let_go(uow, transfer.agent_id)
    uow.audit.note(
        user_id=transfer.asked_by,
        action=f"transfer_{transfer.state.value}",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={
            "transfer": transfer.id,
            "target": transfer.target.value,
            "to_agent": transfer.agent_id,
            "directory": transfer.directory_id,
            "reason": transfer.reason,
        },
    )
    tell_of_call(uow, call)


def _hand_over(uow: UnitOfWork, call: Call, transfer: Transfer) -> None:
    """To an agent: attempt, call and wrap-up become hers. To anybody else: the agent wraps up at once."""
    attempt = attempt_of(uow, call)
    if attempt.state is not AttemptState.IN_CALL:
        return
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    if transfer.agent_id is None:
        for event in begin_wrap_up(attempt, agent, now=uow.now):
            uow.emit(event)
        return
    attempt.agent_id = transfer.agent_id
    call.agent_id = transfer.agent_id
    taker = uow.queues.agent_for_update(transfer.agent_id)
    if taker is not None and taker.state is AgentState.RESERVED:
        uow.emit(move_agent(taker, AgentTrigger.BEGIN_CALL, now=uow.now))
    if agent is not None:
        for event in release_agent(agent, now=uow.now, reason="handed over"):
            uow.emit(event)
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))


def _let_go(uow: UnitOfWork, agent_id: str | None) -> None:
    agent = uow.queues.agent_for_update(agent_id) if agent_id else None
    if agent is not None:
        for event in release_agent(agent, now=uow.now):
            uow.emit(event)
