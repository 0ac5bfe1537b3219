"""Queues: their rules, their counts, and the switch that stops them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.permissions import Everybody, Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.routes.tasks import TAG
from api.wiring import wiring_of
from care.consent import Purpose
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from followup.pacing import NOT_AHEAD
from followup.plans import TaskMode, TaskState
from followup.queues import DialStyle, ExpiredPreview, MergeRule, Queue, style_fits, usual_style
from followup.screening import OnMachine
from followup.supervision import SupervisionShown
from followup.switches import Switch, SwitchOf
from runtime.identifiers import new_id
from scheduler.dialer import NODE_HEARTBEAT_LIMIT
from scheduler.pacing import OneToOne, day_began, pace_of
from scheduler.withdrawals import press_switch

router = APIRouter(tags=["queues"], route_class=Route)

SAME_NURSE_SECONDS = 300
"""So long a task of a preview queue waits for the nurse who spoke with the patient last."""

Skills = Annotated[list[Annotated[str, StringConstraints(pattern=TAG)]], Field(max_length=10)]


class QueueAsk(Ask):
    """A new queue."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    mode: TaskMode
    purpose: Purpose
    language: Literal["zh", "en"] | None = None
    policy: Annotated[str, StringConstraints(max_length=64)] = "default"
    ring_seconds: Annotated[int, Field(ge=5, le=120)] = 30
    wrap_up_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    lines: Annotated[int, Field(ge=1, le=1000)] = 1
    on_machine: OnMachine = OnMachine.HANG_UP  # automated calls: what is done when a machine answers
    played_notice: bool = False  # agents' calls: a machine says the recording notice besides the agent
    style: DialStyle | None = None  # none: preview for care and complaints, else progressive; agentless for machines
    dialect: Annotated[str, StringConstraints(pattern=TAG)] | None = None
    skills: Skills = Field(default_factory=list)
    preview_seconds: Annotated[int, Field(ge=10, le=1800)] = 120
    expired_preview: ExpiredPreview = ExpiredPreview.BREAK
    same_nurse_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None  # none: 300 with previews, else 0
    merges: MergeRule = MergeRule.ANY
    speech_model: Annotated[str, StringConstraints(max_length=32)] | None = None  # one of SUIFANG_SPEECH_MODELS


class QueueChange(Ask):
    """What is to be another from now on, and why; what is left out stays."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    language: Literal["zh", "en", "any"] | None = None
    dialect: Annotated[str, StringConstraints(pattern=f"{TAG}|^$")] | None = None  # empty: none is demanded any more
    skills: Skills | None = None
    policy: Annotated[str, StringConstraints(max_length=64)] | None = None
    ring_seconds: Annotated[int, Field(ge=5, le=120)] | None = None
    wrap_up_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    lines: Annotated[int, Field(ge=1, le=1000)] | None = None
    on_machine: OnMachine | None = None
    played_notice: bool | None = None
    style: DialStyle | None = None
    preview_seconds: Annotated[int, Field(ge=10, le=1800)] | None = None
    expired_preview: ExpiredPreview | None = None
    same_nurse_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    merges: MergeRule | None = None
    speech_model: Annotated[str, StringConstraints(max_length=32)] | None = None  # empty: the installation's own again


class SwitchAnswer(Answer):
    """Who pressed the queue's switch last, when and why."""

    stopped: bool
    reason: str
    pressed_by: str
    pressed_at: Instant


class QueueAnswer(Answer):
    """A queue and how many open tasks it has in each state."""

    id: str
    name: str
    mode: TaskMode
    purpose: Purpose
    language: str | None
    policy: str
    ring_seconds: int
    wrap_up_seconds: int
    lines: int
    paused: bool
    on_machine: OnMachine
    played_notice: bool
    style: DialStyle
    dialect: str | None
    skills: list[str]
    preview_seconds: int
    expired_preview: ExpiredPreview
    same_nurse_seconds: int
    merges: MergeRule
    speech_model: str | None
    supervision_shown: SupervisionShown
    free_numbers: bool
    created_at: Instant
    counts: dict[TaskState, int]
    switch: SwitchAnswer | None = None  # empty: it was never pressed


