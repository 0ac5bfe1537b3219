"""The supervisor's wall: agents, queues, calls, callers and requests for help at one moment, by one request."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter, Request

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Instant
from api.masking import masked_number
from api.permissions import Overseers
from api.routes.help_requests import HelpAnswer, help_answer
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from db.wall import QueueDay, QueueLine
from followup.attempts import Attempt
from followup.calls import Call, CallState
from followup.help_requests import HelpState
from followup.inbound import InboundCall, InboundOrigin, InboundState
from followup.pacing import NOT_AHEAD, DayCount, PredictiveRule
from followup.plans import TaskMode
from followup.queues import Agent, AgentState, DialStyle, HeadsetState, Queue, can_be_given_a_call
from followup.stuck_states import Stuck, call_state_since, stuck_agent, stuck_call
from followup.supervision import Supervision, SupervisionMode, SupervisionReason, SupervisionState, oversees_queue
from scheduler.pacing import ALARM_SHARE, day_began

router = APIRouter(tags=["wall"], route_class=Route)


class WallShare(Answer):
    """A share with what it was made of; `of` 0: there is none yet."""

    count: int
    of: int


class WallFigures(Answer):
    """The figures of the moment, and of the hospital's day since midnight."""

    callers_waiting: int  # callers who have not been joined with an agent
    longest_wait_since: Instant | None  # the caller who waits for an agent the longest
    agents_at_work: int  # not offline
    agents_ready: int  # a call can be given now
    agents_on_call: int
    agents_in_wrap_up: int
    wrap_ups_over_limit: int
    tasks_waiting: int  # tasks that could be called this moment
    help_open: int
    contact: WallShare  # tasks whose patient, or who may speak for him, was reached, of tasks tried today
    answered: WallShare  # attempts that a person answered, of attempts dialed today
    abandoned: WallShare  # calls dialed ahead of agents that found nobody, of those a person answered today
    abandonment_limit: float | None  # empty where nothing is dialed ahead of agents
    callers_gave_up: WallShare  # callers who hung up after 5 s of waiting, of those who waited for an agent today


class WallAgent(Answer):
    """An agent: where she is since when, with what, and what does not go on."""

    agent_id: str
    name: str
    state: AgentState
    since: Instant
    reason: str
    wanted_state: AgentState | None
    headset: HeadsetState
    ready: bool
    stuck: Stuck | None
    wrap_up_limit_at: Instant | None  # when the wrap-up she is in has lasted as long as its queue wants
    attempt_id: str | None
    task_id: str | None
    call_id: str | None
    queue_id: str | None  # of what she works on
    previews: bool  # she looks at a patient before she dials
    queues: list[str]
    languages: list[str]
    dialects: list[str]
    skills: list[str]


class WallQueue(Answer):
    """A queue: who waits, who serves it, and what its day came to."""

    queue_id: str
    name: str
    mode: TaskMode
    style: DialStyle
    paused: bool
    waiting: int
    closing: int
    oldest_since: Instant | None
    agents_at_work: int
    agents_ready: int
    calls: int
    lines: int
    contact: WallShare
    answered: WallShare
    abandoned: WallShare | None
    limit: float | None
    near_limit: bool  # most of the day's limit is used


class WallSupervisor(Answer):
    """Who of the supervisors is on the line, and how."""

    supervision_id: str
    supervisor_id: str
    name: str
    state: SupervisionState
    mode: SupervisionMode
    reason: SupervisionReason


class WallCall(Answer):
    """A call that goes on."""

    call_id: str
    state: CallState
    since: Instant
    agent_id: str | None
    queue_id: str
    number: str
    task_id: str | None
    stuck: Stuck | None
    can_be_joined: bool  # by the caller of this request: a conversation of an agent in a queue she oversees
    supervisor: WallSupervisor | None


class WallCaller(Answer):
    """Somebody who rang us, or pressed 0, and has not been joined with an agent."""

    inbound_call_id: str
    state: InboundState
    origin: InboundOrigin
    number: str | None
    queue_id: str | None
    rang_at: Instant
    waiting_since: Instant | None
    offered_to: str | None


