"""What follows from a verdict on who answered: the flow begins, a message is left, or the call ends."""

from datetime import timedelta

import structlog

from care.patients import NumberQuality
from db.unit_of_work import UnitOfWork
from followup.attempts import AttemptState
from followup.calls import Announcement, Answered, Call, EarlySound, EndReason, LegRole, Party
from followup.events import DomainEvent, EventKind
from followup.flows import PERSON_STEP
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, outcome_without_a_person
from followup.screening import ANNOUNCED_BY_TONE, SPOKEN_BEFORE, SURE, AfterAnswer, OnMachine, what_to_do
from telephony.automated import FlowPosition
from telephony.call_control import LegEvent
from telephony.call_flows import CallFlows, keep_position
from telephony.call_moves import LateEventError, attempt_of, patient_leg_of, tell_of_call
from telephony.causes import Cause, refined
from telephony.effects import Effect, HangUpLeg, PlayPrompt

log = structlog.get_logger(__name__)

MESSAGE = FlowPosition(step="@message")
"""Where a call stands while a machine records our message: in no step of its flow."""

MESSAGE_PROMPT = "neutral_message"
OPENING_COUNTS = timedelta(seconds=12)
"""So long after the answer nothing about health was said yet: hospital, machine, notice and identity come first."""

_SET_BY_THE_SYSTEM = frozenset(
    {
        AttemptOutcome.NO_ANSWER,
        AttemptOutcome.UNREACHABLE,
        AttemptOutcome.BUSY,
        AttemptOutcome.REJECTED,
        AttemptOutcome.NETWORK_FAILURE,
        AttemptOutcome.ANSWERED_MACHINE,
        AttemptOutcome.CALLER_ABANDONED,
    }
)