class PacingAnswer(Answer):
    """A queue's pacing: today's count of its calls ahead of agents, and how many lines it may hold."""

    style: DialStyle
    limit: float  # abandoned for each answered, on one hospital day
    answered: int
    abandoned: int
    rate: float
    day_began: Instant
    alarm: bool  # most of the limit is used
    agents_at_work: int
    agents_free: int
    agents_kept: int
    lines: int
    level: float | None  # lines for each free agent; empty while nobody is free
    one_to_one: OneToOne | None  # why no line is placed ahead of an agent now; empty: some are


class SwitchAsk(Ask):
    """Why the queue is stopped, or goes on."""

    reason: Line


class SwitchesAnswer(Answer):
    """Every press of a queue's switch, newest first."""

    presses: list[SwitchAnswer]


class QueuesAnswer(Answer):
    """Queues in order of name."""

    queues: list[QueueAnswer]


@router.get("/queues")
def list_queues(caller: Everybody, uow: Work) -> QueuesAnswer:  # noqa: ARG001
    """Every queue with its counts."""
    counts, switches = uow.plans.counts_by_queue(), uow.switches.all_latest(SwitchOf.QUEUE)
    return QueuesAnswer(
        queues=[_queue(queue, counts.get(queue.id, {}), switches.get(queue.id)) for queue in uow.queues.all()]
    )


@router.post("/queues", status_code=201, responses=problems(Kind.TAKEN))
def create_queue(ask: QueueAsk, caller: OverseersCommanding, request: Request, uow: Work) -> QueueAnswer:
    """Add a queue."""
    _require_policy(request, ask.policy)
    _require_speech_model(request, ask.speech_model)
    style = ask.style or usual_style(ask.mode, ask.purpose)
    _require_style(style, ask.mode)
    if style is DialStyle.PREDICTIVE:
        raise Problem.of(
            Kind.INVALID_REQUEST, "style", "a queue begins with another style; set predictive when it has its agents"
        )
    waits = ask.same_nurse_seconds
    queue = Queue(
        id=new_id(),
        name=ask.name,
        mode=ask.mode,
        purpose=ask.purpose,
        language=ask.language,
        policy=ask.policy,
        ring_seconds=ask.ring_seconds,
        wrap_up_seconds=ask.wrap_up_seconds,
        lines=ask.lines,
        on_machine=ask.on_machine,
        played_notice=ask.played_notice,
        style=style,
        dialect=ask.dialect,
        skills=sorted(set(ask.skills)),
        preview_seconds=ask.preview_seconds,
        expired_preview=ask.expired_preview,
        same_nurse_seconds=waits if waits is not None else SAME_NURSE_SECONDS * (style is DialStyle.PREVIEW),
        merges=ask.merges,
        speech_model=ask.speech_model,
        created_at=uow.now,
    )
    uow.queues.add(queue)
    uow.flush()
    _audit(uow, caller, "queue_added", queue)
    return _queue(queue, {})


