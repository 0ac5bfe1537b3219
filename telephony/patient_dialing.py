"""Dialing a patient: which trunk, as whom, how the number is written, and what is put down about it beforehand."""

from dataclasses import dataclass
from pathlib import Path

from db.unit_of_work import UnitOfWork
from followup.calls import Call, Leg, LegId, LegRole
from runtime.trunks_file import Purpose
from telephony.call_control import OutboundLeg, Trunk
from telephony.call_moves import patient_leg_of
from telephony.trunk_taking import NoTrunk, TakenTrunk, TrunkTaking
from telephony.trunks import Trunks


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDial:
    """What call control is to be asked for."""

    leg: OutboundLeg
    line: Trunk


class PatientDialing:
    """Prepares legs to patients inside the transaction that dials them."""

    def __init__(self, *, trunks: Trunks, ring_seconds: float, spool: Path) -> None:
        self.trunks = trunks
        self._taking = TrunkTaking(trunks)
        self._ring_seconds = ring_seconds
        self._spool = spool

    def prepare(self, uow: UnitOfWork, call: Call, *, headset: LegId | None) -> PatientDial | NoTrunk:
        """Take a trunk for the call's first leg; nothing is changed when there is none."""
        taken = self._take(uow, call)
        return taken if isinstance(taken, NoTrunk) else self._dial(uow, call, patient_leg_of(call), taken, headset)

    def prepare_again(
        self, uow: UnitOfWork, call: Call, *, leg_id: LegId, headset: LegId | None
    ) -> PatientDial | NoTrunk:
        """Take another trunk than those that refused, for a new leg in the place of the one that has ended."""
        refused = patient_leg_of(call)
        tried = [leg.trunk for leg in call.legs if leg.role is LegRole.PATIENT and leg.trunk is not None]
        taken = self._take(uow, call, tried)
        if isinstance(taken, NoTrunk):
            return taken
        leg = Leg(id=leg_id, call_id=call.id, role=LegRole.PATIENT, replaces=refused.id)
        call.legs.append(leg)
        return self._dial(uow, call, leg, taken, headset)

    def _take(self, uow: UnitOfWork, call: Call, besides: list[str] | None = None) -> TakenTrunk | NoTrunk:
        queue = uow.queues.get(call.queue_id)
        return self._taking.take(
            uow,
            node=call.node,
            purpose=Purpose.PATIENTS,
            number=call.number,
            queue=queue.name if queue else "",
            department=uow.trunks.department_of_attempt(call.attempt_id) or "",
            besides=besides or [],
        )

    def _dial(self, uow: UnitOfWork, call: Call, leg: Leg, taken: TakenTrunk, headset: LegId | None) -> PatientDial:
        leg.trunk, leg.caller_id = taken.terms.name, taken.line.caller_id or None
        call.trunk = taken.terms.name
        queue = uow.queues.get(call.queue_id)
        ring_seconds = min(float(queue.ring_seconds), self._ring_seconds) if queue else self._ring_seconds
        return PatientDial(
            leg=OutboundLeg(
                leg_id=leg.id,
                attempt_id=call.attempt_id,
                role=LegRole.PATIENT,
                number=taken.number,
                ring_seconds=ring_seconds,
                join_leg=headset,
                recording_folder=self._spool / call.id if call.recorded else None,
                screened=call.screened,
                replaces=leg.replaces,
            ),
            line=taken.line,
        )