class WallAnswer(Answer):
    """Everything on the wall, true at `as_of`."""

    as_of: Instant
    day_began: Instant
    figures: WallFigures
    agents: list[WallAgent]
    queues: list[WallQueue]
    calls: list[WallCall]
    callers: list[WallCaller]
    help: list[HelpAnswer]


@router.get("/wall")
def read_wall(caller: Overseers, request: Request, uow: Work) -> WallAnswer:
    """The wall of this moment. No patient is named on it."""
    gate = wiring_of(request).gate
    began = day_began(str(wiring_of(request).zone), uow.now)
    rule = gate.profile.predictive or NOT_AHEAD
    queues = {queue.id: queue for queue in uow.queues.all()}
    attempts: dict[str, Attempt] = {attempt.id: attempt for attempt in uow.attempts.live()}
    calls = uow.calls.live()
    agents = _agents(uow, queues, attempts, calls)
    callers = uow.wall.callers()
    help_wanted = [help_answer(uow, each) for each in uow.help_requests.live()]
    days, lines = uow.wall.days(began), uow.wall.lines()
    abandonment = uow.wall.abandonment(began)
    gave_up = uow.wall.callers_day(began)
    rows = [
        _queue(
            queue, lines.get(queue.id, QueueLine()), days.get(queue.id, QueueDay()), agents, calls, rule, abandonment
        )
        for queue in queues.values()
    ]
    waits = [each.waiting_since for each in callers if each.waiting_since is not None]
    return WallAnswer(
        as_of=uow.now,
        day_began=began,
        figures=WallFigures(
            callers_waiting=len(callers),
            longest_wait_since=min(waits, default=None),
            agents_at_work=sum(each.state is not AgentState.OFFLINE for each in agents),
            agents_ready=sum(each.ready for each in agents),
            agents_on_call=sum(each.state is AgentState.ON_CALL for each in agents),
            agents_in_wrap_up=sum(each.state is AgentState.WRAP_UP for each in agents),
            wrap_ups_over_limit=sum(
                each.wrap_up_limit_at is not None and each.wrap_up_limit_at <= uow.now for each in agents
            ),
            tasks_waiting=sum(each.waiting for each in rows),
            help_open=sum(each.state is HelpState.OPEN for each in help_wanted),
            contact=_sum(each.contact for each in rows),
            answered=_sum(each.answered for each in rows),
            abandoned=_sum(each.abandoned for each in rows if each.abandoned is not None),
            abandonment_limit=rule.limit if any(each.abandoned is not None for each in rows) else None,
            callers_gave_up=WallShare(count=gave_up.gave_up, of=gave_up.offered),
        ),
        agents=agents,
        queues=rows,
        calls=_calls(uow, caller, queues, attempts, calls),
        callers=[_caller(each) for each in callers],
        help=help_wanted,
    )


def _agents(
    uow: UnitOfWork, queues: Mapping[str, Queue], attempts: Mapping[str, Attempt], calls: Sequence[Call]
) -> list[WallAgent]:
    names = uow.wall.names()
    works_on = {attempt.agent_id: attempt for attempt in attempts.values() if attempt.agent_id is not None}
    talks_on = {call.agent_id: call for call in calls if call.agent_id is not None}
    spoken_with = uow.wall.connected_agents()
    return [
        _agent(
            agent,
            names[agent.id],
            works_on.get(agent.id),
            talks_on.get(agent.id),
            queues,
            uow.now,
            in_call=agent.id in talks_on or agent.id in spoken_with,
        )
        for agent in uow.queues.agents()
    ]


def _agent(
    agent: Agent,
    name: str,
    attempt: Attempt | None,
    call: Call | None,
    queues: Mapping[str, Queue],
    now: datetime,
    *,
    in_call: bool,
) -> WallAgent:
    queue = queues.get(attempt.queue_id) if attempt else None
    previews = attempt is not None and attempt.preview_until is not None
    wraps_up = agent.state is AgentState.WRAP_UP and queue is not None
    return WallAgent(
        agent_id=agent.id,
        name=name,
        state=agent.state,
        since=agent.state_since,
        reason=agent.state_reason,
        wanted_state=agent.wanted_state,
        headset=agent.headset_state,
        ready=can_be_given_a_call(agent, now),
        stuck=stuck_agent(agent, has_call=in_call, previews=previews, now=now),
        wrap_up_limit_at=agent.state_since + timedelta(seconds=queue.wrap_up_seconds) if queue and wraps_up else None,
        attempt_id=attempt.id if attempt else None,
        task_id=attempt.task_id if attempt else None,
        call_id=call.id if call else None,
        queue_id=attempt.queue_id if attempt else None,
        previews=previews,
        queues=agent.queues,
        languages=agent.languages,
        dialects=agent.dialects,
        skills=agent.skills,
    )


