"""Commands to a telephony node: each is decided in one transaction, and what it asks of the line comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from db.calls import CallCommand, CommandState
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.calls import Announcement, Call, CallState, EndReason, LegId, Party
from followup.dialing_rules import GateFacts
from followup.outcomes import TaskOutcome
from followup.queues import HeadsetState
from telephony.call_control import CallControl, CallControlError, Refusal, TrunkBusyError
from telephony.call_moves import LateEventError, patient_leg_of
from telephony.conversation import Conversation
from telephony.effects import HangUpLeg
from telephony.lines import Lines
from telephony.patient_dialing import PatientDialing
from telephony.refused_command import LineAct, RefusedCommandError, Verb
from telephony.supervisor_leg import refuse_supervision
from telephony.talk_commands import NEVER_WAIT, TALKING, TalkCommands, talking
from telephony.transferring import refuse_transfer
from telephony.trunk_taking import NoTrunk
from telephony.trunks import Trunks

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialingRules:
    """What this installation may dial."""

    gate: Gate
    ring_seconds: float
    spool: Path
    music: Path | None = None  # what a patient on hold hears
    screened: bool = False  # who answers is judged before a machine of ours speaks


NO_LINE_BESIDE = (
    "no line is free beside this call: a worker has four, and this one's may still carry a call that was handed over; "
    "try again when that has ended"
)
LOST_COMPANY = "the telephony node was restarted before the line was made; ask again"


class Commands:
    """Decides the commands of one node."""

    def __init__(self, *, conversation: Conversation, trunks: Trunks, rules: DialingRules, lines: Lines) -> None:
        self._conversation = conversation
        self._lines = lines
        self._rules = rules
        self._dialing = PatientDialing(trunks=trunks, ring_seconds=rules.ring_seconds, spool=rules.spool)
        self._talk = TalkCommands(gate=rules.gate, trunks=trunks, ring_seconds=rules.ring_seconds, music=rules.music)
        self._verbs: dict[str, Verb] = {
            **self._talk.verbs(),
            "dial": self._dial,
            "ask_gate": self._ask_gate,
            "hang_up": self._hang_up,
            "pause_recording": self._on_live_call(lambda control, leg: control.pause_recording(leg)),
            "resume_recording": self._on_live_call(lambda control, leg: control.resume_recording(leg)),
            "stop_recording": self._on_live_call(lambda control, leg: control.stop_recording(leg)),
            "refuse_recording": self._refuse_recording,
            "detach_headset": self._detach_headset,
            "report": self._report,
            "heard": self._heard,
            "accept_inbound": self._accept_inbound,
            "hang_up_inbound": self._hang_up_inbound,
            "refuse_inbound_recording": self._refuse_inbound_recording,
        }

    def decide(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        """Accept or refuse a command; accepted, it may ask something of the line."""
        command.taken_at = uow.now
        try:
            act = self._verb(uow, command)(uow, command)
        except RefusedCommandError as refusal:
            self.refuse(uow, command, str(refusal))
            return None
        command.state = CommandState.ACCEPTED
        return act

    def _verb(self, uow: UnitOfWork, command: CallCommand) -> Verb:
        if uow.now > command.deadline:
            raise RefusedCommandError("the command came too late and was not done")
        if command.verb not in self._verbs:
            raise RefusedCommandError(f"a telephony node knows no command {command.verb}")
        return self._verbs[command.verb]

    def refuse(self, uow: UnitOfWork, command: CallCommand, reason: str) -> None:
        """Refuse a command; a call that was never dialed ends with it, so that its attempt does not hang."""
        command.state = CommandState.REFUSED
        command.reason = reason[:500]
        self._talk.refused(uow, command)
        if command.verb != "dial":
            return
        call = uow.calls.for_update(command.subject)
        if call is not None and call.state is CallState.PLANNED:
            self._conversation.end(uow, call, reason=EndReason.CONGESTION, party=Party.US, at=uow.now)

    def line_refused(self, uow: UnitOfWork, command: CallCommand, error: CallControlError) -> None:
        """What becomes of a command that was accepted here and refused on the line.

        No free line or worker: it waits in the table until its deadline. Anything else is final.
        """
        waits = command.verb not in NEVER_WAIT and uow.now < command.deadline
        if error.refusal is Refusal.TRUNK_BUSY and not error.anything_sent and waits:
            command.state = CommandState.PENDING
            return
        if error.anything_sent:
            command.reason = error.reason[:500]
            return
        no_room = command.verb == "supervise" and error.refusal is Refusal.TRUNK_BUSY
        self.refuse(uow, command, NO_LINE_BESIDE if no_room else error.reason)

    def _dial(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        call = uow.calls.for_update(command.subject)
        if call is None:
            raise RefusedCommandError("there is no such call")
        if call.state is not CallState.PLANNED:
            raise RefusedCommandError(f"the call is {call.state.value} already")
        facts = self._let_through(uow, call)
        if facts is None:
            raise RefusedCommandError("the gate refused the call at the last moment; the reasons are with the attempt")
        call.screened = self._rules.screened
        call.recorded = self._rules.gate.profile.records(facts.recording)
        dial = self._dialing.prepare(uow, call, headset=self._headset(uow, call))
        if isinstance(dial, NoTrunk):
            return partial(_wait, dial.reason)
        return lambda control: control.originate(dial.leg, dial.line)

    def _ask_gate(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        """Something was withdrawn or stopped: a call that is reserved and not placed is judged again.

        One that a worker holds already is placed; what was sent is told by its own events.
        """
        call = uow.calls.for_update(command.subject)
        if call is not None and call.state is CallState.PLANNED and not self._lines.knows(_leg_of(call)):
            self._let_through(uow, call)
        return None

    def _let_through(self, uow: UnitOfWork, call: Call) -> GateFacts | None:
        """What the gate looked at when it let the call through; None when it refused and the call has ended."""
        attempt = uow.attempts.for_update(call.attempt_id)
        task = uow.plans.task(attempt.task_id) if attempt else None
        patient = uow.patients.get(call.patient_id)
        if attempt is None or task is None or patient is None:
            raise RefusedCommandError("the call's attempt, task or patient does not exist")
        number = next((point for point in patient.contact_points if point.number == call.number), None)
        answer = self._rules.gate.ask(uow, task, number, now=uow.now, besides_attempt=attempt.id)
        attempt.gate = answer.kept
        if answer.verdict.allowed:
            return answer.facts
        self._conversation.end(uow, call, reason=EndReason.REFUSED_BY_GATE, party=Party.US, at=uow.now)
        if answer.facts.refused_for_good:
            attempt.task_result = TaskOutcome.REFUSED.value
        return None

    def _headset(self, uow: UnitOfWork, call: Call) -> LegId | None:
        if call.agent_id is None:
            return None
        agent = uow.queues.agent(call.agent_id)
        if agent is None or agent.headset_state is not HeadsetState.UP or agent.headset_leg_id is None:
            raise RefusedCommandError("the agent's headset is not up; put it on and become available again")
        return LegId(agent.headset_leg_id)

    def _hang_up(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        call = uow.calls.for_update(command.subject)
        if call is None:
            raise RefusedCommandError("there is no such call")
        if call.state is CallState.ENDED:
            return None
        if call.state is CallState.PLANNED:
            self._conversation.end(uow, call, reason=EndReason.CANCELLED, party=_asker(call), at=uow.now)
        reason = EndReason.CANCELLED if call.answered_at is None else EndReason.HANG_UP
        leg = _leg_of(call)
        return lambda control: control.hang_up(leg, reason)

    def _on_live_call(self, act: Callable[[CallControl, LegId], None]) -> Verb:
        def decide(uow: UnitOfWork, command: CallCommand) -> LineAct:
            leg = _leg_of(talking(uow, command, *TALKING))
            return lambda control: act(control, leg)

        return decide

    def end_without_worker(self, uow: UnitOfWork, call: Call) -> None:
        """End a live call that no worker holds: lost if an INVITE may have left, else never begun."""
        sent = self._lines.was_anything_sent(call.attempt_id) or call.state is not CallState.PLANNED
        log.warning("call_without_worker", call=call.id, anything_sent=sent)
        reason = EndReason.WORKER_LOST if sent else EndReason.CANCELLED
        self._conversation.end(uow, call, reason=reason, party=Party.US, at=uow.now)

    def end_unsent(self, uow: UnitOfWork, leg_id: LegId) -> None:
        """End the call of a leg that was to be dialed over a second trunk and could not be."""
        call_id = uow.calls.id_of_leg(leg_id)
        call = uow.calls.for_update(call_id) if call_id else None
        if call is not None and call.state is not CallState.ENDED:
            self._conversation.end(uow, call, reason=EndReason.CONGESTION, party=Party.US, at=uow.now)

    def end_lost_company(self, uow: UnitOfWork, call: Call) -> None:
        """What was begun beside a call that a node takes over, and never came to a line, is over."""
        transfer = uow.transfers.live_of_call(call.id)
        if transfer is not None and self._never_came(uow, transfer.leg_id, "transfer", call.id):
            refuse_transfer(uow, transfer, LOST_COMPANY)
        supervision = uow.supervisions.live_of_call(call.id)
        if supervision is not None and self._never_came(uow, supervision.leg_id, "supervise", supervision.id):
            refuse_supervision(uow, supervision, LOST_COMPANY)

    def _never_came(self, uow: UnitOfWork, leg_id: LegId, verb: str, subject: str) -> bool:
        waits = any(
            command.verb == verb and command.state is CommandState.PENDING
            for command in uow.calls.commands_for(subject)
        )
        return not waits and not self._lines.knows(leg_id)

    def _report(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        """Somebody wonders about a silent call: a call that a worker holds goes on, another one has ended."""
        call = uow.calls.for_update(command.subject)
        if call is None:
            raise RefusedCommandError("there is no such call")
        if call.state is not CallState.ENDED and not self._lines.knows(_leg_of(call)):
            self.end_without_worker(uow, call)
        return None

    def _heard(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        """What the speech engine made of the first seconds after the answer, or of what was heard before none."""
        call = uow.calls.for_update(command.subject)
        if call is None:
            raise RefusedCommandError("there is no such call")
        code, said = command.arguments.get("code"), command.arguments.get("announcement")
        announcement = Announcement(str(said)) if said else None
        try:
            if command.arguments.get("of") == "early":
                self._conversation.screening.announced(uow, call, announcement)
                return None
            effects = self._conversation.screening.words_of_opening(
                uow, call, str(code) if code else None, announcement
            )
        except LateEventError as late:
            raise RefusedCommandError(str(late)) from late
        hang_ups = [effect for effect in effects if isinstance(effect, HangUpLeg)]
        if not hang_ups:
            return None
        leg, reason = hang_ups[0].leg_id, hang_ups[0].reason
        return lambda control: control.hang_up(leg, reason)

    def _refuse_recording(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        call = uow.calls.for_update(command.subject)
        if call is None or call.answered_at is None or call.state is CallState.ENDED:
            raise RefusedCommandError("there is no live conversation whose recording could be refused")
        by = command.arguments.get("by", call.agent_id)
        if not self._conversation.refuse_recording(uow, call, by=str(by) if by else None):
            raise RefusedCommandError("nothing is being recorded")
        leg = _leg_of(call)
        return lambda control: control.stop_recording(leg)

    def _accept_inbound(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        """An agent takes the caller who is offered to her: they are joined."""
        caller = uow.inbound.for_update(command.subject)
        agent = uow.queues.agent_for_update(str(command.arguments["agent_id"]))
        if caller is None or agent is None or self._conversation.inbound is None:
            raise RefusedCommandError("there is no such caller or agent")
        try:
            headset = self._conversation.inbound.accept(uow, caller, agent)
        except ValueError as refusal:
            raise RefusedCommandError(str(refusal)) from refusal
        leg = caller.leg_id
        return lambda control: control.bridge(leg, headset)

    def _refuse_inbound_recording(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        caller = uow.inbound.for_update(command.subject)
        if caller is None or self._conversation.inbound is None or caller.spool is None or caller.recording_refused:
            raise RefusedCommandError("nothing of this caller is being recorded")
        self._conversation.inbound.refuse_recording(uow, caller, by=str(command.arguments["by"]))
        leg = caller.leg_id
        return lambda control: control.stop_recording(leg)

    def _hang_up_inbound(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        caller = uow.inbound.for_update(command.subject)
        if caller is None:
            raise RefusedCommandError("there is no such caller")
        leg = caller.leg_id
        return lambda control: control.hang_up(leg, EndReason.HANG_UP)

    def _detach_headset(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        agent = uow.queues.agent_for_update(command.subject)
        if agent is None or agent.headset_leg_id is None:
            return None
        agent.headset_wanted = False
        leg = LegId(agent.headset_leg_id)
        return lambda control: control.hang_up(leg, EndReason.HANG_UP)


def _leg_of(call: Call) -> LegId:
    return patient_leg_of(call).id


def _asker(call: Call) -> Party:
    return Party.AGENT if call.agent_id else Party.US


def _wait(reason: str, control: CallControl) -> None:  # noqa: ARG001
    raise TrunkBusyError(reason)
