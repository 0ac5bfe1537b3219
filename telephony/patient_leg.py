"""The patient's leg: the only one that moves the call."""

from collections.abc import Callable
from pathlib import PurePath

from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptTrigger, next_attempt_state
from followup.calls import Answered, Call, CallTrigger, CauseCode, EndReason, LegId, LegRole, Party
from followup.closing import move_agent
from followup.flows import PERSON_STEP
from followup.inbound import InboundCall
from followup.queues import AgentState, AgentTrigger
from telephony import automated
from telephony.ahead import WHO_RANG, AheadOfAgents
from telephony.automated import FlowPosition
from telephony.being_alone import SORRY
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_ending import CallEnding
from telephony.call_flows import CallFlows, keep_position, position_of
from telephony.call_moves import LateEventError, attempt_of, move_call, patient_leg_of
from telephony.call_recording import (
    as_it_is_recorded,
    play_notice,
    recording_started,
    recording_stopped,
    refuse_by_key,
)
from telephony.call_screening import CallScreening
from telephony.causes import Cause
from telephony.effects import Effect, HangUpLeg, PlayPrompt, UnmuteLeg
from telephony.flow_deeds import FlowDeeds
from telephony.inbound import InboundCalls
from telephony.joining import bridged, hold_refused, resumed, unbridged
from telephony.line_silence import fell_silent, heard_again, held_and_excused
from telephony.recording_pauses import recording_paused, recording_resumed
from telephony.transferring import headset_left, transfer_begun, transfer_ended