def _queue(
    queue: Queue,
    line: QueueLine,
    day: QueueDay,
    agents: Sequence[WallAgent],
    calls: Sequence[Call],
    rule: PredictiveRule,
    abandonment: Mapping[str, DayCount],
) -> WallQueue:
    ahead = queue.style is DialStyle.PREDICTIVE or queue.id in abandonment
    count = abandonment.get(queue.id, DayCount())
    serving = [each for each in agents if queue.id in each.queues and each.state is not AgentState.OFFLINE]
    return WallQueue(
        queue_id=queue.id,
        name=queue.name,
        mode=queue.mode,
        style=queue.style,
        paused=queue.paused,
        waiting=line.waiting,
        closing=line.closing,
        oldest_since=line.oldest,
        agents_at_work=len(serving),
        agents_ready=sum(each.ready for each in serving),
        calls=sum(call.queue_id == queue.id for call in calls),
        lines=queue.lines,
        contact=WallShare(count=day.tasks_reached, of=day.tasks_tried),
        answered=WallShare(count=day.attempts_answered, of=day.attempts_dialed),
        abandoned=WallShare(count=count.abandoned, of=count.answered) if ahead else None,
        limit=rule.limit if ahead else None,
        near_limit=ahead and count.abandoned > 0 and count.rate >= rule.limit * ALARM_SHARE,
    )


def _calls(
    uow: UnitOfWork,
    caller: Caller,
    queues: Mapping[str, Queue],
    attempts: Mapping[str, Attempt],
    calls: Sequence[Call],
) -> list[WallCall]:
    visits = {visit.call_id: visit for visit in uow.supervisions.live()}
    overseen = found.user(uow, caller.user_id).overseen_queues
    supervises = Role.SUPERVISOR in caller.roles
    return [
        WallCall(
            call_id=call.id,
            state=call.state,
            since=call_state_since(call),
            agent_id=call.agent_id,
            queue_id=call.queue_id,
            number=masked_number(call.number),
            task_id=attempts[call.attempt_id].task_id if call.attempt_id in attempts else None,
            stuck=stuck_call(call, ring_seconds=queues[call.queue_id].ring_seconds, now=uow.now),
            can_be_joined=supervises
            and call.agent_id not in (None, caller.user_id)
            and call.state in (CallState.BRIDGED, CallState.HELD)
            and oversees_queue(overseen, call.queue_id),
            supervisor=_supervisor(uow, visits[call.id]) if call.id in visits else None,
        )
        for call in calls
    ]


def _supervisor(uow: UnitOfWork, visit: Supervision) -> WallSupervisor:
    stretch = uow.supervisions.open_stretch(visit.id)
    return WallSupervisor(
        supervision_id=visit.id,
        supervisor_id=visit.supervisor_id,
        name=uow.wall.name_of(visit.supervisor_id),
        state=visit.state,
        mode=stretch.mode if stretch is not None else visit.mode,
        reason=stretch.reason if stretch is not None else visit.reason,
    )


def _caller(inbound: InboundCall) -> WallCaller:
    return WallCaller(
        inbound_call_id=inbound.id,
        state=inbound.state,
        origin=inbound.origin,
        number=masked_number(inbound.caller) if inbound.caller else None,
        queue_id=inbound.queue_id,
        rang_at=inbound.rang_at,
        waiting_since=inbound.waiting_since,
        offered_to=inbound.agent_id if inbound.state is InboundState.OFFERED else None,
    )


def _sum(shares: Iterable[WallShare]) -> WallShare:
    counted = [(share.count, share.of) for share in shares]
    return WallShare(count=sum(count for count, _ in counted), of=sum(of for _, of in counted))
