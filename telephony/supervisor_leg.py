"""A supervisor's leg: rung beside the patient's, let in at its answer, and every second of it on record."""

from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, EndReason, Leg
from followup.events import DomainEvent, EventKind
from followup.supervision import (
    Stretch,
    Supervision,
    SupervisionMode,
    SupervisionState,
    SupervisionTrigger,
    is_shown,
    next_supervision_state,
)
from runtime.identifiers import new_id
from telephony.being_alone import left_alone
from telephony.call_control import LegEvent, LegEventKind, MonitorMode
from telephony.call_moves import LateEventError, patient_leg_of, tell_of_call
from telephony.effects import Effect, HangUpLeg, MonitorLeg

OVER = "the conversation is over"


def supervisor_event(uow: UnitOfWork, call: Call, leg: Leg, event: LegEvent) -> list[Effect]:
    """Apply one event of a supervisor's leg."""
    supervision = uow.supervisions.of_leg(leg.id)
    if supervision is None:
        raise LateEventError("no supervision has this leg")
    match event.kind:
        case LegEventKind.ANSWERED:
            leg.answered_at = event.occurred_at
            return _answered(call, supervision)
        case LegEventKind.MONITORED:
            _monitored(uow, call, supervision, event)
            return []
        case LegEventKind.UNMONITORED:
            if supervision.state is SupervisionState.ENDED:
                raise LateEventError("the supervision is over")
            end_supervision(uow, call, supervision, at=event.occurred_at, because=OVER)
            return [HangUpLeg(leg_id=leg.id, reason=EndReason.HANG_UP), *left_alone(uow, call)]
        case LegEventKind.ENDED:
            leg.ended_at = event.occurred_at
            reason = str(event.values.get("end_reason", ""))
            end_supervision(uow, call, supervision, at=event.occurred_at, because=_words(reason, leg.answered_at))
            return left_alone(uow, call)
        case _:
            return []


def end_supervision(uow: UnitOfWork, call: Call, supervision: Supervision, *, at: datetime, because: str) -> None:
    """Close the visit and its open stretch; nothing where it is over already."""
    if supervision.state is SupervisionState.ENDED:
        return
    stretch = uow.supervisions.open_stretch(supervision.id)
    if stretch is not None:
        _close(uow, call, stretch, at)
    supervision.state = next_supervision_state(supervision.state, SupervisionTrigger.END)
    supervision.ended_at = at
    supervision.ended_because = supervision.ended_because or because
    _audit(uow, call, supervision, "supervision_ended", because=supervision.ended_because, at=at.isoformat())
    _tell(uow, call, supervision)


def refuse_supervision(uow: UnitOfWork, supervision: Supervision, reason: str) -> None:
    """The line or the node could not let her in: the visit ends with the reason."""
    call = uow.calls.for_update(supervision.call_id)
    if call is not None:
        end_supervision(uow, call, supervision, at=uow.now, because=reason[:200])


def _answered(call: Call, supervision: Supervision) -> list[Effect]:
    if call.state is CallState.ENDED or supervision.state is SupervisionState.ENDED:
        return [HangUpLeg(leg_id=supervision.leg_id, reason=EndReason.HANG_UP)]
    return [
        MonitorLeg(leg_id=supervision.leg_id, other=patient_leg_of(call).id, mode=MonitorMode(supervision.mode.value))
    ]


def _monitored(uow: UnitOfWork, call: Call, supervision: Supervision, event: LegEvent) -> None:
    supervision.state = next_supervision_state(supervision.state, SupervisionTrigger.MONITOR)
    supervision.mode = SupervisionMode(str(event.values["mode"]))
    before = uow.supervisions.open_stretch(supervision.id)
    if before is not None:
        _close(uow, call, before, event.occurred_at)
        uow.flush()  # the database allows one open stretch
    uow.supervisions.begin_stretch(
        Stretch(
            id=new_id(),
            supervision_id=supervision.id,
            call_id=call.id,
            supervisor_id=supervision.supervisor_id,
            mode=supervision.mode,
            reason=supervision.reason,
            began_at=event.occurred_at,
        )
    )
    since = event.occurred_at.isoformat()
    _audit(uow, call, supervision, "supervision_mode", **{"from": since})
    _tell(uow, call, supervision, before.mode if before is not None else None)


def _close(uow: UnitOfWork, call: Call, stretch: Stretch, at: datetime) -> None:
    stretch.ended_at = max(at, stretch.began_at)
    uow.audit.note(
        user_id=stretch.supervisor_id,
        action="supervision_stretch",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={
            "supervision": stretch.supervision_id,
            "agent": call.agent_id,
            "mode": stretch.mode.value,
            "reason": stretch.reason.value,
            "from": stretch.began_at.isoformat(),
            "to": stretch.ended_at.isoformat(),
        },
    )


def _audit(uow: UnitOfWork, call: Call, supervision: Supervision, action: str, **more: str) -> None:
    uow.audit.note(
        user_id=supervision.supervisor_id,
        action=action,
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={
            "supervision": supervision.id,
            "agent": call.agent_id,
            "mode": supervision.mode.value,
            "reason": supervision.reason.value,
            **more,
        },
    )


def _tell(uow: UnitOfWork, call: Call, supervision: Supervision, before: SupervisionMode | None = None) -> None:
    """Overseers always hear of it; the call's own event, which its agent hears too, goes by the queue's policy."""
    uow.emit(
        DomainEvent(
            kind=EventKind.SUPERVISION_CHANGED,
            subject=supervision.id,
            ids={"call": call.id, "supervisor": supervision.supervisor_id, "state": supervision.state.value},
        )
    )
    queue = uow.queues.get(call.queue_id)
    modes = [supervision.mode, *([before] if before is not None else [])]
    if queue is not None and any(is_shown(queue.supervision_shown, mode) for mode in modes):
        tell_of_call(uow, call)


def _words(reason: str, answered_at: datetime | None) -> str:
    if answered_at is not None:
        return "the supervisor's line has ended"
    return f"the supervisor's telephone was not answered ({reason})"
