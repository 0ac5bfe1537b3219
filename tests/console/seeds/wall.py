"""A floor at work for the wall: agents in every state, calls, callers, help asked; and a day with exceptions."""

from datetime import datetime, timedelta
from itertools import cycle

from care.care_team import BrokenGlass, GlassReason
from care.consent import Purpose
from db.task_parking import park
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import Alert, AlertLevel, AlertSource, AlertState
from followup.attempts import Attempt, AttemptState
from followup.caller_ids import CallerIdDay, Fall
from followup.calls import Call, CallState, LegId
from followup.help_requests import HelpRequest
from followup.inbound import InboundCall, InboundId, InboundState
from followup.notes import Note, NoteState
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import Agent, AgentState, DialStyle, HeadsetState, Queue
from followup.recording_gaps import GapKind, GapState, RecordingGap
from followup.waiting import Lane, Place, Standing
from runtime.identifiers import new_id
from tests.integration.api.house import House
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt

NAMES = (
    "王敏", "李娜", "张伟", "刘洋", "陈静", "杨光", "赵磊", "黄丽", "周杰", "吴芳",
    "徐强", "孙悦", "胡军", "朱琳", "高翔", "林晓", "何平", "郭涛", "马超", "罗兰",
    "阿依古丽·买买提江", "欧阳震华", "Christopher Montgomery-Fitzgerald", "诸葛瑾瑜",
)  # fmt: skip
SEEN_OPEN = timedelta(hours=12)


def seed(house: House) -> None:
    """A middling floor."""
    with house.rows() as uow:
        seed_floor(uow, agents=24)
        seed_exceptions(uow)
    seed_campaigns(house)


def seed_campaigns(house: House) -> None:
    """A draft, and a campaign that runs."""
    supervisor = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        lines = a_queue(uow, name="复查提醒（自动）", mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=4)
        patients = [a_patient(uow).id for _ in range(14)]
        patients += [a_patient(uow, numbers=0).id for _ in range(2)]
        now = uow.now
    for number, name in enumerate(("十一月复诊提醒", "骨密度复查提醒（社区转介患者第二批，含需重新预约者）")):
        written = supervisor.post(
            "/campaigns",
            {
                "name": name,
                "purpose": "reminder",
                "queue_id": lines.id,
                "flow": "recheck_reminder",
                "audience": {"kind": "patients", "patient_ids": patients[8 * number : 8 * number + 8]},
                "from_at": now.isoformat(),
                "until_at": (now + timedelta(days=3)).isoformat(),
            },
        )
        assert written.status_code == 201, written.text
        if number:
            started = supervisor.post(f"/campaigns/{written.json()['id']}/start", {"reason": "第二批"})
            assert started.status_code == 200, started.text