class CallScreening:
    """Waits for verdicts and acts on them, by the policy of the call's queue."""

    def __init__(self, flows: CallFlows) -> None:
        self._flows = flows

    def waits(self, call: Call) -> bool:
        """Whether our machine has to be silent until there is a verdict."""
        return call.screened and call.agent_id is None and call.answered_by is None

    def speaks_with_machine(self, call: Call) -> bool:
        """Whether a machine of theirs was answered by one of ours: the call's flow is over."""
        return call.agent_id is None and call.answered_by is Answered.MACHINE and not _waits_for_agent(call)

    def seeks_agent(self, uow: UnitOfWork, call: Call) -> bool:
        """Whether an agent is to hear what answered."""
        return self.speaks_with_machine(call) and _is_sure(call) and self._policy(uow, call) is OnMachine.TO_AGENT

    def answered_by(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        """The first verdict, or a later one that takes it back."""
        who = Answered(str(event.values["who"]))
        return self._judged(
            uow,
            call,
            who,
            confidence=float(str(event.values.get("confidence", 0))),
            after=float(str(event.values.get("after_seconds", 0))),
            why=str(event.values.get("why", "")),
        )

    def _judged(
        self, uow: UnitOfWork, call: Call, who: Answered, *, confidence: float, after: float, why: str
    ) -> list[Effect]:
        if self.speaks_with_machine(call) and _is_sure(call):
            raise LateEventError("a machine was found already")
        if call.answered_by is not None and who is Answered.MACHINE and (call.digits or _waits_for_agent(call)):
            raise LateEventError("a key was pressed: a person is there")
        call.answered_by, call.answered_by_confidence = who, confidence
        call.answered_by_after, call.answered_by_why = after, why[:40]
        tell_of_call(uow, call)
        match what_to_do(who, confidence, self._policy(uow, call), with_agent=call.agent_id is not None):
            case AfterAnswer.GO_ON:
                return self._flows.begin(uow, call)
            case AfterAnswer.SHOW:
                return []
            case AfterAnswer.LEAVE_MESSAGE | AfterAnswer.SEEK_AGENT | AfterAnswer.WAIT:
                call.flow_step = None  # what plays may end; nothing follows it until the greeting is over
                return []
            case AfterAnswer.HANG_UP:
                call.flow_step = None
                return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.MACHINE)]

    def greeting_ended(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:  # noqa: ARG002
        """A machine waits for our words: hospital and "please call us back", nothing more."""
        if not self.speaks_with_machine(call) or call.flow_step is not None:
            return []
        if self._policy(uow, call) is not OnMachine.NEUTRAL_MESSAGE:
            return []
        keep_position(call, MESSAGE)
        line = self._flows.line(uow, call)
        return [PlayPrompt(leg_id=line.leg_id, key=MESSAGE_PROMPT, language=line.language)]

    def prompt_finished(self, call: Call) -> list[Effect]:
        """A machine has heard our message to its end, or what we were saying when it was found out."""
        if call.flow_step == str(MESSAGE):
            return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.MACHINE)]
        return []

    def again(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """What a node does that took over a call with a machine: what the other one may not have come to."""
        if call.flow_step == str(MESSAGE):
            line = self._flows.line(uow, call)
            return [PlayPrompt(leg_id=line.leg_id, key=MESSAGE_PROMPT, language=line.language)]
        if self._policy(uow, call) is OnMachine.NEUTRAL_MESSAGE or not _is_sure(call):
            return []
        return [HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.MACHINE)]

    def key_pressed(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """A machine presses no keys: there is a person, and the call begins, or begins anew."""
        call.answered_by, call.answered_by_confidence, call.answered_by_why = Answered.HUMAN, 1.0, "key"
        call.flow_step = None
        tell_of_call(uow, call)
        return self._flows.begin(uow, call)

    def opening_kept(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        """The first seconds lie in a file: what was said in them is asked for, and nobody waits for it."""
        uow.emit(DomainEvent(kind=EventKind.OPENING_KEPT, subject=call.id, ids={"attempt": call.attempt_id}))
        log.info("opening_kept", call=call.id, seconds=event.values.get("seconds"))
        return []

    def early_heard(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        """What was heard before the end of a call that nobody answered."""
        call.early_sound = EarlySound(str(event.values["sound"]))
        if call.early_sound in SPOKEN_BEFORE and event.values.get("file"):
            uow.emit(DomainEvent(kind=EventKind.EARLY_KEPT, subject=call.id, ids={"attempt": call.attempt_id}))
        return []

    def cause_of_end(self, call: Call, cause: Cause) -> Cause:
        """The cause, told apart by the tone that was heard before it."""
        tone = ANNOUNCED_BY_TONE.get(call.early_sound) if call.early_sound and call.answered_at is None else None
        return refined(cause, tone)

    # --- what the transcript says ---

    def words_of_opening(
        self, uow: UnitOfWork, call: Call, code: str | None, announcement: Announcement | None
    ) -> list[Effect]:
        """What the transcript of the first seconds holds: no code when nothing that only a machine says."""
        call.heard_code, call.announcement = code, announcement
        if code is None or call.answered_at is None:
            return []
        if call.ended_at is not None:
            if announcement is not None and self.speaks_with_machine(call):
                # A gateway that answers at once and lets the network speak: the number is what the voice says it is.
                self._refine(uow, call, Cause(end_reason=EndReason.NO_ANSWER, party=Party.CARRIER), announcement)
            return []
        if uow.now - call.answered_at > OPENING_COUNTS:
            raise LateEventError("the words came too late to change the call")
        if self._policy(uow, call) is OnMachine.TO_AGENT:
            return []
        after = (uow.now - call.answered_at).total_seconds()
        return self._judged(uow, call, Answered.MACHINE, confidence=0.97, after=round(after, 2), why="words")

    def announced(self, uow: UnitOfWork, call: Call, announcement: Announcement | None) -> None:
        """What a voice of the network said: the end's reason becomes finer, and the number is known for what it is."""
        if call.ended_at is None or call.end_reason is None or call.party is None or call.answered_at is not None:
            raise LateEventError("only a call that ended without an answer is told apart by an announcement")
        if announcement is not None:
            call.announcement = announcement
            cause = Cause(end_reason=call.end_reason, party=call.party, code=call.cause)
            self._refine(uow, call, cause, announcement)

    def _refine(self, uow: UnitOfWork, call: Call, cause: Cause, announcement: Announcement) -> None:
        finer = refined(cause, announcement, role=LegRole.PATIENT)
        call.end_reason, call.party, call.cause = finer.end_reason, finer.party, finer.finest
        tell_of_call(uow, call)
        self._judge_again(uow, call, finer.end_reason, finer.party)

    def _judge_again(self, uow: UnitOfWork, call: Call, reason: EndReason, party: Party) -> None:
        attempt = attempt_of(uow, call)
        if attempt.state is not AttemptState.CLOSED or attempt.outcome_by is not None:
            return
        outcome = outcome_without_a_person(reason, party, answered=False, answered_by=None)
        if outcome is None or attempt.outcome not in _SET_BY_THE_SYSTEM or outcome is attempt.outcome:
            return
        uow.audit.note(
            user_id=None,
            action="outcome_refined",
            subject_kind="attempt",
            subject=attempt.id,
            patient_id=call.patient_id,
            detail={"from": attempt.outcome.value, "to": outcome.value, "announcement": str(call.announcement)},
        )
        attempt.outcome = outcome
        patient = uow.patients.get(call.patient_id)
        if outcome not in NUMBER_IS_NO_USE or patient is None:
            return
        for point in patient.contact_points:
            if point.id == attempt.contact_point_id:
                point.quality = NumberQuality.WRONG

    def _policy(self, uow: UnitOfWork, call: Call) -> OnMachine:
        queue = uow.queues.get(call.queue_id)
        return queue.on_machine if queue is not None else OnMachine.HANG_UP


def _is_sure(call: Call) -> bool:
    return (call.answered_by_confidence or 0.0) >= SURE


def _waits_for_agent(call: Call) -> bool:
    return call.flow_step is not None and FlowPosition.read(call.flow_step).step == PERSON_STEP
