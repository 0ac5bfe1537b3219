"""The conductor and only writer of calls: one leg event in, the call's new truth and the next effects out."""

from collections.abc import Mapping
from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.calls import Call, CauseCode, EndReason, Leg, LegId, LegRole, Party
from followup.flows import Flow
from followup.states import IllegalTransitionError
from runtime.content.library import Content
from telephony.ahead import AheadOfAgents, AheadRules
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_ending import CallEnding
from telephony.call_flows import CallFlows
from telephony.call_moves import LateEventError, patient_leg_of
from telephony.call_recording import as_it_is_recorded, refuse_recording
from telephony.call_screening import CallScreening
from telephony.effects import Effect, HangUpLeg
from telephony.flow_deeds import FlowDeeds
from telephony.headset_leg import headset_event
from telephony.inbound import InboundCalls
from telephony.other_legs import OtherLegs
from telephony.patient_leg import PatientLeg
from telephony.redialing import Redialing
from telephony.supervisor_leg import refuse_supervision


class Conversation:
    """Applies leg events inside a unit of work. Effects are done by the caller, after the commit.

    An event goes by its leg: the patient's moves the call, other legs of a call have handlers of their own, an agent's
    headset outlives calls, and a leg that nobody knows may be somebody who rings us.
    """

    def __init__(
        self,
        flows: Mapping[str, Flow],
        inbound: InboundCalls | None = None,
        redialing: Redialing | None = None,
        content: Content | None = None,  # None: answers by keys stay with the attempt, in no form
        ahead: AheadRules | None = None,
    ) -> None:
        self._flows = CallFlows(flows)
        self._redialing = redialing  # None: the first trunk's refusal is the call's end
        self.inbound = inbound  # None: whoever rings us is refused
        self.ahead = AheadOfAgents(ahead or AheadRules())
        self._ending = CallEnding(self._flows, inbound, self.ahead)
        self.screening = CallScreening(self._flows)
        self._patient = PatientLeg(
            flows=self._flows,
            deeds=FlowDeeds(content),
            ending=self._ending,
            screening=self.screening,
            inbound=inbound,
            ahead=self.ahead,
        )
        self._others = OtherLegs()

    def apply(self, uow: UnitOfWork, event: LegEvent) -> list[Effect]:
        """Apply one event; doubled ones change nothing, late ones are recorded and ignored."""
        call_id = uow.calls.id_of_leg(event.leg_id)
        call = uow.calls.for_update(call_id) if call_id else None
        if uow.calls.has_event(event.event_id):
            return []
        because: str | None = None
        effects: list[Effect] = []
        try:
            effects = self._of_call(uow, call, event) if call is not None else self._of_no_call(uow, event)
        except (IllegalTransitionError, LateEventError) as error:
            because = str(error)
        _record(uow, event, call_id, because)
        return effects

    def _of_call(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        leg = next(known for known in call.legs if known.id == event.leg_id)
        if leg.role is LegRole.PATIENT:
            return self._of_patient(uow, call, leg, event)
        return self._others.apply(uow, call, leg, event)

    def _of_patient(self, uow: UnitOfWork, call: Call, leg: Leg, event: LegEvent) -> list[Effect]:
        if leg is not patient_leg_of(call):
            raise LateEventError("another trunk has taken the call over from this leg")
        if event.kind is LegEventKind.ENDED:
            again = self._redialing.second_try(uow, call, event) if self._redialing else []
            if again:
                return again
            told = event.values.get("cause")
            call.cause = leg.cause = CauseCode(str(told)) if told else None
        return self._patient.apply(uow, call, event)

    def _of_no_call(self, uow: UnitOfWork, event: LegEvent) -> list[Effect]:
        agent = uow.queues.agent_by_headset_leg(event.leg_id)
        if agent is not None:
            effects = headset_event(uow, agent, event)
            if event.kind is LegEventKind.ENDED and self.inbound is not None:
                effects = [*effects, *self.inbound.headset_lost(uow, agent)]
            return effects
        if event.kind is LegEventKind.INCOMING:
            if self.inbound is None:
                return [HangUpLeg(leg_id=event.leg_id, reason=EndReason.REJECTED)]
            return self.inbound.incoming(uow, event)
        inbound = uow.inbound.live_on_leg(event.leg_id)
        if inbound is None or self.inbound is None:
            raise LateEventError("no call, no caller and no headset has this leg")
        # An agent may link him to a task between our look for a call and his row's lock: then the event is the call's.
        call = uow.calls.for_update(inbound.call_id) if inbound.call_id else None
        return self._of_call(uow, call, event) if call is not None else self.inbound.apply(uow, inbound, event)

    def look_for_agents(self, uow: UnitOfWork, node: str) -> list[Effect]:
        """What the quarter seconds ask for of patients who wait for an agent."""
        return self.ahead.tick(uow, node)

    def set_aside(self, uow: UnitOfWork, event: LegEvent, because: str) -> None:
        """Record an event that could not be applied, with the reason."""
        if not uow.calls.has_event(event.event_id):
            _record(uow, event, uow.calls.id_of_leg(event.leg_id), because)

    def taken_over(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """What a node has to say again on an answered automated call that it took over in the middle."""
        if call.answered_at is None or self.screening.waits(call):
            return []
        if self.screening.speaks_with_machine(call):
            return self.screening.again(uow, call)
        return as_it_is_recorded(call, self._flows.again(uow, call))

    def refuse_recording(self, uow: UnitOfWork, call: Call, *, by: str | None) -> list[Effect]:
        """The patient says no: the recorder stops, what it wrote is destroyed, and both are on record."""
        return refuse_recording(uow, call, by=by)

    def not_let_in(self, uow: UnitOfWork, leg_id: LegId, reason: str) -> None:
        """The line refused to let a supervisor into the conversation."""
        supervision = uow.supervisions.of_leg(leg_id)
        if supervision is not None:
            refuse_supervision(uow, supervision, reason)

    def end(self, uow: UnitOfWork, call: Call, *, reason: EndReason, party: Party, at: datetime) -> None:
        """End the call and bring its attempt to wrap-up, or to its close where nobody has to say anything."""
        self._ending.end(uow, call, reason=reason, party=party, at=at)


def _record(uow: UnitOfWork, event: LegEvent, call_id: str | None, because: str | None) -> None:
    uow.calls.record_event(
        event_id=event.event_id,
        leg_id=event.leg_id,
        call_id=call_id,
        kind=event.kind.value,
        occurred_at=event.occurred_at,
        detail=event.values,
        ignored_because=because,
    )
