"""Whatever stalled: every state has a limit here and a remedy that is logged. Nothing is ever dialed by repair alone.

Locks are taken in the telephony node's order (command, call, attempt, agent), so that neither waits for the other.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from celery import Celery

from db.attempts import RESERVATION_LIMIT
from db.calls import CallCommand, CommandState
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import Attempt, AttemptState
from followup.calls import Call, CallState, CallTrigger, EndReason, Party, next_call_state
from followup.closing import begin_wrap_up, close_attempt, move_agent
from followup.dialing_rules import Profile
from followup.events import DomainEvent, EventKind
from followup.inbound import InboundReason, end_caller
from followup.outcomes import AttemptOutcome
from followup.plans import TaskState, TaskTrigger, next_task_state
from followup.queues import IDLE_AGENT_STATES, AgentState, AgentTrigger
from followup.recordings import Recording, RecordingState, RecordingTrigger, next_recording_state
from followup.retention import KeepingPolicy
from followup.supervision import SupervisionTrigger, next_supervision_state
from followup.transfers import TransferTrigger, next_transfer_state
from runtime.live_events import LiveStream
from runtime.task_queue import QUEUE, SPEECH_QUEUE
from scheduler import alert_clock, due, following
from scheduler.alert_clock import AlertDesk
from scheduler.caller_id_watch import raise_alarms
from scheduler.following import PlanDesk
from scheduler.outcomes import AttemptPolicies
from scheduler.task_steps import ask_for_a_person, hold_for_a_person
from scheduler.tasks import DECIDE_NEXT

log = structlog.get_logger(__name__)

RING_MARGIN = timedelta(seconds=30)
NODE_LOST = timedelta(minutes=10)
"""A node's workers hang up a minute after their node died; so long after that no call of it is up any more."""

DECISION_LIMIT = timedelta(seconds=30)
NOTE_LIMIT = timedelta(minutes=2)
RECORDING_LIMIT = timedelta(seconds=60)
AGENT_SILENT = timedelta(seconds=30)
WRAP_UP_LIMIT = timedelta(minutes=15)
ANSWERS_KEPT = timedelta(hours=24)
EVENTS_KEPT = timedelta(days=30)
CALLERS_SOUND_KEPT = timedelta(days=30)
MESSAGE_LIMIT = timedelta(minutes=2)
MESSAGE_LOST = timedelta(hours=1)
"""Behind a long row of messages a recording may wait for an hour; after that its message counts as lost."""

_WAV = "*.wav"
DRAFT_NOTE = "transcription.draft_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What the repairs work with, and what they remember while this scheduler leads."""

    units_of_work: UnitsOfWork
    task_queue: Celery
    live: LiveStream
    policies: AttemptPolicies
    ring: timedelta
    profile: Profile | None = None  # the hours in which anybody is called; None: no window is watched
    zone: str = "Asia/Shanghai"  # the hospital's, whose days are counted
    alert_desk: AlertDesk | None = None
    plan_desk: PlanDesk | None = None
    keeping: KeepingPolicy | None = None  # None: nothing is said of how long recordings are kept
    sent_again: dict[tuple[str, str], datetime] = field(default_factory=dict)
    silent_nodes: dict[str, datetime] = field(default_factory=dict)


def close_past_windows(repairs: Repairs) -> int:
    """Tasks whose window has closed."""
    closed = 0
    while True:
        with repairs.units_of_work() as uow:
            count = due.close_past_windows(uow, policies=repairs.policies, now=uow.now)
            uow.commit()
        closed += count
        if count < due.LOOKED_AT_ONCE:
            return closed


def tell_of_alerts(repairs: Repairs) -> int:
    """Alerts that nobody has acknowledged: whoever is to be told by now is told; nothing of it is a repair."""
    if repairs.alert_desk is None:
        return 0
    while True:
        with repairs.units_of_work() as uow:
            seen = alert_clock.take_due_steps(uow, repairs.alert_desk, now=uow.now)
            uow.commit()
        if seen < alert_clock.LOOKED_AT_ONCE:
            return 0


def follow_closed_tasks(repairs: Repairs) -> int:
    """Tasks of plans that are over: what comes again is planned. No repair, so nothing is counted as one."""
    if repairs.plan_desk is None:
        return 0
    while True:
        with repairs.units_of_work() as uow:
            count = following.follow_closed_tasks(uow, desk=repairs.plan_desk, now=uow.now)
            uow.commit()
        if count < following.FOLLOWED_AT_ONCE:
            return 0


def watch_caller_ids(repairs: Repairs) -> int:
    """Numbers that are answered far less than they used to be: the alarms raised now."""
    with repairs.units_of_work() as uow:
        raised = raise_alarms(uow, zone=repairs.zone)
        uow.commit()
    return raised


