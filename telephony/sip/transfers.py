"""Transfers in a worker: a patient passed on by bridging, never by REFER, so that recording and control stay ours."""

from dataclasses import replace

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    CallControlError,
    EventValue,
    LegEventKind,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
)
from telephony.causes import Cause
from telephony.sip.bridges import Bridges
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg
from telephony.sip.leg_life import LegLife
from telephony.sip.leg_table import LegTable
from telephony.sip.media import Conference
from telephony.sip.monitoring import Monitorings
from telephony.sip.wire import Transfer as TransferRequest
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


class Transfers:
    """Every transfer under way, by its patient; and the third parties, who leave when their patient does."""

    def __init__(
        self,
        *,
        legs: LegTable,
        life: LegLife,
        bridges: Bridges,
        conference: Conference,
        monitorings: Monitorings,
        book: EventBook,
    ) -> None:
        self._legs = legs
        self._life = life
        self._bridges = bridges
        self._conference = conference
        self._monitorings = monitorings
        self._book = book
        self._transfers: dict[LegId, Transfer] = {}
        self._served: dict[LegId, LegId] = {}
        life.answered.append(self._answered)
        life.going.append(self._going)

    def begin(self, request: TransferRequest) -> None:
        """Dial the third party; the patient waits, with music when there is some."""
        patient, headset, to = self._legs.up(request.leg_id), self._legs.up(request.headset), request.to
        self.refuse_during(patient, headset)
        if patient.outbound.role is not LegRole.PATIENT or to.role not in TO_WHOM:
            raise RejectedError("a patient's leg is passed on to a leg with the role third_party or internal")
        if not self._bridges.joined(patient, headset):
            raise RejectedError(f"legs {patient.leg_id} and {headset.leg_id} are not bridged: nothing to pass on")
        if to.join_leg is not None:
            raise RejectedError("the third party of a transfer is joined by the transfer: leave join_leg out")
        if patient.held_by_us or patient.reinvite is not None:
            raise RejectedError(f"leg {patient.leg_id} is on hold: resume it, then pass it on")
        if self._monitorings.mode_of(patient.leg_id) is MonitorMode.TAKE_OVER:
            raise RejectedError("a supervisor has taken this conversation over: only she can end that")
        self._conference.let_wait(patient.leg_id, request.music)
        try:
            third = self._life.dial(to, request.trunk)
        except CallControlError:
            self._conference.stop_waiting(patient.leg_id)
            raise
        transfer = Transfer(patient=patient.leg_id, headset=headset.leg_id, third=to.leg_id, mode=request.mode)
        self._transfers[patient.leg_id] = transfer
        self._served[to.leg_id] = patient.leg_id
        self._book.say(patient.leg_id, LegEventKind.TRANSFER_BEGUN, {"to": to.leg_id, "mode": request.mode})
        self._take(transfer, steps_at_begin(transfer))
        if third.ended_cause is not None:  # the INVITE could not even be sent
            self._take(transfer, steps_at_loss(transfer, third.leg_id, third.ended_cause.end_reason))

    def end(self, leg: Leg, ending: TransferEnding) -> None:
        """End it as the agent says."""
        transfer = self._transfers.get(leg.leg_id)
        if transfer is None:
            raise RejectedError(f"leg {leg.leg_id} is not being passed on: there is no transfer to end")
        self._take(transfer, steps_at_command(transfer, ending))

    def serve(self, outbound: OutboundLeg) -> None:
        """A third party dialed without a transfer is there for somebody all the same."""
        patient = outbound.join_leg or outbound.beside_leg
        if outbound.role is LegRole.THIRD_PARTY and patient is not None:
            self._served[outbound.leg_id] = patient

    def refuse_during(self, *legs: Leg) -> None:
        """RejectedError while one of the legs takes part in a transfer."""
        for leg in legs:
            if any(transfer.concerns(leg.leg_id) for transfer in self._transfers.values()):
                raise RejectedError(f"leg {leg.leg_id} takes part in a transfer: end that first")

    def under_way(self, patient: LegId) -> bool:
        """Whether this patient is being passed on."""
        return patient in self._transfers

    def _answered(self, leg: Leg) -> None:
        for patient, transfer in list(self._transfers.items()):
            if transfer.third == leg.leg_id:
                self._transfers[patient] = replace(transfer, third_answered=True)
                self._take(self._transfers[patient], steps_at_answer(transfer))

    def _going(self, leg: Leg, cause: Cause) -> None:
        for transfer in list(self._transfers.values()):
            if transfer.concerns(leg.leg_id):
                self._take(transfer, steps_at_loss(transfer, leg.leg_id, cause.end_reason))
        for third in [third for third, patient in self._served.items() if patient == leg.leg_id]:
            del self._served[third]
            self._life.hang_up(third, EndReason.HANG_UP)
        self._served.pop(leg.leg_id, None)

    def _take(self, transfer: Transfer, steps: list[TransferStep]) -> None:
        with self._monitorings.undisturbed():
            for step in steps:
                self._do(transfer, step)

    def _do(self, transfer: Transfer, step: TransferStep) -> None:
        match step:
            case Join():
                one, two = self._legs.up_or_none(step.leg_id), self._legs.up_or_none(step.other)
                if one is not None and two is not None:
                    self._bridges.join(one, two)
            case Part():
                self._bridges.part_if_joined(self._legs[step.leg_id], self._legs[step.other])
            case HangUpThird():
                self._life.hang_up(step.leg_id, EndReason.HANG_UP)
            case TransferOver():
                del self._transfers[transfer.patient]
                values: dict[str, EventValue] = {"to": transfer.third, "ending": step.ending}
                if step.reason:
                    values["reason"] = step.reason
                self._book.say(transfer.patient, LegEventKind.TRANSFER_ENDED, values)
                if step.ending is TransferEnding.HAND_OVER:
                    self._let_line_go(transfer.headset)

    def _let_line_go(self, headset: LegId) -> None:
        leg = self._legs.get(headset)
        if leg is not None and leg.outbound.role is LegRole.INTERNAL:
            self._life.hang_up(headset, EndReason.HANG_UP)  # the headset itself is up in another worker
