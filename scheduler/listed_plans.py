"""Plans for the visits of a list: started behind the import, visit by visit, each once, refusals kept in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog

from care.patients import Encounter
from db.calendar import HospitalTime
from db.imports import WantedPlan
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.imports import ListKind
from followup.plans import PlanEnd, PlanState, PlanTemplate
from followup.queues import Queue
from scheduler.planning import PlanNotPossibleError, start_plan
from scheduler.roster_rule import RosterRule
from scheduler.stops import cancel_plan

log = structlog.get_logger(__name__)

AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSurroundings:
    """What plans of lists are started with in this hospital."""

    templates: Mapping[str, PlanTemplate]
    time: HospitalTime
    roster: RosterRule | None


def start_listed_plans(units: UnitsOfWork, import_id: str, surroundings: PlanSurroundings) -> int:
    """Start what the rows written so far ask for and have not got; how many plans there are more."""
    started = 0
    while True:
        with units() as uow:
            wanted = uow.imports.wanted_plans(import_id, limit=AT_ONCE)
            queues = {queue.name: queue for queue in uow.queues.all()} if wanted else {}
            for row in wanted:
                started += _start(uow, import_id, row, surroundings, queues)
            uow.commit()
        if len(wanted) < AT_ONCE:
            return started


def stop_listed_plans(units: UnitsOfWork, import_id: str) -> int:
    """Cancel the plans of visits that a list brought in and that is being taken back; one that was tried goes on."""
    stopped = after = 0
    while True:
        with units() as uow:
            plans = uow.imports.plans_of_new_visits(import_id, after=after, limit=AT_ONCE)
            for line, plan_id in plans:
                after = line
                plan = uow.plans.get(plan_id)
                tried = plan is None or any(task.attempts_made for task in uow.plans.tasks_of_plan(plan_id))
                if plan is None or tried or plan.state is not PlanState.RUNNING:
                    continue
                cancel_plan(uow, plan, PlanEnd.BY_HAND, by=None, reason=f"import {import_id} undone", now=uow.now)
                stopped += 1
            uow.commit()
        if len(plans) < AT_ONCE:
            return stopped


def _start(
    uow: UnitOfWork, import_id: str, row: WantedPlan, surroundings: PlanSurroundings, queues: Mapping[str, Queue]
) -> bool:
    template = surroundings.templates.get(row.template_id)
    patient, encounter = uow.patients.get(row.patient_id), uow.patients.encounter(row.encounter_id)
    if template is None or patient is None or encounter is None:
        uow.imports.note_plan(import_id, row.line, plan_id=None, refusal="the template or the visit is gone")
        return False
    try:
        with uow.savepoint():
            plan = start_plan(
                uow,
                patient=patient,
                encounter=encounter,
                template=template,
                queues_by_name=queues,
                now=uow.now,
                variables=said_of(encounter, surroundings.time.zone),
                time=surroundings.time,
                roster=surroundings.roster,
            )
    except PlanNotPossibleError as refusal:
        log.warning("listed_plan_refused", list_import=import_id, line=row.line, template=row.template_id)
        uow.imports.note_plan(import_id, row.line, plan_id=None, refusal=str(refusal))
        return False
    uow.imports.note_plan(import_id, row.line, plan_id=plan.id, refusal=None)
    return True


def said_of(encounter: Encounter, zone: ZoneInfo) -> dict[str, str]:
    """What an automated call may say of the visit, in the hospital's time."""
    if encounter.kind != ListKind.APPOINTMENT:
        return {}
    return {"appointment_at": encounter.occurred_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")}