def release_unsent_attempts(repairs: Repairs) -> int:
    """Attempts reserved too long for which it is certain that nothing was sent: closed, so that the next is decided."""
    with repairs.units_of_work() as uow:
        waiting = [attempt.id for attempt in uow.attempts.without_a_call(uow.now - RESERVATION_LIMIT)]
    released = 0
    for attempt_id in waiting:
        with repairs.units_of_work() as uow:
            released += _release_unsent(uow, attempt_id)
            uow.commit()
    return released


def _release_unsent(uow: UnitOfWork, attempt_id: str) -> bool:
    planned = uow.calls.of_attempt(attempt_id)
    dial = _dial_command(uow, planned) if planned else None
    call = uow.calls.for_update(planned.id) if planned else None
    attempt = uow.attempts.for_update(attempt_id)
    if attempt is None or attempt.state is not AttemptState.RESERVED:
        return False
    if call is not None and (call.state is not CallState.PLANNED or not _certainly_unsent(dial, uow.now)):
        return False
    if dial is not None and dial.state is CommandState.PENDING:
        dial.state, dial.reason = CommandState.REFUSED, "no telephony node took the command in time"
    if call is not None:
        _end(uow, call, EndReason.CANCELLED)
    _close(uow, attempt)
    log.warning("unsent_attempt_released", attempt=attempt.id, call=call.id if call else None)
    return True


def _dial_command(uow: UnitOfWork, call: Call) -> CallCommand | None:
    ids = [command.id for command in uow.calls.commands_for(call.id) if command.verb == "dial"]
    return uow.calls.command_for_update(ids[-1]) if ids else None


def _certainly_unsent(dial: CallCommand | None, now: datetime) -> bool:
    """A command once accepted may have reached the line, whatever became of it: only the node's journal knows."""
    if dial is None or dial.state is CommandState.REFUSED:
        return True
    return dial.state is CommandState.PENDING and now > dial.deadline


def ask_about_silent_calls(repairs: Repairs) -> int:
    """Calls neither answered nor ended when they should have been: their node is asked to look into its journals."""
    with repairs.units_of_work() as uow:
        stalled = uow.calls.stalled(dialing_before=uow.now - repairs.ring - RING_MARGIN)
        for call in stalled:
            uow.calls.command(
                CallCommand(
                    node=call.node,
                    verb="report",
                    subject=call.id,
                    idempotency_key=f"report:{call.id}:{uow.now:%Y%m%d%H%M}",
                    deadline=uow.now + timedelta(minutes=1),
                    created_at=uow.now,
                )
            )
            log.warning("call_asked_about", call=call.id, state=call.state.value, node=call.node)
        uow.commit()
    return len(stalled)


def end_calls_of_lost_nodes(repairs: Repairs) -> int:
    """Calls of a node not heard for NODE_LOST: they end, and a person decides whether the patient is called again."""
    with repairs.units_of_work() as uow:
        nodes = uow.calls.living_nodes(datetime.fromtimestamp(0, UTC))
        now = uow.now
    for node in nodes:
        if now - node.heartbeat_at < RECORDING_LIMIT:
            repairs.silent_nodes.pop(node.name, None)
        else:
            # Counted from when this leader first saw it silent: a node that stopped in order says no time.
            repairs.silent_nodes.setdefault(node.name, now)
    ended = 0
    for name, since in repairs.silent_nodes.items():
        if now - since < NODE_LOST:
            continue
        with repairs.units_of_work() as uow:
            left = [call.id for call in uow.calls.live_on(name)]
        for call_id in left:
            with repairs.units_of_work() as uow:
                ended += _end_lost(uow, call_id)
                uow.commit()
        with repairs.units_of_work() as uow:
            ended += _end_lost_callers(uow, name)
            uow.commit()
    return ended


def _end_lost_callers(uow: UnitOfWork, node: str) -> int:
    callers = uow.inbound.live_on(node)
    for caller in callers:
        agent = uow.queues.agent_for_update(caller.agent_id) if caller.agent_id else None
        for event in end_caller(caller, agent, reason=InboundReason.LOST, at=uow.now, now=uow.now):
            uow.emit(event)
        log.error("caller_of_lost_node_ended", inbound=caller.id, node=node)
    return len(callers)


def _end_lost(uow: UnitOfWork, call_id: str) -> bool:
    call = uow.calls.for_update(call_id)
    if call is None or call.state is CallState.ENDED:
        return False
    attempt = uow.attempts.for_update(call.attempt_id)
    _end(uow, call, EndReason.WORKER_LOST)
    log.error("call_of_lost_node_ended", call=call.id, attempt=call.attempt_id, node=call.node)
    if attempt is None or attempt.state is AttemptState.CLOSED:
        return True
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    if call.answered_at is not None and agent is not None:
        for event in begin_wrap_up(attempt, agent, now=uow.now):
            uow.emit(event)
        return True
    _close(uow, attempt)
    # The phone may have rung, so what is next is not for a machine to say.
    attempt.decided_at = uow.now
    for task_id in uow.attempts.tasks_of(attempt.id):
        task = uow.plans.task_for_update(task_id)
        if task is not None and task.state is TaskState.IN_PROGRESS:
            task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
            ask_for_a_person(uow, task, look_again_at=task.latest_at + timedelta(seconds=1))
    return True


