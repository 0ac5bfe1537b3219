"""Results from devices, desks and laboratories that change a plan: each reading is classed once by the plan's rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from care.concepts import Concept
from care.observations import Observation, Setting
from db.calendar import HospitalTime
from db.unit_of_work import UnitOfWork
from followup.follow_up_rules import ContactWay, FollowUpResult, FollowUpRules
from followup.plans import Plan, PlanState
from runtime.content.library import Content
from scheduler.planning import PlanNotPossibleError
from scheduler.results import record_result

log = structlog.get_logger(__name__)

_WAYS = {
    Setting.LABORATORY: ContactWay.LABORATORY,
    Setting.OFFICE: ContactWay.FACE_TO_FACE,
    Setting.HOME: ContactWay.DEVICE,
    Setting.DEVICE: ContactWay.DEVICE,
}
"""What was told on a call is no reading: the answers of its task are taken up with the task."""


def class_readings(uow: UnitOfWork, patient_id: str, *, content: Content, time: HospitalTime, now: datetime) -> int:
    """Class what was measured since the newest classed reading of each topic; how many. Again it finds nothing."""
    running = [plan for plan in uow.plans.unfinished_of_patient(patient_id) if plan.state is PlanState.RUNNING]
    by_topic: dict[str, Plan] = {}
    for plan in sorted(running, key=lambda each: each.created_at):
        if plan.rules is not None:
            by_topic[plan.rules] = plan
    classed = 0
    for topic, known in by_topic.items():
        locked = uow.plans.plan_for_update(known.id)
        if locked is None or locked.state is not PlanState.RUNNING:
            continue
        rules = [each for each in content.follow_up_rules.values() if each.topic == topic]
        classed += _class_topic(uow, locked, topic, rules, content=content, time=time, now=now)
    return classed


def _class_topic(
    uow: UnitOfWork,
    plan: Plan,
    topic: str,
    rules: Sequence[FollowUpRules],
    *,
    content: Content,
    time: HospitalTime,
    now: datetime,
) -> int:
    targets = {item for each in rules for target in each.targets for item in target.below}
    asked = {item for each in rules for item in each.items}
    before = uow.plan_records.results_of(plan.patient_id, topic, limit=20)
    # An older reading that comes late would call off what a newer one has asked for.
    since = before[0].taken_at if before else plan.created_at
    concepts = [concept for concept in content.concepts.values() if concept.item in asked]
    classed = 0
    for taken_at, (way, answers) in sorted(_readings(uow, plan, concepts, since).items()):
        if not targets & set(answers):
            continue
        if _is_classed(before, taken_at, answers):
            continue
        try:
            record_result(
                uow,
                plan,
                answers=answers,
                taken_at=taken_at,
                way=way,
                by=None,
                task=None,
                content=content,
                time=time,
                now=now,
            )
        except PlanNotPossibleError as error:
            log.error("reading_not_classed", plan=plan.id, topic=topic, reason=str(error))  # noqa: TRY400 said in words
            break
        classed += 1
    return classed


def _readings(
    uow: UnitOfWork, plan: Plan, concepts: Sequence[Concept], since: datetime
) -> Mapping[datetime, tuple[ContactWay, dict[str, object]]]:
    """What was measured together, by instant, as the answers that the rules go by."""
    found: dict[datetime, tuple[ContactWay, dict[str, object]]] = {}
    # Of two concepts for one question the one that says more of it comes last and counts.
    for concept in sorted(concepts, key=lambda each: len(each.with_answers)):
        for each in uow.observations.series(plan.patient_id, concept.code, since):
            if each.value is not None and each.setting in _WAYS:
                _, answers = found.setdefault(each.taken_at, (_WAYS[each.setting], {}))
                answers.update({concept.item: _plain(each), **concept.with_answers})
    return found


def _plain(observation: Observation) -> float | None:
    value = observation.value
    return int(value) if value is not None and value.is_integer() else value


def _is_classed(before: Sequence[FollowUpResult], taken_at: datetime, answers: Mapping[str, object]) -> bool:
    """True if the reading was classed last with all that is known of it now: a correction is classed again."""
    same = [each for each in before if each.taken_at == taken_at]
    newest = max(same, key=lambda each: (each.recorded_at, len(each.answers)), default=None)
    return newest is not None and all(newest.answers.get(item) == answer for item, answer in answers.items())