@router.patch("/queues/{queue_id}", responses=problems(Kind.UNKNOWN_QUEUE, Kind.TAKEN))
def change_queue(queue_id: Id, ask: QueueChange, caller: Overseers, request: Request, uow: Work) -> QueueAnswer:
    """Change a queue's rules from now on; calls that are up go on as they began. The reason is kept."""
    queue = found.queue(uow, queue_id)
    wanted = ask.model_dump(exclude_none=True, exclude={"reason"})
    if ask.policy is not None:
        _require_policy(request, ask.policy)
    if ask.style is not None:
        _require_style(ask.style, queue.mode)
    _require_speech_model(request, ask.speech_model or None)
    if "skills" in wanted:
        wanted["skills"] = sorted(set(wanted["skills"]))
    for demand, nothing in (("language", "any"), ("dialect", ""), ("speech_model", "")):
        if wanted.get(demand) == nothing:
            wanted[demand] = None
    before = {name: getattr(queue, name) for name in wanted}
    for name, value in wanted.items():
        setattr(queue, name, value)
    if queue.style is DialStyle.PREDICTIVE and wanted.keys() & {"style", "on_machine"}:
        _require_predictive(request, uow, queue)
    uow.flush()
    changed = {name: [before[name], value] for name, value in wanted.items() if before[name] != value}
    if changed.keys() & {"language", "dialect", "skills", "same_nurse_seconds", "style"}:
        while uow.waiting.leave_lanes_of_queue(queue.id):
            pass  # a thousand at a time: they take their places anew
    uow.audit.note(
        user_id=caller.user_id,
        action="queue_changed",
        subject_kind="queue",
        subject=queue.id,
        detail={"reason": ask.reason, "changed": changed},
    )
    uow.outbox.wake()
    latest = uow.switches.all_latest(SwitchOf.QUEUE).get(queue.id)
    return _queue(queue, uow.plans.counts_by_queue().get(queue.id, {}), latest)


@router.get("/queues/{queue_id}/pacing", responses=problems(Kind.UNKNOWN_QUEUE))
def read_pacing(queue_id: Id, caller: Overseers, request: Request, uow: Work) -> PacingAnswer:  # noqa: ARG001
    """How far ahead of its agents a queue dials now, what its day has come to, and why it dials no further."""
    queue = found.queue(uow, queue_id)
    nodes = [node.name for node in uow.calls.living_nodes(uow.now - NODE_HEARTBEAT_LIMIT)]
    gate = wiring_of(request).gate
    pace = pace_of(uow, queue, gate=gate, now=uow.now, nodes=nodes)
    lines = len(pace.lines.ringing) + pace.lines.answered
    return PacingAnswer(
        style=queue.style,
        limit=pace.rule.limit,
        answered=pace.day.answered,
        abandoned=pace.day.abandoned,
        rate=round(pace.day.rate, 5),
        day_began=day_began(gate.zone, uow.now),
        alarm=queue.pacing_alarm_on == day_began(gate.zone, uow.now).date(),
        agents_at_work=pace.agents.at_work,
        agents_free=len(pace.agents.free),
        agents_kept=sum(agent.kept_for == queue.id for agent in pace.agents.free),
        lines=lines,
        level=round((lines + pace.placing.lines) / len(pace.agents.free), 2) if pace.agents.free else None,
        one_to_one=pace.one_to_one,
    )


def _require_predictive(request: Request, uow: UnitOfWork, queue: Queue) -> None:
    """Dialing ahead of agents needs a law that lets it, agents enough, and a queue whose machine calls nobody."""
    rule = wiring_of(request).gate.profile.predictive or NOT_AHEAD
    agents = sum(queue.id in agent.queues for agent in uow.queues.agents())
    because = None
    if not rule.allowed:
        because = (
            f"the rules of {wiring_of(request).gate.profile.id} do not let calls be placed ahead of agents; "
            "choose progressive"
        )
    elif agents < rule.agents_least:
        because = f"{agents} agents serve this queue, predictive needs {rule.agents_least}; choose progressive"
    elif queue.on_machine is OnMachine.TO_AGENT:
        because = "an agent is to hear machines: set on_machine to hang_up or neutral_message first"
    elif queue.purpose not in (Purpose.SURVEY, Purpose.REMINDER):
        because = f"a queue for {queue.purpose.value} is never dialed ahead of agents; choose preview or progressive"
    if because is not None:
        raise Problem.of(Kind.INVALID_REQUEST, "style", because)


