"""Third parties and supervisors on the loopback: transfers carried out step by step, monitorings begun and ended."""

from collections.abc import Callable
from pathlib import Path

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    LegEventKind,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
    TransferMode,
    Trunk,
)
from telephony.causes import Cause, cause_of_our_hang_up
from telephony.loopback_leg import LegPhase, LoopbackLeg, seconds_of
from telephony.loopback_lines import LoopbackLines
from telephony.monitor_rules import AGENT_ENDS, Monitoring, conversation_lasts, refuse_unmonitorable
from telephony.transfer_steps import (
    TO_WHOM,
    HangUpThird,
    Join,
    Part,
    Transfer,
    TransferOver,
    TransferStep,
    steps_at_answer,
    steps_at_begin,
    steps_at_command,
    steps_at_loss,
)


class LoopbackTransfers:
    """Every transfer under way, by its patient."""

    def __init__(self, lines: LoopbackLines) -> None:
        self._lines = lines
        self._transfers: dict[LegId, Transfer] = {}
        self._changing: set[LegId] = set()  # patients whose steps are being taken just now
        self._served: dict[LegId, LegId] = {}  # third party → the patient it is there for
        self.taken_over: Callable[[LegId], bool] = lambda _patient: False
        lines.answered.append(self._answered)
        lines.going.append(self.leg_going)

    def begin(
        self, leg_id: LegId, headset: LegId, to: OutboundLeg, trunk: Trunk, mode: TransferMode, music: Path | None
    ) -> None:
        """Dial the third party; the patient hears music meanwhile."""
        patient, agent = self._lines.up(leg_id), self._lines.up(headset)
        self.refuse_during(leg_id, headset)
        if headset not in patient.partners:
            raise RejectedError(f"legs {leg_id} and {headset} are not bridged: nothing to pass on")
        if patient.leg.role is not LegRole.PATIENT or to.role not in TO_WHOM:
            raise RejectedError("a patient's leg is passed on to a leg with the role third_party or internal")
        if self.taken_over(leg_id):
            raise RejectedError("a supervisor has taken this conversation over: only she can end that")
        if to.join_leg is not None:
            raise RejectedError("the third party of a transfer is joined by the transfer: leave join_leg out")
        if patient.held:
            raise RejectedError(f"leg {leg_id} is on hold: resume it, then pass it on")
        if music is not None:
            seconds_of(music)
            patient.heard_music.append(music)
        self._lines.invite(to, trunk)
        transfer = Transfer(patient=leg_id, headset=headset, third=to.leg_id, mode=mode)
        self._transfers[leg_id] = transfer
        self._served[to.leg_id] = leg_id
        self._lines.emit_later(patient, LegEventKind.TRANSFER_BEGUN, to=to.leg_id, mode=mode.value)
        self._lines.later(agent, lambda: self._take(transfer, steps_at_begin(transfer)))

    def end(self, leg_id: LegId, ending: TransferEnding) -> None:
        """End it as the agent says."""
        patient = self._lines.up(leg_id)
        transfer = self._transfers.get(leg_id)
        if transfer is None:
            raise RejectedError(f"leg {leg_id} is not being passed on: there is no transfer to end")
        steps = steps_at_command(transfer, ending)
        self._lines.later(patient, lambda: self._take_if_current(transfer, steps))

    def serve(self, leg: OutboundLeg) -> None:
        """A third party dialed without a transfer is there for somebody all the same."""
        patient = leg.join_leg or leg.beside_leg
        if leg.role is LegRole.THIRD_PARTY and patient is not None:
            self._served[leg.leg_id] = patient

    def refuse_during(self, *leg_ids: LegId) -> None:
        """RejectedError while one of the legs takes part in a transfer."""
        for leg_id in leg_ids:
            if any(transfer.concerns(leg_id) for transfer in self._transfers.values()):
                raise RejectedError(f"leg {leg_id} takes part in a transfer: end that first")

    def under_way(self, leg_id: LegId) -> bool:
        """Whether the patient is being passed on."""
        return leg_id in self._transfers or leg_id in self._changing

    def leg_going(self, leg: LoopbackLeg, cause: Cause) -> None:
        """A leg is ending."""
        for transfer in list(self._transfers.values()):
            if transfer.concerns(leg.leg_id):
                self._take(transfer, steps_at_loss(transfer, leg.leg_id, cause.end_reason.value))
        for third, patient in self._served.items():
            if patient == leg.leg_id:
                self._hang_up(third)

    def _answered(self, leg: LoopbackLeg) -> None:
        for patient, transfer in list(self._transfers.items()):
            if transfer.third == leg.leg_id:
                answered = Transfer(
                    patient=patient,
                    headset=transfer.headset,
                    third=transfer.third,
                    mode=transfer.mode,
                    third_answered=True,
                )
                self._transfers[patient] = answered
                self._take(answered, steps_at_answer(answered))

    def _take_if_current(self, transfer: Transfer, steps: list[TransferStep]) -> None:
        if self._transfers.get(transfer.patient) is transfer:
            self._take(transfer, steps)

    def _take(self, transfer: Transfer, steps: list[TransferStep]) -> None:
        self._changing.add(transfer.patient)
        for step in steps:
            self._do(transfer, step)
        self._changing.discard(transfer.patient)
        self._lines.tell_parted()

    def _do(self, transfer: Transfer, step: TransferStep) -> None:
        lines = self._lines
        match step:
            case Join():
                one, two = lines.up_or_none(step.leg_id), lines.up_or_none(step.other)
                if one is not None and two is not None:
                    lines.join(one, two)
            case Part():
                lines.part(lines.legs[step.leg_id], lines.legs[step.other])
            case HangUpThird():
                self._hang_up(step.leg_id)
            case TransferOver():
                del self._transfers[transfer.patient]
                values = {"to": transfer.third, "ending": step.ending.value}
                reason = {"reason": step.reason} if step.reason else {}
                lines.emit(lines.legs[transfer.patient], LegEventKind.TRANSFER_ENDED, **values, **reason)

    def _hang_up(self, leg_id: LegId) -> None:
        leg = self._lines.legs[leg_id]
        if leg.phase is not LegPhase.ENDED and leg.ending is None:
            cause = cause_of_our_hang_up(EndReason.HANG_UP, answered=leg.up, with_agent=leg.met_agent)
            leg.ending = cause
            self._lines.later(leg, lambda: self._lines.end(leg, cause))


