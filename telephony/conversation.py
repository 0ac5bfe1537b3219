"""The conductor and only writer of calls: one leg event in, the call's new truth and the next effects out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from care.consent import Consent, ConsentScope
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState, AttemptTrigger, next_attempt_state
from followup.calls import Call, CallTrigger, EndReason, Leg, Party, next_call_state
from followup.closing import begin_wrap_up, close_attempt, move_agent
from followup.events import DomainEvent, EventKind
from followup.flows import Flow
from followup.outcomes import AttemptOutcome, TaskOutcome, outcome_without_a_person
from followup.plans import TaskMode
from followup.queues import Agent, AgentState, AgentTrigger, HeadsetState
from followup.recordings import Recording, RecordingState, RecordingTrigger, next_recording_state
from followup.states import IllegalTransitionError
from runtime.identifiers import new_id
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.call_control import LegEvent, LegEventKind
from telephony.effects import DestroyRecording, Effect, HangUpLeg, StopRecorder

REFUSED_BY_PATIENT = "the patient refused the recording; it was destroyed"


class LateEventError(Exception):
    """An event that can change nothing any more; it is recorded with this reason and ignored."""


class Conversation:
    """Applies leg events inside a unit of work. Effects are done by the caller, after the commit."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self._flows = flows
        self._on_patient: dict[LegEventKind, Callable[[UnitOfWork, Call, LegEvent], list[Effect]]] = {
            LegEventKind.ABOUT_TO_INVITE: self._about_to_invite,
            LegEventKind.INVITED: self._invited,
            LegEventKind.RINGING: self._ringing,
            LegEventKind.EARLY_MEDIA: _nothing,
            LegEventKind.ANSWERED: self._answered,
            LegEventKind.BRIDGED: self._bridged,
            LegEventKind.UNBRIDGED: self._moved(CallTrigger.UNBRIDGE),
            LegEventKind.HELD: self._moved(CallTrigger.HOLD),
            LegEventKind.RESUMED: self._moved(CallTrigger.RESUME),
            LegEventKind.HOLD_REFUSED: _nothing,
            LegEventKind.MUTED: _nothing,
            LegEventKind.UNMUTED: _nothing,
            LegEventKind.INCOMING: _nothing,
            LegEventKind.ANSWERED_BY: _nothing,
            LegEventKind.TRANSFER_BEGUN: _nothing,
            LegEventKind.TRANSFER_ENDED: _nothing,
            LegEventKind.MONITORED: _nothing,
            LegEventKind.UNMONITORED: _nothing,
            LegEventKind.DIGIT: self._digit,
            LegEventKind.DIGITS_COLLECTED: self._digits_collected,
            LegEventKind.PROMPT_FINISHED: self._prompt_finished,
            LegEventKind.RECORDING_STARTED: self._recording_started,
            LegEventKind.RECORDING_PAUSED: _nothing,
            LegEventKind.RECORDING_STOPPED: self._recording_stopped,
            LegEventKind.MEDIA_SILENT: _nothing,
            LegEventKind.ENDED: self._ended,
        }

    def apply(self, uow: UnitOfWork, event: LegEvent) -> list[Effect]:
        """Apply one event; doubled ones change nothing, late ones are recorded and ignored."""
        call_id = uow.calls.id_of_leg(event.leg_id)
        call = uow.calls.for_update(call_id) if call_id else None
        agent = None if call else uow.queues.agent_by_headset_leg(event.leg_id)
        if uow.calls.has_event(event.event_id):
            return []
        because: str | None = None
        effects: list[Effect] = []
        try:
            if call is not None:
                effects = self._on_patient[event.kind](uow, call, event)
            elif agent is not None:
                effects = _headset(uow, agent, event)
            else:
                because = "no call and no headset has this leg"
        except (IllegalTransitionError, LateEventError) as error:
            because = str(error)
        _record(uow, event, call_id, because)
        return effects

    def set_aside(self, uow: UnitOfWork, event: LegEvent, because: str) -> None:
        """Record an event that could not be applied, with the reason."""
        if not uow.calls.has_event(event.event_id):
            _record(uow, event, uow.calls.id_of_leg(event.leg_id), because)

    def taken_over(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """What a node has to say again on an answered automated call that it took over in the middle."""
        flow, line = self._flow(uow, call), self._line(uow, call)
        if call.answered_at is None or flow is None:
            return []
        if call.flow_step is None:
            position, effects = automated.begin(flow, line)
            call.flow_step = str(position)
            return effects
        return automated.again(flow, FlowPosition.read(call.flow_step), line)

    # --- the patient's leg ------------------------------------------------------------------------------------------

    def _about_to_invite(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        _move(uow, call, CallTrigger.DIAL)
        call.invite_at = event.occurred_at
        call.worker = event.event_id.rsplit(":", 1)[0]
        return []

    def _invited(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        call.sip_call_id = str(event.values.get("sip_call_id", "")) or None
        return []

    def _ringing(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        _move(uow, call, CallTrigger.RING)
        call.ringing_at = event.occurred_at
        return []

    def _answered(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        _move(uow, call, CallTrigger.ANSWER)
        call.answered_at = event.occurred_at
        _patient_leg(call).answered_at = event.occurred_at
        attempt = _attempt(uow, call)
        attempt.state = next_attempt_state(attempt.state, AttemptTrigger.CONNECT)
        agent = uow.queues.agent_for_update(call.agent_id) if call.agent_id else None
        if agent is not None and agent.state is AgentState.RESERVED:
            uow.emit(move_agent(agent, AgentTrigger.BEGIN_CALL, now=uow.now))
        flow = self._flow(uow, call)
        if flow is None:
            return []
        position, effects = automated.begin(flow, self._line(uow, call))
        call.flow_step = str(position)
        return effects

    def _bridged(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        _move(uow, call, CallTrigger.BRIDGE)
        if call.bridged_at is None:
            call.bridged_at = event.occurred_at
        return []

    def _moved(self, trigger: CallTrigger) -> Callable[[UnitOfWork, Call, LegEvent], list[Effect]]:
        def move(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG001
            _move(uow, call, trigger)
            return []

        return move

    def _digit(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        call.digits = (call.digits + str(event.values.get("digit", "")))[:200]
        flow = self._flow(uow, call)
        if flow is None or call.flow_step is None:
            return []
        return self._step(
            uow, call, automated.key_pressed(flow, FlowPosition.read(call.flow_step), self._line(uow, call))
        )

    def _digits_collected(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        flow, position = self._standing(uow, call)
        pressed = str(event.values.get("digits", ""))
        return self._step(uow, call, automated.keys_collected(flow, position, pressed, self._line(uow, call)))

    def _prompt_finished(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        flow, position = self._standing(uow, call)
        return self._step(uow, call, automated.prompt_finished(flow, position, self._line(uow, call)))

    def _step(self, uow: UnitOfWork, call: Call, decided: tuple[FlowPosition, list[Effect]]) -> list[Effect]:
        position, effects = decided
        before, call.flow_step = call.flow_step, str(position)
        flow = self._flow(uow, call)
        arrived = before is None or FlowPosition.read(before).step != position.step
        if flow is not None and arrived and flow.steps[position.step].refuses_recording:
            return [*self.refuse_recording(uow, call, by=None), *effects]
        return effects

    def refuse_recording(self, uow: UnitOfWork, call: Call, *, by: str | None) -> list[Effect]:
        """The patient says no: the recorder stops, what it wrote is destroyed, and both are on record."""
        recording = uow.recordings.of_call(call.id)
        task = uow.plans.task(_attempt(uow, call).task_id)
        if recording is None or recording.state is not RecordingState.RECORDING or task is None:
            return []
        recording.state = next_recording_state(recording.state, RecordingTrigger.FAIL)
        recording.reason = REFUSED_BY_PATIENT
        seconds = (uow.now - recording.started_at).total_seconds() if recording.started_at else None
        uow.patients.add_consent(
            Consent(
                id=new_id(),
                patient_id=PatientId(call.patient_id),
                purpose=task.purpose,
                scope=ConsentScope.RECORDING,
                granted=False,
                source="call",
                call_id=call.id,
                at_second=seconds,
                recorded_at=uow.now,
            )
        )
        uow.audit.note(
            at=uow.now,
            user_id=by,
            action="recording_refused",
            subject_kind="call",
            subject=call.id,
            patient_id=call.patient_id,
        )
        return [StopRecorder(leg_id=_patient_leg(call).id)]

    def _recording_started(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        if uow.recordings.of_call(call.id) is not None:
            raise LateEventError("the call has its recording already")
        uow.recordings.add(
            Recording(
                id=new_id(),
                call_id=call.id,
                patient_id=call.patient_id,
                state=next_recording_state(RecordingState.EXPECTED, RecordingTrigger.START),
                spool=str(event.values["folder"]),
                started_at=event.occurred_at,
            )
        )
        return []

    def _recording_stopped(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        recording = uow.recordings.of_call(call.id)
        if recording is None:
            raise LateEventError("no recording was begun for this call")
        if recording.reason == REFUSED_BY_PATIENT:
            folder = Path(recording.spool) if recording.spool else None
            recording.spool = None
            return [DestroyRecording(leg_id=event.leg_id, folder=folder)] if folder else []
        recording.state = next_recording_state(recording.state, RecordingTrigger.CAPTURE)
        uow.emit(
            DomainEvent(
                kind=EventKind.RECORDING_CAPTURED,
                subject=recording.id,
                ids={"call": call.id, "patient": call.patient_id},
            )
        )
        return []

    def _ended(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        reason = EndReason(str(event.values["end_reason"]))
        party = Party(str(event.values["party"]))
        if reason is EndReason.HANG_UP and party is Party.US and call.agent_id is not None:
            party = Party.AGENT
        self.end(uow, call, reason=reason, party=party, at=event.occurred_at)
        return []

    def end(self, uow: UnitOfWork, call: Call, *, reason: EndReason, party: Party, at: datetime) -> None:
        """End the call and bring its attempt to wrap-up, or to its close where nobody has to say anything."""
        _move(uow, call, CallTrigger.END)
        call.end_reason, call.party, call.ended_at = reason, party, at
        for leg in call.legs:
            leg.ended_at = leg.ended_at or at
        uow.emit(DomainEvent(kind=EventKind.CALL_ENDED, subject=call.id, ids={"attempt": call.attempt_id}))
        attempt = _attempt(uow, call)
        if attempt.state is AttemptState.CLOSED:
            return
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
        outcome = outcome_without_a_person(reason, party, answered=answered, answered_by=call.answered_by)
        flow = self._flow(uow, call)
        if outcome is not None or flow is None:
            return outcome, None
        ending = automated.ending(flow, FlowPosition.read(call.flow_step)) if call.flow_step else None
        if ending is not None:
            attempt.answers = {"answer": ending.answer}
            return ending.outcome, ending.task_result
        if reason is EndReason.HANG_UP and party is Party.PATIENT:
            return (AttemptOutcome.CONNECTED_PATIENT if call.digits else AttemptOutcome.REJECTED), None
        return AttemptOutcome.CALLER_ABANDONED, None

    # --- what the flow of an automated call needs ---------------------------------------------------------------------

    def _flow(self, uow: UnitOfWork, call: Call) -> Flow | None:
        task = uow.plans.task(_attempt(uow, call).task_id)
        if task is None or task.mode is not TaskMode.AUTOMATED or task.flow is None:
            return None
        return self._flows[task.flow]

    def _standing(self, uow: UnitOfWork, call: Call) -> tuple[Flow, FlowPosition]:
        flow = self._flow(uow, call)
        if flow is None or call.flow_step is None:
            raise LateEventError("the call has no flow that could go on")
        return flow, FlowPosition.read(call.flow_step)

    def _line(self, uow: UnitOfWork, call: Call) -> Line:
        queue = uow.queues.get(call.queue_id)
        patient = uow.patients.get(call.patient_id)
        language = (patient.language if patient else None) or (queue.language if queue else None) or "zh"
        return Line(leg_id=_patient_leg(call).id, language=language)


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


def _headset(uow: UnitOfWork, agent: Agent, event: LegEvent) -> list[Effect]:
    if event.kind in (LegEventKind.ABOUT_TO_INVITE, LegEventKind.INVITED, LegEventKind.RINGING):
        if agent.headset_state is HeadsetState.UP:
            raise LateEventError("the headset is up already")
        agent.headset_state = HeadsetState.RINGING
    elif event.kind is LegEventKind.ANSWERED:
        agent.headset_state = HeadsetState.UP
    elif event.kind is LegEventKind.ENDED:
        agent.headset_state = HeadsetState.DOWN
        agent.headset_leg_id = None
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        return _left_alone(uow, agent)
    else:
        return []
    uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
    return []


def _left_alone(uow: UnitOfWork, agent: Agent) -> list[Effect]:
    attempt = uow.attempts.live_of_agent(agent.id)
    call = uow.calls.of_attempt(attempt.id) if attempt else None
    if call is None or call.ended_at is not None:
        return []
    return [HangUpLeg(leg_id=_patient_leg(call).id, reason=EndReason.HANG_UP)]


def _nothing(uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG001
    return []


def _move(uow: UnitOfWork, call: Call, trigger: CallTrigger) -> None:
    call.state = next_call_state(call.state, trigger)
    ids = {"attempt": call.attempt_id, "state": call.state.value}
    if call.agent_id:
        ids["agent"] = call.agent_id
    uow.emit(DomainEvent(kind=EventKind.CALL_CHANGED, subject=call.id, ids=ids))


def _attempt(uow: UnitOfWork, call: Call) -> Attempt:
    attempt = uow.attempts.for_update(call.attempt_id)
    if attempt is None:
        raise LateEventError("the call's attempt does not exist")
    return attempt


def _patient_leg(call: Call) -> Leg:
    return next(leg for leg in call.legs if leg.role.value == "patient")
