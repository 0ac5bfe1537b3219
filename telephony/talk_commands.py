"""Commands to a conversation that is up: mute, hold with music, keys, transfers, and a supervisor on the line."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from db.calls import CallCommand
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, EndReason, LegId, LegRole
from followup.queues import Agent, HeadsetState
from followup.supervision import Supervision, SupervisionMode, SupervisionReason, SupervisionState
from followup.transfers import Transfer, TransferState, TransferTarget, number_refusal
from runtime.trunks_file import Purpose
from telephony.call_control import (
    CallControl,
    DigitMethod,
    MonitorMode,
    OutboundLeg,
    TransferEnding,
    TransferMode,
    Trunk,
)
from telephony.call_moves import patient_leg_of
from telephony.headsets.browser_line import BROWSER_LINE
from telephony.refused_command import LineAct, RefusedCommandError, Verb
from telephony.supervisor_leg import refuse_supervision
from telephony.transferring import refuse_transfer
from telephony.trunk_taking import NoTrunk, TrunkTaking
from telephony.trunks import Trunks

TALKING = (CallState.ANSWERED, CallState.BRIDGED, CallState.HELD)
SUPERVISOR_RING_SECONDS = 20.0
NEVER_WAIT = frozenset({"supervise", "transfer"})
"""Verbs that are refused when no line is free: a person waits for them, a task does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkCommands:
    """Decides commands about conversations. `music` is what a patient on hold hears; None: silence."""

    gate: Gate
    trunks: Trunks
    ring_seconds: float
    music: Path | None

    def verbs(self) -> Mapping[str, Verb]:
        """Every verb and who decides it."""
        return {
            "hold": self._hold,
            "resume": self._resume,
            "mute": self._mute,
            "unmute": self._unmute,
            "send_digits": self._send_digits,
            "transfer": self._transfer,
            "end_transfer": self._end_transfer,
            "supervise": self._supervise,
            "change_supervision": self._change_supervision,
            "end_supervision": self._end_supervision,
        }

    def refused(self, uow: UnitOfWork, command: CallCommand) -> None:
        """A refused begin of a transfer or supervision leaves nothing under way."""
        if command.verb == "transfer":
            transfer = uow.transfers.get(str(command.arguments["transfer"]))
            if transfer is not None:
                refuse_transfer(uow, transfer, command.reason)
        elif command.verb == "supervise":
            supervision = uow.supervisions.get(command.subject)
            if supervision is not None:
                refuse_supervision(uow, supervision, command.reason)

    # --- the line of patient and agent --------------------------------------------------------------------------------

    def _hold(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        call = talking(uow, command, CallState.BRIDGED, CallState.HELD)
        if "us" in call.held_by:
            raise RefusedCommandError("the patient is on hold already")
        if uow.transfers.live_of_call(call.id) is not None:
            raise RefusedCommandError("a transfer is under way; end it first")
        leg, music = patient_leg_of(call).id, self.music
        return lambda control: control.hold(leg, music=music)

    def _resume(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        call = talking(uow, command, *TALKING)
        if "us" not in call.held_by:
            by_far_end = " by us; the far end holds the line and has to resume it" if call.held_by else ""
            raise RefusedCommandError(f"the patient is not on hold{by_far_end}")
        leg = patient_leg_of(call).id
        return lambda control: control.resume(leg)

    def _mute(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        agent = _agent_with_headset(uow, talking(uow, command, *TALKING))
        if agent.headset_muted:
            raise RefusedCommandError("the headset is muted already")
        leg = _headset_leg(agent)
        return lambda control: control.mute(leg)

    def _unmute(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        agent = _agent_with_headset(uow, talking(uow, command, *TALKING))
        if not agent.headset_muted:
            raise RefusedCommandError("the headset is not muted")
        leg = _headset_leg(agent)
        return lambda control: control.unmute(leg)

    def _send_digits(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        leg = patient_leg_of(talking(uow, command, *TALKING)).id
        digits = str(command.arguments["digits"])
        method = DigitMethod(str(command.arguments.get("method", DigitMethod.RFC2833.value)))
        return lambda control: control.send_digits(leg, digits, method=method)

    # --- transfers ----------------------------------------------------------------------------------------------------

    def _transfer(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        call = talking(uow, command, CallState.BRIDGED)
        transfer = uow.transfers.get(str(command.arguments["transfer"]))
        if transfer is None or transfer.state is not TransferState.DIALING:
            raise RefusedCommandError("the transfer is over already")
        headset = _headset_leg(_agent_with_headset(uow, call))
        if headset not in call.joined:
            raise RefusedCommandError("the agent is not joined with the patient: there is nothing to pass on")
        to, trunk = self._target(uow, call, transfer)
        leg, mode, music = patient_leg_of(call).id, TransferMode(transfer.mode), self.music
        return lambda control: control.transfer(leg, headset=headset, to=to, trunk=trunk, mode=mode, music=music)

    def _target(self, uow: UnitOfWork, call: Call, transfer: Transfer) -> tuple[OutboundLeg, Trunk]:
        stands_for: LegId | None = None
        if transfer.target is TransferTarget.AGENT:
            taker = uow.queues.agent(transfer.agent_id or "")
            if taker is None or taker.headset_state is not HeadsetState.UP or taker.headset_leg_id is None:
                raise RefusedCommandError("the headset of the agent asked for is not up any more")
            stands_for = LegId(taker.headset_leg_id)
        else:
            reason = number_refusal(
                transfer.number,
                mode=self.gate.mode,
                on_allow_list=transfer.number in self.gate.allow_list,
                trunk_is_loopback=self.gate.trunk_is_loopback,
            )
            if reason is not None:
                raise RefusedCommandError(reason)
        to = OutboundLeg(
            leg_id=transfer.leg_id,
            attempt_id=transfer.id,
            role=LegRole.INTERNAL if stands_for else LegRole.THIRD_PARTY,
            number=transfer.number,
            ring_seconds=self.ring_seconds,
            stands_for=stands_for,
        )
        # An extension of the hospital's own exchange is reached as headsets are.
        if not transfer.number.startswith("+"):
            return to, self.trunks.headsets
        taken = TrunkTaking(self.trunks).take(uow, node=call.node, purpose=Purpose.TRANSFERS, number=transfer.number)
        if isinstance(taken, NoTrunk):
            raise RefusedCommandError(taken.reason)
        for leg in call.legs:
            if leg.id == transfer.leg_id:
                leg.trunk, leg.caller_id = taken.terms.name, taken.line.caller_id or None
        return replace(to, number=taken.number), taken.line

    def _end_transfer(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        call = talking(uow, command, *TALKING)
        transfer = uow.transfers.live_of_call(call.id)
        ending = TransferEnding(str(command.arguments["ending"]))
        if transfer is None:
            raise RefusedCommandError("no transfer is under way")
        leg, third = patient_leg_of(call).id, transfer.leg_id
        if transfer.state is TransferState.TOGETHER:
            return _after_together(ending, leg, third, _headset_leg(_agent_with_headset(uow, call)))
        if ending is not TransferEnding.BACK and transfer.answered_at is None:
            raise RefusedCommandError("nobody has answered yet; wait for the answer, or take the patient back")
        return lambda control: control.end_transfer(leg, ending)

    # --- a supervisor on the line -------------------------------------------------------------------------------------

    def _supervise(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        supervision = _supervision(uow, command)
        call = uow.calls.for_update(supervision.call_id)
        if call is None or call.state not in (CallState.BRIDGED, CallState.HELD):
            raise RefusedCommandError("there is no conversation on this call (any more) that could be supervised")
        leg = OutboundLeg(
            leg_id=supervision.leg_id,
            attempt_id=supervision.id,
            role=LegRole.SUPERVISOR,
            number=supervision.phone,
            ring_seconds=SUPERVISOR_RING_SECONDS,
            beside_leg=patient_leg_of(call).id,
        )
        trunk = BROWSER_LINE if supervision.in_browser else self.trunks.headsets
        return lambda control: control.originate(leg, trunk)

    def _change_supervision(self, uow: UnitOfWork, command: CallCommand) -> LineAct | None:
        supervision = _supervision(uow, command)
        call = uow.calls.for_update(supervision.call_id)
        if call is None or call.state is CallState.ENDED:
            raise RefusedCommandError("the call is over")
        mode = SupervisionMode(str(command.arguments["mode"]))
        if command.arguments.get("reason"):
            supervision.reason = SupervisionReason(str(command.arguments["reason"]))
        if supervision.state is SupervisionState.RINGING:
            supervision.mode = mode
            return None
        stretch = uow.supervisions.open_stretch(supervision.id)
        if stretch is not None and stretch.mode is mode:
            raise RefusedCommandError(f"the supervisor is on the line in mode {mode.value} already")
        leg, patient, wanted = supervision.leg_id, patient_leg_of(call).id, MonitorMode(mode.value)
        return lambda control: control.monitor(leg, patient, wanted)

    def _end_supervision(self, uow: UnitOfWork, command: CallCommand) -> LineAct:
        supervision = _supervision(uow, command)
        supervision.ended_because = "the supervisor left"
        leg = supervision.leg_id
        return lambda control: control.hang_up(leg, EndReason.HANG_UP)


def talking(uow: UnitOfWork, command: CallCommand, *allowed: CallState) -> Call:
    """The command's call, locked, if it is in one of these states."""
    call = uow.calls.for_update(command.subject)
    if call is None:
        raise RefusedCommandError("there is no such call")
    if call.state not in allowed:
        raise RefusedCommandError(f"the call is {call.state.value}: {command.verb} is not possible there")
    return call


def _after_together(ending: TransferEnding, patient: LegId, third: LegId, headset: LegId) -> LineAct:
    def leave(control: CallControl) -> None:
        control.unbridge(third, headset)
        control.unbridge(patient, headset)

    if ending is TransferEnding.BACK:
        return lambda control: control.hang_up(third, EndReason.HANG_UP)
    if ending is TransferEnding.HAND_OVER:
        return leave
    raise RefusedCommandError("all three talk together already")


def _agent_with_headset(uow: UnitOfWork, call: Call) -> Agent:
    agent = uow.queues.agent(call.agent_id) if call.agent_id else None
    if agent is None or agent.headset_state is not HeadsetState.UP or agent.headset_leg_id is None:
        raise RefusedCommandError("no agent's headset is on this call")
    return agent


def _headset_leg(agent: Agent) -> LegId:
    return LegId(str(agent.headset_leg_id))


def _supervision(uow: UnitOfWork, command: CallCommand) -> Supervision:
    supervision = uow.supervisions.get(command.subject)
    if supervision is None or supervision.state is SupervisionState.ENDED:
        raise RefusedCommandError("this supervision is over")
    return supervision
