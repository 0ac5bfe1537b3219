"""The end of a call: its reason and party, and what becomes of its attempt and agent."""

from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.calls import Call, CallTrigger, EndReason, Party
from followup.closing import begin_wrap_up, close_attempt
from followup.events import DomainEvent, EventKind
from followup.outcomes import AttemptOutcome, TaskOutcome, outcome_without_a_person
from telephony import automated
from telephony.ahead import AheadOfAgents
from telephony.call_flows import CallFlows, position_of
from telephony.call_moves import attempt_of, move_call, patient_leg_of
from telephony.causes import code_of
from telephony.inbound import InboundCalls
from telephony.supervisor_leg import OVER, end_supervision
from telephony.transferring import end_transfer_of


class CallEnding:
    """Ends calls, whoever noticed that they are over."""

    def __init__(self, flows: CallFlows, inbound: InboundCalls | None, ahead: AheadOfAgents) -> None:
        self._flows = flows
        self._ahead = ahead
        self._inbound = inbound

    def end(self, uow: UnitOfWork, call: Call, *, reason: EndReason, party: Party, at: datetime) -> None:
        """End the call and bring its attempt to wrap-up, or to its close where nobody has to say anything."""
        move_call(uow, call, CallTrigger.END)
        call.end_reason, call.party, call.ended_at = reason, party, at
        call.cause = call.cause or code_of(reason)
        call.joined, call.held_by = [], []
        patient_leg_of(call).ended_at = at
        end_transfer_of(uow, call, at)
        supervision = uow.supervisions.live_of_call(call.id)
        if supervision is not None:
            end_supervision(uow, call, supervision, at=at, because=OVER)
        uow.emit(DomainEvent(kind=EventKind.CALL_ENDED, subject=call.id, ids={"attempt": call.attempt_id}))
        if self._inbound is not None:
            self._inbound.call_ended(uow, call)
        attempt = attempt_of(uow, call)
        if attempt.state in (AttemptState.WRAP_UP, AttemptState.CLOSED):
            return  # the agent handed the patient over before, and has wrapped up or is about to
        agent = uow.queues.agent_for_update(call.agent_id) if call.agent_id else None
        outcome, result = self._judge(uow, call, attempt, reason, party)
        if outcome is None:
            events = begin_wrap_up(attempt, agent, now=uow.now)
        else:
            events = close_attempt(attempt, agent, outcome=outcome, task_result=result, by=None, now=uow.now)
        for domain_event in events:
            uow.emit(domain_event)

    def _judge(
        self, uow: UnitOfWork, call: Call, attempt: Attempt, reason: EndReason, party: Party
    ) -> tuple[AttemptOutcome | None, TaskOutcome | None]:
        answered = call.answered_at is not None
        # An agent hears for herself who answered: the verdict is a hint to her, never the outcome.
        outcome = outcome_without_a_person(
            reason, party, answered=answered, answered_by=None if call.agent_id else call.answered_by
        )
        flow = self._flows.of(uow, call)
        outcome = outcome or self._ahead.hung_up(uow, call)
        if outcome is not None or flow is None:
            return outcome, None
        ending = automated.ending(flow, position_of(call)) if call.flow_step else None
        if ending is not None:
            attempt.answers = {**attempt.answers, "answer": ending.answer}
            return ending.outcome, ending.task_result
        if reason is EndReason.HANG_UP and party is Party.PATIENT:
            return (AttemptOutcome.CONNECTED_PATIENT if call.digits else AttemptOutcome.REJECTED), None
        return AttemptOutcome.CALLER_ABANDONED, None
