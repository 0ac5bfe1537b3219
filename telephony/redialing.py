"""A second trunk for the same attempt, when the first one refused before anything can have rung (docs/adr/0017)."""

from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, CauseCode, LegId, Party
from followup.events import DomainEvent, EventKind
from followup.queues import HeadsetState
from runtime.identifiers import new_id
from telephony.call_control import LegEvent
from telephony.call_moves import patient_leg_of
from telephony.effects import Effect, RedialPatient
from telephony.failover import EndedLeg, may_fail_over
from telephony.patient_dialing import PatientDialing
from telephony.trunk_taking import NoTrunk


class Redialing:
    """Decides at the end of a patient's leg whether another trunk takes the call."""

    def __init__(self, dialing: PatientDialing) -> None:
        self._dialing = dialing

    def second_try(self, uow: UnitOfWork, call: Call, event: LegEvent) -> list[Effect]:
        """What dials the call over another trunk, the new leg's row being written; nothing when the call is over."""
        refused = patient_leg_of(call)
        terms = self._dialing.trunks.named(refused.trunk or "")
        if (
            terms is None
            or call.state is not CallState.DIALING
            or not may_fail_over(
                EndedLeg(
                    trunk=terms.name,
                    sip_status=int(event.values.get("sip_status") or 0),
                    unrung=event.values.get("unrung") is True,
                    answered=call.answered_at is not None,
                    ended_by_us=event.values.get("party") in (Party.US, Party.AGENT),
                ),
                terms.failover_statuses,
            )
        ):
            return []
        headset = self._headset(uow, call)
        if call.agent_id is not None and headset is None:
            return []
        dial = self._dialing.prepare_again(uow, call, leg_id=LegId(new_id()), headset=headset)
        if isinstance(dial, NoTrunk):
            return []
        refused.ended_at = event.occurred_at
        refused.cause = CauseCode(str(event.values["cause"]))
        uow.emit(
            DomainEvent(
                kind=EventKind.TRUNK_FAILED_OVER,
                subject=call.id,
                ids={"attempt": call.attempt_id, "from": terms.name, "to": dial.line.name},
            )
        )
        return [RedialPatient(leg_id=dial.leg.leg_id, leg=dial.leg, line=dial.line)]

    def _headset(self, uow: UnitOfWork, call: Call) -> LegId | None:
        agent = uow.queues.agent(call.agent_id) if call.agent_id else None
        if agent is None or agent.headset_state is not HeadsetState.UP or agent.headset_leg_id is None:
            return None
        return LegId(agent.headset_leg_id)
