"""`suifang plans`: are the templates usable here, which queues do they need, which plans follow an older version?"""

from db.unit_of_work import UnitsOfWork
from followup.queues import Queue, usual_style
from runtime.content.library import Content
from runtime.identifiers import new_id

AT_ONCE = 200


def check(units: UnitsOfWork, content: Content) -> list[str]:
    """What is missing here for the templates, one sentence each; ContentError for a template that cannot be read."""
    with units() as uow:
        there = {queue.name: queue for queue in uow.queues.all()}
    faults = []
    for template in content.plans.values():
        for step in template.steps:
            queue = there.get(step.queue)
            if queue is None:
                faults.append(f"{template.id}, step {step.key}: there is no queue {step.queue} (suifang plans queues)")
            elif queue.mode is not step.mode:
                faults.append(f"{template.id}, step {step.key} is {step.mode.value}, queue {step.queue} is not")
    return faults


def make_queues(units: UnitsOfWork, content: Content) -> list[str]:
    """Make the queues of content/queues.yaml that are not there yet; those that are there stay as they are."""
    made = []
    with units() as uow:
        there = {queue.name for queue in uow.queues.all()}
        for each in content.queues.queues:
            if each.name in there:
                continue
            queue = Queue(
                id=new_id(),
                name=each.name,
                mode=each.mode,
                purpose=each.purpose,
                language=each.language,
                policy=each.policy,
                ring_seconds=each.ring_seconds,
                wrap_up_seconds=each.wrap_up_seconds,
                lines=each.lines,
                style=usual_style(each.mode, each.purpose),
                created_at=uow.now,
            )
            uow.queues.add(queue)
            uow.audit.note(user_id=None, action="queue_added", subject_kind="queue", subject=queue.id)
            made.append(each.name)
        uow.commit()
    return made


def outdated(units: UnitsOfWork, content: Content) -> list[str]:
    """Unfinished plans that follow an older version of their template, one line each."""
    versions = {template.id: template.version for template in content.plans.values()}
    lines: list[str] = []
    after: str | None = None
    while True:
        with units() as uow:
            page = uow.plans.older_than(versions, after=after, limit=AT_ONCE)
            lines += [
                f"{plan.id}  {plan.template_id}  version {plan.template_version} → {versions[plan.template_id]}"
                f"  {plan.state.value}{'  changed by hand' if plan.changed else ''}"
                for plan in page
            ]
        if len(page) < AT_ONCE:
            return lines
        after = page[-1].id