def seed_floor(uow: UnitOfWork, *, agents: int) -> list[Agent]:
    """Queues, and so many agents who work in them."""
    queues = _queues(uow)
    made: list[Agent] = []
    plans = cycle(("talking", "ready", "talking", "writing", "break", "previewing", "ready", "offline", "silent"))
    for number, plan in zip(range(agents), plans, strict=False):
        name = NAMES[number % len(NAMES)] + (str(number // len(NAMES) + 1) if number >= len(NAMES) else "")
        made.append(_agent(uow, queues, number, name, plan))
    _stuck_call(uow, queues[0])
    for number, (state, seconds) in enumerate(((InboundState.WAITING, 48), (InboundState.OFFERED, 21))):
        uow.inbound.add(
            InboundCall(
                id=InboundId(new_id()),
                leg_id=LegId(new_id()),
                node="node-1",
                state=state,
                caller=f"+8613900000{number:03d}",
                queue_id=queues[0].id,
                rang_at=uow.now - timedelta(seconds=seconds + 9),
                answered_at=uow.now - timedelta(seconds=seconds + 7),
                waiting_since=uow.now - timedelta(seconds=seconds),
                agent_id=made[1].id if state is InboundState.OFFERED else None,
            )
        )
    talking = [agent for agent in made if agent.state is AgentState.ON_CALL]
    if talking:
        attempt = uow.attempts.live_of_agent(talking[0].id)
        call = uow.calls.of_attempt(attempt.id) if attempt else None
        uow.help_requests.add(
            HelpRequest(
                id=new_id(),
                agent_id=talking[0].id,
                call_id=call.id if call else None,
                asked_at=uow.now - timedelta(seconds=35),
            )
        )
    _day(uow, queues, made[0])
    return made


def _queues(uow: UnitOfWork) -> list[Queue]:
    return [
        a_queue(uow, name="骨科术后随访", ring_seconds=30),
        a_queue(uow, name="心内科出院随访（七日内首访与用药核对）"),
        a_queue(uow, name="满意度调查", style=DialStyle.PREDICTIVE, purpose=Purpose.SURVEY),
        a_queue(uow, name="复诊提醒", mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=8),
        a_queue(uow, name="投诉回访", purpose=Purpose.COMPLAINT, paused=True),
    ]


def _agent(uow: UnitOfWork, queues: list[Queue], number: int, name: str, plan: str) -> Agent:
    now = uow.now
    states = {
        "talking": AgentState.ON_CALL,
        "ready": AgentState.AVAILABLE,
        "writing": AgentState.WRAP_UP,
        "break": AgentState.BREAK,
        "previewing": AgentState.RESERVED,
        "offline": AgentState.OFFLINE,
        "silent": AgentState.AVAILABLE,
    }
    agent = an_agent(
        uow,
        *queues[: 1 + number % 3],
        state=states[plan],
        state_since=now - timedelta(seconds=17 + 23 * (number % 19)),
        state_reason="meal" if plan == "break" else "",
        wanted_state=AgentState.BREAK if plan == "talking" and number % 4 == 0 else None,
        heartbeat_at=now - timedelta(minutes=2) if plan == "silent" else now + SEEN_OPEN,
        headset_state=HeadsetState.DOWN if plan in ("offline", "break") else HeadsetState.UP,
        skills=["心内科", "高血压"] if number % 2 else [],
    )
    user = uow.users.get(agent.id)
    assert user is not None
    user.display_name = name
    if plan in ("talking", "writing", "previewing"):
        _work(uow, queues[number % 2], agent, plan, now)
    return agent


def _work(uow: UnitOfWork, queue: Queue, agent: Agent, plan: str, now: datetime) -> Attempt:
    state = {
        "talking": AttemptState.IN_CALL,
        "writing": AttemptState.WRAP_UP,
        "previewing": AttemptState.RESERVED,
    }[plan]
    attempt = an_attempt(
        uow,
        a_task(uow, a_patient(uow, purposes=()), queue, state=TaskState.IN_PROGRESS),
        agent_id=agent.id,
        state=state,
        wrap_up_at=now if plan == "writing" else None,
        preview_until=now + timedelta(hours=2) if plan == "previewing" else None,
    )
    if plan == "talking":
        _live_call(uow, attempt, CallState.BRIDGED, answered_at=agent.state_since, bridged_at=agent.state_since)
    return attempt


def _live_call(uow: UnitOfWork, attempt: Attempt, state: CallState, **values: object) -> Call:
    return a_call(uow, attempt, state=state, ended_at=None, end_reason=None, party=None, **values)


def _stuck_call(uow: UnitOfWork, queue: Queue) -> None:
    attempt = an_attempt(
        uow,
        a_task(uow, a_patient(uow, purposes=()), queue, state=TaskState.IN_PROGRESS),
        state=AttemptState.RESERVED,
        wrap_up_at=None,
    )
    _live_call(uow, attempt, CallState.RINGING, planned_at=uow.now - timedelta(minutes=2), answered_at=None)


def _day(uow: UnitOfWork, queues: list[Queue], agent: Agent) -> None:
    """Closed attempts of today, and tasks that wait."""
    outcomes = cycle(
        (
            AttemptOutcome.CONNECTED_PATIENT,
            AttemptOutcome.NO_ANSWER,
            AttemptOutcome.NO_ANSWER,
            AttemptOutcome.WRONG_NUMBER,
            AttemptOutcome.BUSY,
        )
    )
    for number, outcome in zip(range(45), outcomes, strict=False):
        ahead = number % 3 == 2
        an_attempt(
            uow,
            a_task(uow, a_patient(uow, purposes=()), queues[number % 3]),
            state=AttemptState.CLOSED,
            closed_at=uow.now,
            outcome=outcome,
            ahead=ahead,
            agent_id=agent.id if ahead and number != 2 else None,
            person_at=uow.now if ahead else None,
            abandoned_at=uow.now if number == 2 else None,
        )
    for number in range(12):
        queue = queues[number % 4]
        task = a_task(uow, a_patient(uow, purposes=()), queue)
        lane = Lane(queue_id=queue.id, mode=queue.mode, language="zh")
        place = Place.CLOSING if number % 5 == 0 else Place.ORDINARY
        uow.waiting.place({task.id: Standing(lane=lane, place=place, closing_at=uow.now + timedelta(hours=5))})


def seed_exceptions(uow: UnitOfWork) -> None:
    """A few of every kind."""
    queue = a_queue(uow, name="神经内科随访")
    agent = an_agent(uow, queue, state=AgentState.OFFLINE)
    for hours in (25, 30, 52):
        attempt = _closed(uow, queue, agent, uow.now - timedelta(hours=hours))
        uow.notes.add(
            Note(
                id=new_id(),
                attempt_id=attempt.id,
                task_id=attempt.task_id,
                patient_id=attempt.patient_id,
                language="zh",
                text="",
                state=NoteState.DRAFT,
                created_at=uow.now - timedelta(hours=hours),
            )
        )
    for kind in (GapKind.MISSING, GapKind.NEVER_BEGUN, GapKind.SIDE_MISSING):
        call = a_call(uow, _closed(uow, queue, agent, uow.now - timedelta(hours=2)))
        uow.recording_gaps.add(
            RecordingGap(
                id=new_id(),
                call_id=call.id,
                recording_id=None,
                kind=kind,
                state=GapState.OPEN,
                detail="",
                found_at=uow.now - timedelta(hours=2),
            )
        )
    red = _closed(uow, queue, agent, uow.now)
    uow.alerts.add(
        Alert(
            id=new_id(),
            patient_id=red.patient_id,
            attempt_id=red.id,
            task_id=red.task_id,
            source=AlertSource.PERSON,
            code="chest_pain",
            level=AlertLevel.RED,
            at_second=0.0,
            raised_at=uow.now - timedelta(minutes=12),
            state=AlertState.RAISED,
        )
    )
    for made in (0, 3):
        a_task(
            uow,
            a_patient(uow, purposes=()),
            queue,
            due_at=uow.now - timedelta(days=2),
            state=TaskState.LOST_TO_FOLLOW_UP,
            outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
            next_action="escalate",
            attempts_made=made,
        )
    uow.care_team.add(
        BrokenGlass(
            id=new_id(),
            patient_id=red.patient_id,
            user_id=agent.id,
            reason=GlassReason.EMERGENCY,
            text="",
            broken_at=uow.now - timedelta(hours=5),
            until=uow.now - timedelta(hours=1),
        )
    )
    day = CallerIdDay(caller_id="01088886666", day=uow.now.date(), tries=120, answered=18)
    uow.trunks.raise_alarm(Fall(day=day, usual_rate=0.42, upper_rate=0.25), alarm_id=new_id(), now=uow.now)
    park(uow, name="recordings.ingest", subject=new_id(), reason="OSError: no room left on the device")
    for number in range(36):
        an_attempt(
            uow,
            a_task(uow, a_patient(uow, purposes=()), queue),
            state=AttemptState.CLOSED,
            closed_at=uow.now,
            outcome=AttemptOutcome.WRONG_NUMBER if number < 12 else AttemptOutcome.NO_ANSWER,
        )


def _closed(uow: UnitOfWork, queue: Queue, agent: Agent, at: datetime) -> Attempt:
    return an_attempt(
        uow,
        a_task(uow, a_patient(uow, purposes=()), queue),
        state=AttemptState.CLOSED,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
        closed_at=at,
        agent_id=agent.id,
    )