def _end(uow: UnitOfWork, call: Call, reason: EndReason) -> None:
    call.state = next_call_state(call.state, CallTrigger.END)
    call.end_reason, call.party, call.ended_at = reason, Party.US, uow.now
    for leg in call.legs:
        leg.ended_at = leg.ended_at or uow.now
    _end_company(uow, call)
    uow.emit(DomainEvent(kind=EventKind.CALL_ENDED, subject=call.id, ids={"attempt": call.attempt_id}))


def _end_company(uow: UnitOfWork, call: Call) -> None:
    """Whoever was in the call beside its agent is out with it."""
    transfer = uow.transfers.live_of_call(call.id)
    if transfer is not None:
        transfer.state = next_transfer_state(transfer.state, TransferTrigger.END)
        transfer.ended_at, transfer.reason = uow.now, "the call was lost"
    supervision = uow.supervisions.live_of_call(call.id)
    if supervision is not None:
        stretch = uow.supervisions.open_stretch(supervision.id)
        if stretch is not None:
            stretch.ended_at = uow.now
        supervision.state = next_supervision_state(supervision.state, SupervisionTrigger.END)
        supervision.ended_at, supervision.ended_because = uow.now, "the call was lost"


def _close(uow: UnitOfWork, attempt: Attempt) -> None:
    agent = uow.queues.agent_for_update(attempt.agent_id) if attempt.agent_id else None
    for event in close_attempt(
        attempt, agent, outcome=AttemptOutcome.CALLER_ABANDONED, task_result=None, by=None, now=uow.now
    ):
        uow.emit(event)


def decide_forgotten_attempts(repairs: Repairs) -> int:
    """Closed attempts after which nothing was decided: the message is sent again."""
    with repairs.units_of_work() as uow:
        now, undecided = uow.now, uow.attempts.undecided(uow.now - DECISION_LIMIT)
    return sum(_send_again(repairs, DECIDE_NEXT, attempt_id, now, rest=MESSAGE_LIMIT) for attempt_id in undecided)


def draft_forgotten_notes(repairs: Repairs) -> int:
    """Attempts closed a while ago that no note tells of: the message is sent again."""
    with repairs.units_of_work() as uow:
        now, untold = uow.now, uow.notes.missing_for_attempts(before=uow.now - NOTE_LIMIT)
    return sum(_send_again(repairs, DRAFT_NOTE, attempt_id, now, rest=MESSAGE_LIMIT) for attempt_id in untold)


def send_recordings_again(repairs: Repairs) -> int:
    """Recordings that wait for ingest or transcription while no message can be on its way any more."""
    return _send_stuck(repairs, RecordingState.CAPTURED, "recordings.ingest", QUEUE) + _send_stuck(
        repairs, RecordingState.STORED, "transcription.transcribe", SPEECH_QUEUE
    )


def _send_stuck(repairs: Repairs, state: RecordingState, task: str, queue: str) -> int:
    with repairs.units_of_work() as uow:
        now, stuck = uow.now, uow.recordings.unfinished(state, uow.now - MESSAGE_LIMIT)
    if not stuck:
        return 0
    idle = _nothing_under_way(repairs.task_queue, queue)
    lost = [recording for recording in stuck if idle or now - _begun(recording, now) > MESSAGE_LOST]
    return sum(_send_again(repairs, task, recording.id, now, rest=MESSAGE_LOST) for recording in lost)


def _begun(recording: Recording, now: datetime) -> datetime:
    return recording.started_at or now


def _nothing_under_way(task_queue: Celery, queue: str) -> bool:
    """True if the broker holds no message of this queue and none that any worker has in hand."""
    with task_queue.connection_for_read() as connection:
        channel = connection.default_channel
        return not channel.client.llen(queue) and not channel.client.hlen(channel.unacked_key)


def _send_again(repairs: Repairs, task: str, subject: str, now: datetime, *, rest: timedelta) -> bool:
    last = repairs.sent_again.get((task, subject))
    if last is not None and now - last < rest:
        return False
    repairs.task_queue.send_task(task, args=[subject], retry=False)
    repairs.sent_again[(task, subject)] = now
    for key in [key for key, at in repairs.sent_again.items() if now - at > MESSAGE_LOST]:
        del repairs.sent_again[key]
    log.warning("task_sent_again", task=task, subject=subject)
    return True