class PatientLeg:
    """What each event of the patient's leg does to the call."""

    def __init__(
        self,
        *,
        flows: CallFlows,
        deeds: FlowDeeds,
        ending: CallEnding,
        screening: CallScreening,
        inbound: InboundCalls | None,
        ahead: AheadOfAgents,
    ) -> None:
        self._flows = flows
        self._deeds = deeds
        self._screening = screening
        self._ending = ending
        self._inbound = inbound
        self._ahead = ahead
        self._on: dict[LegEventKind, Callable[[UnitOfWork, Call, LegEvent], list[Effect]]] = {
            LegEventKind.ABOUT_TO_INVITE: self._about_to_invite,
            LegEventKind.INVITED: self._invited,
            LegEventKind.RINGING: self._ringing,
            LegEventKind.EARLY_MEDIA: _nothing,
            LegEventKind.ANSWERED: self._answered,
            LegEventKind.BRIDGED: self._bridged,
            LegEventKind.UNBRIDGED: _unbridged,
            LegEventKind.HELD: held_and_excused,
            LegEventKind.RESUMED: resumed,
            LegEventKind.HOLD_REFUSED: hold_refused,
            LegEventKind.MUTED: _nothing,
            LegEventKind.UNMUTED: _nothing,
            LegEventKind.INCOMING: _nothing,
            LegEventKind.ANSWERED_BY: self._answered_by,
            LegEventKind.GREETING_ENDED: screening.greeting_ended,
            LegEventKind.OPENING_KEPT: screening.opening_kept,
            LegEventKind.EARLY_HEARD: screening.early_heard,
            LegEventKind.TRANSFER_BEGUN: transfer_begun,
            LegEventKind.TRANSFER_ENDED: transfer_ended,
            LegEventKind.MONITORED: _nothing,
            LegEventKind.UNMONITORED: _nothing,
            LegEventKind.DIGIT: self._digit,
            LegEventKind.DIGITS_COLLECTED: self._digits_collected,
            LegEventKind.PROMPT_FINISHED: self._prompt_finished,
            LegEventKind.RECORDING_STARTED: recording_started,
            LegEventKind.RECORDING_PAUSED: recording_paused,
            LegEventKind.RECORDING_RESUMED: recording_resumed,
            LegEventKind.RECORDING_STOPPED: recording_stopped,
            LegEventKind.MEDIA_SILENT: fell_silent,
            LegEventKind.MEDIA_BACK: heard_again,
            LegEventKind.ENDED: self._ended,
        }

    def apply(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        """Move the call; what cannot be raises, and is recorded with its reason."""
        return as_it_is_recorded(call, self._on[event.kind](uow, call, event))

    def _about_to_invite(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        if patient_leg_of(call).replaces is None:  # a second trunk goes on where the first one left the call
            move_call(uow, call, CallTrigger.DIAL)
            call.invite_at = event.occurred_at
        call.worker = event.event_id.rsplit(":", 1)[0]
        return []

    def _invited(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG002
        call.sip_call_id = str(event.values.get("sip_call_id", "")) or None
        return []

    def _ringing(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        move_call(uow, call, CallTrigger.RING)
        call.ringing_at = event.occurred_at
        return []

    def _answered(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        move_call(uow, call, CallTrigger.ANSWER)
        call.answered_at = event.occurred_at
        patient_leg_of(call).answered_at = event.occurred_at
        attempt = attempt_of(uow, call)
        attempt.state = next_attempt_state(attempt.state, AttemptTrigger.CONNECT)
        agent = uow.queues.agent_for_update(call.agent_id) if call.agent_id else None
        if agent is not None and agent.state is AgentState.RESERVED:
            uow.emit(move_agent(agent, AgentTrigger.BEGIN_CALL, now=uow.now))
        if self._screening.waits(call):
            return []  # nothing is said before it is known that a person hears it
        if self._ahead.concerns(uow, call):
            return self._ahead.person_answered(uow, call)
        return self._flows.begin(uow, call) or play_notice(uow, call)

    def _answered_by(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        effects = self._screening.answered_by(uow, call, event)
        if self._ahead.concerns(uow, call):
            heard = call.answered_by is not Answered.MACHINE
            return [*effects, *(self._ahead.person_answered(uow, call) if heard else [])]
        if self._screening.seeks_agent(uow, call):
            return self._step(uow, call, (FlowPosition(step=PERSON_STEP), effects))
        return effects

    def _bridged(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        waiting = self._waiting(uow, call)
        if waiting is not None and self._inbound is not None:
            self._inbound.joined(uow, waiting, event)
        return bridged(uow, call, event)

    def _digit(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        key = str(event.values.get("digit", ""))
        call.digits = (call.digits + key)[:200]
        if call.parting_at is not None:
            return [HangUpLeg(leg_id=event.leg_id, reason=EndReason.HANG_UP)]
        if self._screening.waits(call) or self._screening.speaks_with_machine(call):
            effects = self._screening.key_pressed(uow, call)
            return self._ahead.person_answered(uow, call) if self._ahead.concerns(uow, call) else effects
        waiting = self._waiting(uow, call)
        if waiting is not None and self._inbound is not None:
            return self._inbound.key_pressed(uow, waiting, key)
        flow = self._flows.of(uow, call)
        if flow is None or call.flow_step is None:
            return refuse_by_key(uow, call, key)
        return self._step(uow, call, automated.key_pressed(flow, position_of(call), key, self._flows.line(uow, call)))

    def _digits_collected(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        if self._screening.speaks_with_machine(call):
            return []
        flow, position = self._flows.standing(uow, call)
        pressed, waited_out = str(event.values.get("digits", "")), event.values.get("reason") == "timeout"
        line = self._flows.line(uow, call)
        return self._step(
            uow, call, automated.keys_collected(flow, position, pressed, line, waited_out=waited_out and not pressed)
        )

    def _prompt_finished(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        if call.parting_at is not None:
            if PurePath(str(event.values["prompt"])).stem not in (SORRY, WHO_RANG):
                raise LateEventError("an apology plays in its place")
            return [HangUpLeg(leg_id=event.leg_id, reason=EndReason.HANG_UP)]
        waiting = self._waiting(uow, call)
        if waiting is not None and self._inbound is not None:
            return self._inbound.words_over(uow, waiting)
        if self._screening.speaks_with_machine(call):
            return self._screening.prompt_finished(call)
        flow, position = self._flows.standing(uow, call)
        return self._step(uow, call, automated.prompt_finished(flow, position, self._flows.line(uow, call)))

    def _step(self, uow: UnitOfWork, call: Call, decided: tuple[FlowPosition, list[Effect]]) -> list[Effect]:
        position, effects = decided
        before = position_of(call) if call.flow_step is not None else None
        keep_position(call, position)
        flow = self._flows.of(uow, call)
        if flow is None:
            return effects
        done = self._deeds.moved(uow, call, flow, before, position)
        if position.step == PERSON_STEP and (before is None or before.step != PERSON_STEP):
            return [*effects, *self._seek_person(uow, call)]
        return [*done, *effects]

    def _seek_person(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        line = self._flows.line(uow, call)
        if self._inbound is not None:
            return self._inbound.ask_for_person(uow, call, line)
        return [PlayPrompt(leg_id=line.leg_id, key="neutral_message", language=line.language)]

    def _waiting(self, uow: UnitOfWork, call: Call) -> InboundCall | None:
        """The patient as one who waits for an agent, after key 0."""
        if call.agent_id is not None or call.flow_step is None:
            return None
        waits = FlowPosition.read(call.flow_step).step == PERSON_STEP
        return uow.inbound.live_of_call(call.id) if waits else None

    def _ended(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        reason = EndReason(str(event.values["end_reason"]))
        party = Party(str(event.values["party"]))
        if reason is EndReason.HANG_UP and party is Party.US and call.agent_id is not None:
            party = Party.AGENT
        told = event.values.get("cause")
        cause = self._screening.cause_of_end(
            call, Cause(end_reason=reason, party=party, code=CauseCode(str(told)) if told else None)
        )
        if cause.end_reason is not reason:
            call.cause = cause.finest
        effects = _loose_ends(uow, call)
        self._ending.end(uow, call, reason=cause.end_reason, party=cause.party, at=event.occurred_at)
        return effects


def _unbridged(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
    effects = unbridged(uow, call, event)
    headset_left(uow, call, event.occurred_at)
    return effects


def _loose_ends(uow: UnitOfWork, call: Call) -> list[Effect]:
    """Nobody stays on a line without the patient, and no mute goes on into the headset's next call."""
    effects: list[Effect] = [
        HangUpLeg(leg_id=leg.id, reason=EndReason.HANG_UP)
        for leg in call.legs
        if leg.role is not LegRole.PATIENT and leg.ended_at is None
    ]
    agent = uow.queues.agent(call.agent_id) if call.agent_id else None
    if agent is not None and agent.headset_muted and agent.headset_leg_id is not None:
        effects.append(UnmuteLeg(leg_id=LegId(agent.headset_leg_id)))
    return effects


def _nothing(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG001
    return []