def _require_policy(request: Request, policy: str) -> None:
    policies = wiring_of(request).content.policies
    if policy not in policies:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "policy",
            f"there is no such attempt policy; choose one of {', '.join(sorted(policies))}",
        )


def _require_speech_model(request: Request, name: str | None) -> None:
    names = wiring_of(request).speech_models
    if name is not None and name not in names:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "speech_model",
            f"there is no such speech model; SUIFANG_SPEECH_MODELS has {', '.join(names) or 'none'}",
        )


def _require_style(style: DialStyle, mode: TaskMode) -> None:
    if not style_fits(style, mode):
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "style",
            f"{style.value} does not fit a queue whose calls are {mode.value}: agentless belongs to automated ones",
        )


@router.post("/queues/{queue_id}/pause", responses=problems(Kind.UNKNOWN_QUEUE))
def pause(
    queue_id: Id, caller: OverseersCommanding, request: Request, uow: Work, ask: SwitchAsk | None = None
) -> QueueAnswer:
    """Stop dialing for this queue at once, calls that are reserved and not placed included; calls that are up go on."""
    return _switch(uow, caller, queue_id, paused=True, ask=ask, gate=wiring_of(request).gate)


@router.post("/queues/{queue_id}/resume", responses=problems(Kind.UNKNOWN_QUEUE))
def resume(
    queue_id: Id, caller: OverseersCommanding, request: Request, uow: Work, ask: SwitchAsk | None = None
) -> QueueAnswer:
    """Let this queue be dialed again."""
    return _switch(uow, caller, queue_id, paused=False, ask=ask, gate=wiring_of(request).gate)


@router.get("/queues/{queue_id}/switch", responses=problems(Kind.UNKNOWN_QUEUE))
def read_switch(queue_id: Id, caller: Everybody, uow: Work) -> SwitchesAnswer:  # noqa: ARG001
    """Who stopped this queue, who let it go on, when and why."""
    queue = found.queue(uow, queue_id)
    presses = uow.switches.history(SwitchOf.QUEUE, queue.id)
    return SwitchesAnswer(presses=[SwitchAnswer.model_validate(press) for press in presses])


def _switch(
    uow: UnitOfWork, caller: Caller, queue_id: str, *, paused: bool, ask: SwitchAsk | None, gate: Gate
) -> QueueAnswer:
    queue = found.queue(uow, queue_id)
    if queue.paused is not paused:
        queue.paused = paused
        press_switch(
            uow,
            kind=SwitchOf.QUEUE,
            subject=queue.id,
            stopped=paused,
            reason=ask.reason if ask else "",
            by=caller.user_id,
            gate=gate,
        )
    return _queue(queue, uow.plans.counts_by_queue().get(queue.id, {}), uow.switches.latest(SwitchOf.QUEUE, queue.id))


def _queue(queue: Queue, counts: dict[TaskState, int], switch: Switch | None = None) -> QueueAnswer:
    return QueueAnswer(
        id=queue.id,
        name=queue.name,
        mode=queue.mode,
        purpose=queue.purpose,
        language=queue.language,
        policy=queue.policy,
        ring_seconds=queue.ring_seconds,
        wrap_up_seconds=queue.wrap_up_seconds,
        lines=queue.lines,
        paused=queue.paused,
        on_machine=queue.on_machine,
        played_notice=queue.played_notice,
        style=queue.style,
        dialect=queue.dialect,
        skills=queue.skills,
        preview_seconds=queue.preview_seconds,
        expired_preview=queue.expired_preview,
        same_nurse_seconds=queue.same_nurse_seconds,
        merges=queue.merges,
        speech_model=queue.speech_model,
        supervision_shown=queue.supervision_shown,
        free_numbers=queue.free_numbers,
        created_at=queue.created_at,
        counts=counts,
        switch=SwitchAnswer.model_validate(switch) if switch else None,
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, queue: Queue) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="queue", subject=queue.id)