def capture_left_recordings(repairs: Repairs) -> int:
    """Recordings still 'recording' although their call is over: captured from the spool, or failed in words."""
    with repairs.units_of_work() as uow:
        left = [recording.id for recording in uow.recordings.unfinished(RecordingState.RECORDING, uow.now)]
    captured = 0
    for recording_id in left:
        with repairs.units_of_work() as uow:
            captured += _capture_left(uow, recording_id)
            uow.commit()
    return captured


def _capture_left(uow: UnitOfWork, recording_id: str) -> bool:
    recording = uow.recordings.for_update(recording_id)
    if recording is None or recording.state is not RecordingState.RECORDING:
        return False
    call = uow.calls.get(recording.call_id)
    if call is None or call.ended_at is None or uow.now - call.ended_at < RECORDING_LIMIT:
        return False
    if recording.spool and any(Path(recording.spool).glob(_WAV)):
        recording.state = next_recording_state(recording.state, RecordingTrigger.CAPTURE)
        uow.emit(recording.event(EventKind.RECORDING_CAPTURED))
        log.warning("left_recording_captured", recording=recording.id, call=call.id)
    else:
        uow.emit(recording.fail("the call worker left no sound in the spool: it was lost before it could write"))
        log.error("recording_missing", recording=recording.id, call=call.id)
    return True


def drop_unclaimed_sound(repairs: Repairs) -> int:
    """The sound of callers who never became anybody's: kept for CALLERS_SOUND_KEPT, then destroyed and on record."""
    with repairs.units_of_work() as uow:
        unclaimed = uow.inbound.unclaimed_sound(uow.now - CALLERS_SOUND_KEPT)
        for inbound in unclaimed:
            spool, inbound.spool = Path(inbound.spool or ""), None
            for sound in spool.glob("*"):
                sound.unlink()
            if spool.is_dir():
                spool.rmdir()
            uow.audit.note(
                user_id=None,
                action="caller_sound_destroyed",
                subject_kind="inbound_call",
                subject=inbound.id,
                patient_id=inbound.patient_id,
            )
        uow.commit()
    return len(unclaimed)


def release_silent_agents(repairs: Repairs) -> int:
    """Agents whose console fell silent: idle ones go offline without a headset, busy ones when their call is over."""
    with repairs.units_of_work() as uow:
        silent = uow.queues.silent_since(uow.now - AGENT_SILENT)
        for agent in silent:
            log.warning("agent_silent", agent=agent.id, state=agent.state.value)
            if agent.state not in IDLE_AGENT_STATES:
                agent.wanted_state = AgentState.OFFLINE
                continue
            agent.headset_wanted = False
            if agent.headset_leg_id is not None and agent.headset_node is not None:
                uow.calls.command(
                    CallCommand(
                        node=agent.headset_node,
                        verb="detach_headset",
                        subject=agent.id,
                        idempotency_key=f"detach_headset:{agent.headset_leg_id}",
                        deadline=uow.now + timedelta(minutes=1),
                        created_at=uow.now,
                    )
                )
            if agent.state is not AgentState.OFFLINE:
                uow.emit(move_agent(agent, AgentTrigger.GO_OFFLINE, now=uow.now, reason="the console was not heard"))
        uow.commit()
    return len(silent)


def tell_of_forgotten_wrap_ups(repairs: Repairs) -> int:
    """Wrap-ups that nobody finishes are told of: only a person can say what came of a conversation."""
    with repairs.units_of_work() as uow:
        forgotten = uow.attempts.forgotten_wrap_ups(uow.now - WRAP_UP_LIMIT)
        for task_id in (task_id for attempt in forgotten for task_id in uow.attempts.tasks_of(attempt.id)):
            task = uow.plans.task_for_update(task_id)
            if task is not None and task.state is TaskState.IN_PROGRESS:
                # Its window may close meanwhile: it stands among what people have to look into, told once.
                hold_for_a_person(uow, task)
        uow.commit()
    for attempt in forgotten:
        log.warning("wrap_up_forgotten", attempt=attempt.id, agent=attempt.agent_id, queue=attempt.queue_id)
        ids = {"subject": attempt.id, "queue": attempt.queue_id}
        repairs.live.publish("wrap_up_forgotten", {**ids, "agent": attempt.agent_id} if attempt.agent_id else ids)
    return 0


def forget_stored_answers(repairs: Repairs) -> int:
    """Answers under idempotency keys are kept for a day."""
    with repairs.units_of_work() as uow:
        uow.users.forget_answers(uow.now - ANSWERS_KEPT)
        uow.commit()
    return 0


def forget_published_events(repairs: Repairs) -> int:
    """Published events are kept for a month, so that a fault can be traced; what they tell stays in the tables."""
    with repairs.units_of_work() as uow:
        uow.outbox.forget_published(uow.now - EVENTS_KEPT)
        uow.commit()
    return 0
