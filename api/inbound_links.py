"""Making a caller's conversation an attempt of a task: its call, recording and wrap-up are then as any other's."""

from datetime import timedelta

from api.problems import Kind, Problem
from care.patients import ContactPoint, Patient, PatientId
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptId, AttemptState
from followup.calls import Call, CallId, CallState, EndReason, Leg, LegRole, Party
from followup.events import DomainEvent, EventKind
from followup.inbound import InboundCall, InboundState
from followup.plans import Task, TaskId, TaskMode, TaskState, TaskTrigger, next_task_state
from followup.queues import Queue
from followup.recordings import Recording, RecordingState
from runtime.identifiers import new_id

NEW_TASK_WINDOW = timedelta(days=2)

_TO_QUEUED = {TaskState.PLANNED: TaskTrigger.FALL_DUE, TaskState.DUE: TaskTrigger.QUEUE}


def new_task(uow: UnitOfWork, patient: Patient, queue: Queue) -> Task:
    """A task for what the patient rang about, where nothing open is meant by it."""
    task = Task(
        id=TaskId(new_id()),
        plan_id=None,
        patient_id=PatientId(patient.id),
        queue_id=queue.id,
        purpose=queue.purpose,
        mode=TaskMode.AGENT,
        earliest_at=uow.now,
        target_at=uow.now,
        latest_at=uow.now + NEW_TASK_WINDOW,
        next_attempt_at=uow.now,
        created_at=uow.now,
    )
    uow.plans.add_task(task)
    uow.flush()
    return task


def link(uow: UnitOfWork, inbound: InboundCall, task: Task, patient: Patient) -> Attempt:
    """The caller's conversation becomes an attempt of the task, with its call and recording; a problem if it cannot."""
    _take(uow, task)
    point = _contact_point(patient, inbound.caller)
    over = inbound.state is InboundState.ENDED
    attempt = Attempt(
        id=AttemptId(new_id()),
        task_id=task.id,
        patient_id=PatientId(patient.id),
        queue_id=task.queue_id,
        agent_id=inbound.agent_id,
        contact_point_id=point.id,
        number=inbound.caller or point.number,
        ordinal=task.attempts_made + 1,
        state=AttemptState.WRAP_UP if over else AttemptState.IN_CALL,
        due_at=task.next_attempt_at,
        reserved_at=inbound.rang_at,
        wrap_up_at=inbound.ended_at if over else None,
        identity_confirmed_at=inbound.identity_confirmed_at,
        # Nobody was dialed, so there was no gate to ask; who looks for the verdict finds the reason.
        gate={"direction": "inbound", "inbound_call": inbound.id},
    )
    try:
        with uow.savepoint():
            uow.attempts.add(attempt)
            uow.flush()
    except RowRefusedError as error:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "task_id",
            "the patient has another live attempt: somebody is calling him for a task or wraps one up; try again later",
        ) from error
    agent = uow.queues.agent(inbound.agent_id) if inbound.agent_id else None
    headset = agent.headset_leg_id if agent is not None else None
    call = _call_of(inbound, attempt, over=over, joined=[headset] if headset and not over else [])
    uow.calls.add(call)
    uow.flush()
    task.attempts_made = attempt.ordinal
    task.next_action = task.next_at = None
    inbound.call_id, inbound.task_id = call.id, task.id
    if over:
        inbound.wrapped_up_at = uow.now
        uow.emit(DomainEvent(kind=EventKind.CALL_ENDED, subject=call.id, ids={"attempt": attempt.id}))
    _give_recording(uow, inbound, call, over=over)
    ids = {"attempt": attempt.id, "state": call.state.value}
    uow.emit(
        DomainEvent(
            kind=EventKind.CALL_CHANGED, subject=call.id, ids={**ids, "agent": call.agent_id} if call.agent_id else ids
        )
    )
    return attempt


def _take(uow: UnitOfWork, task: Task) -> None:
    if task.state not in (TaskState.PLANNED, TaskState.DUE, TaskState.QUEUED):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "task_id", f"the task is {task.state.value}: only one that waits can be fulfilled"
        )
    if task.earliest_at > uow.now:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "task_id",
            f"the task's window opens at {task.earliest_at.isoformat()}; without task_id one is made for this call",
        )
    while (trigger := _TO_QUEUED.get(task.state)) is not None:
        task.state = next_task_state(task.state, trigger)
    task.state = next_task_state(task.state, TaskTrigger.RESERVE)


def _contact_point(patient: Patient, caller: str | None) -> ContactPoint:
    points = sorted(patient.contact_points, key=lambda point: (point.number != caller, point.rank, point.id))
    if not points:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "patient_id", "the patient has no telephone number; enter the one he gives first"
        )
    return points[0]


def _call_of(inbound: InboundCall, attempt: Attempt, *, over: bool, joined: list[str]) -> Call:
    call_id = CallId(new_id())
    return Call(
        id=call_id,
        attempt_id=attempt.id,
        patient_id=attempt.patient_id,
        queue_id=attempt.queue_id,
        agent_id=inbound.agent_id,
        number=attempt.number,
        node=inbound.node,
        state=CallState.ENDED if over else CallState.BRIDGED,
        sip_call_id=inbound.sip_call_id,
        planned_at=inbound.rang_at,
        ringing_at=inbound.rang_at,
        answered_at=inbound.answered_at,
        bridged_at=inbound.connected_at,
        ended_at=inbound.ended_at,
        end_reason=EndReason.HANG_UP if over else None,
        party=Party.PATIENT if over else None,
        joined=joined,
        legs=[
            Leg(
                id=inbound.leg_id,
                call_id=call_id,
                role=LegRole.PATIENT,
                answered_at=inbound.answered_at,
                ended_at=inbound.ended_at,
            )
        ],
    )


def _give_recording(uow: UnitOfWork, inbound: InboundCall, call: Call, *, over: bool) -> None:
    """The sound leaves the caller's row for a recording of the call, as far as there is any."""
    if (inbound.spool is None and inbound.recording_failed is None) or inbound.recording_refused:
        return
    recording = Recording(
        id=new_id(),
        call_id=call.id,
        patient_id=call.patient_id,
        state=RecordingState.CAPTURED if over else RecordingState.RECORDING,
        spool=inbound.spool,
        started_at=inbound.recording_started_at,
    )
    uow.recordings.add(recording)
    uow.flush()
    inbound.spool = None
    if inbound.recording_failed is not None:
        uow.emit(recording.fail(inbound.recording_failed))
    elif over:
        uow.emit(recording.event(EventKind.RECORDING_CAPTURED))