class LoopbackMonitorings:
    """Every supervisor who follows a conversation."""

    def __init__(self, lines: LoopbackLines, transfers: LoopbackTransfers) -> None:
        self._lines = lines
        self._transfers = transfers
        self._monitorings: dict[LegId, Monitoring] = {}
        lines.parted.append(self._conversations_changed)
        transfers.taken_over = self._taken_over

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        """Follow it, or follow it in another way."""
        supervisor, patient = self._lines.up(leg_id), self._lines.up(other)
        before = self._monitorings.get(leg_id)
        if before is not None and before.patient != other:
            raise RejectedError(f"leg {leg_id} follows another conversation: stop monitoring that first")
        if before is not None and before.mode is mode:
            raise RejectedError(f"leg {leg_id} is in mode {mode.value} already")
        if before is None:
            roles = self._joined_roles(patient)
            refuse_unmonitorable(leg_id, supervisor.leg.role, other, patient.leg.role, roles)
        agent = before.agent if before is not None else self._agent_of(patient)
        self._monitorings[leg_id] = Monitoring(supervisor=leg_id, patient=other, agent=agent, mode=mode)
        self._lines.emit_later(supervisor, LegEventKind.MONITORED, of=other, mode=mode.value)

    def stop(self, leg_id: LegId) -> None:
        """Leave the conversation."""
        supervisor = self._lines.up(leg_id)
        if leg_id not in self._monitorings:
            raise RejectedError(f"leg {leg_id} does not monitor anything")
        monitoring = self._monitorings.pop(leg_id)
        self._lines.emit_later(supervisor, LegEventKind.UNMONITORED, of=monitoring.patient)

    def of(self, leg_id: LegId) -> Monitoring | None:
        """What the supervisor's leg follows."""
        return self._monitorings.get(leg_id)

    def _taken_over(self, patient: LegId) -> bool:
        followed = [monitoring for monitoring in self._monitorings.values() if monitoring.patient == patient]
        return any(monitoring.mode is MonitorMode.TAKE_OVER for monitoring in followed)

    def _joined_roles(self, patient: LoopbackLeg) -> set[LegRole]:
        return {self._lines.legs[other].leg.role for other in patient.partners}

    def _agent_of(self, patient: LoopbackLeg) -> LegId:
        return next(other for other in sorted(patient.partners) if self._lines.legs[other].leg.role in AGENT_ENDS)

    def _conversations_changed(self) -> None:
        for monitoring in list(self._monitorings.values()):
            patient, supervisor = self._lines.legs[monitoring.patient], self._lines.legs[monitoring.supervisor]
            lasts = patient.phase is not LegPhase.ENDED and conversation_lasts(
                monitoring.mode,
                joined_roles=self._joined_roles(patient),
                in_transfer=self._transfers.under_way(monitoring.patient),
            )
            if supervisor.phase is LegPhase.ENDED or not lasts:
                del self._monitorings[monitoring.supervisor]
                if supervisor.phase is not LegPhase.ENDED:
                    self._lines.emit(supervisor, LegEventKind.UNMONITORED, of=monitoring.patient)
