"""Is the follow-up itself ready: who we say we are, who serves what waits, who is on duty, what was parked."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.dialing_rules import Mode
from followup.duty import gaps
from followup.plans import TaskMode
from followup.queues import Agent, Queue
from followup.waiting import Lane
from runtime.content.library import Content
from runtime.settings import Settings
from scheduler.roster_rule import RosterRule
from suifang import plans_command
from suifang.findings import Finding, good, note, wrong

ROSTER_LOOKED_AT = timedelta(days=7)
_NAMED = 5
"""So many of a kind are named, the rest counted."""
_SERVE = (
    "give the queue an agent with its language, dialect and skills (suifang user create --queue … --language …), or "
    "change what the queue or its tasks demand"
)


def check_hospital(settings: Settings) -> list[Finding]:
    """Messages say who writes and where to ring back; without that they are not written."""
    missing = [
        variable
        for variable, value in (
            ("SUIFANG_HOSPITAL_NAME", settings.hospital_name),
            ("SUIFANG_CALL_BACK_NUMBER", settings.call_back_number),
        )
        if not value
    ]
    if missing:
        told = wrong if settings.mode is Mode.PRODUCTION else note
        return [
            told(
                "hospital",
                f"{' and '.join(missing)} not set: messages that name the hospital and its published number are not "
                "written",
                "set them as the hospital is known to its patients",
            )
        ]
    if not settings.hospital_name_en:
        return [
            note(
                "hospital",
                f"SUIFANG_HOSPITAL_NAME_EN is not set: English sentences and messages say {settings.hospital_name}",
                "set the hospital's English name, or leave it when nobody is called in English",
            )
        ]
    return [good("hospital", f"{settings.hospital_name}, {settings.call_back_number}")]


def check_follow_up(settings: Settings, content: Content, units: UnitsOfWork) -> list[Finding]:
    """Who is on duty, who serves what waits, what was parked, which plans are of yesterday."""
    with units() as uow:
        findings = [
            *_unserved(uow),
            *_roster(uow, content, settings.zone),
            _parked_tasks(uow),
            _parked_messages(uow),
        ]
    return [*findings, _outdated(units, content)]


def _unserved(uow: UnitOfWork) -> list[Finding]:
    """Queues with open tasks that no agent serves, and tasks in their line whose language or skill nobody has."""
    living = {user.id for user in uow.users.all() if not user.disabled}
    agents = [agent for agent in uow.queues.agents() if agent.id in living]
    counts = uow.plans.counts_by_queue()
    findings: list[Finding] = []
    told: set[str] = set()
    names: dict[str, str] = {}
    for queue in uow.queues.all():
        names[queue.id] = queue.name
        open_tasks = sum(counts.get(queue.id, {}).values())
        if queue.mode is not TaskMode.AGENT or not open_tasks:
            continue
        serving = [agent for agent in agents if queue.id in agent.queues]
        if any(_can(agent, queue) for agent in serving):
            continue
        lacking = f"none of its {len(serving)} agents has {_demand(queue)}" if serving else "no agent serves it"
        findings.append(wrong("queues", f"{queue.name} has {open_tasks} open tasks and {lacking}", _SERVE))
        told.add(queue.id)
    for lane_id, queue_id, waiting in uow.waiting.unserved(uow.now):
        if queue_id in told:
            continue
        lane = uow.waiting.lane(lane_id)
        if lane is None:
            continue
        wanted = "their own agent" if lane.agent_id else f"an agent who has {_demand(lane)}"
        findings.append(
            wrong("queues", f"{waiting} tasks of {names[queue_id]} wait for {wanted}: there is none", _SERVE)
        )
    return findings or [good("queues", "every queue with open tasks has an agent who can serve it")]


def _can(agent: Agent, queue: Queue) -> bool:
    return (
        (queue.language is None or queue.language in agent.languages)
        and (queue.dialect is None or queue.dialect in agent.dialects)
        and set(queue.skills) <= set(agent.skills)
    )


def _demand(demanding: Queue | Lane) -> str:
    demanded = [
        *([f"the language {demanding.language}"] if demanding.language else []),
        *([f"the dialect {demanding.dialect}"] if demanding.dialect else []),
        *(f"the skill {skill}" for skill in demanding.skills),
    ]
    return " and ".join(demanded) or "this queue"


def _roster(uow: UnitOfWork, content: Content, zone: ZoneInfo) -> list[Finding]:
    """Where a running plan can raise a red alert, somebody of each role is on duty in the next days."""
    rule = RosterRule.of(content)
    departments = sorted(
        {
            department
            for department, template_id in uow.plan_records.running_templates()
            if (template := content.plans.get(template_id)) is None or rule.needs_roster(template)
        }
    )
    until = uow.now + ROSTER_LOOKED_AT
    findings = []
    for department in departments:
        missing = gaps(uow.duty.between(uow.now, until, department=department), department, uow.now, until)
        if not missing:
            continue
        named = "; ".join(
            f"no {gap.role.value} from {gap.starts_at.astimezone(zone):%Y-%m-%d %H:%M} to "
            f"{gap.ends_at.astimezone(zone):%Y-%m-%d %H:%M}"
            for gap in missing[:_NAMED]
        )
        more = f" and {len(missing) - _NAMED} gaps more" if len(missing) > _NAMED else ""
        now_open = any(gap.starts_at <= uow.now for gap in missing)
        findings.append(
            (wrong if now_open else note)(
                "duty roster",
                f"{department} has running plans that can raise red alerts, and {named}{more}",
                "enter the shifts (POST /api/v1/duty/shifts), the hospital's own under the department *",
            )
        )
    if findings:
        return findings
    seen = ", ".join(departments) or "no department has running plans that can raise a red alert"
    return [good("duty roster", f"the next {ROSTER_LOOKED_AT.days} days are covered: {seen}" if departments else seen)]


def _parked_tasks(uow: UnitOfWork) -> Finding:
    count = uow.parked.count_open()
    if count:
        return note(
            "parked tasks",
            f"{count} tasks of the workers failed for good",
            "suifang queues parked shows why; then suifang queues replay or dismiss",
        )
    return good("parked tasks", "none")


def _parked_messages(uow: UnitOfWork) -> Finding:
    count = uow.messages.count_parked()
    if count:
        return note(
            "parked messages",
            f"{count} messages were given up or did not arrive",
            "GET /api/v1/messages?state=parked says why; send each again or call it off",
        )
    return good("parked messages", "none")


def _outdated(units: UnitsOfWork, content: Content) -> Finding:
    lines = plans_command.outdated(units, content)
    if lines:
        return note(
            "plans",
            f"{len(lines)} unfinished plans follow an older version of their template",
            "suifang plans outdated lists them; they end as they began unless somebody changes them one by one",
        )
    return good("plans", "every unfinished plan follows the newest version of its template")
