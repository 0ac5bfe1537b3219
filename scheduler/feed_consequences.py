"""What the hospital's messages ask of plans: start, pause, resume and end them, for one patient in order, each once.

What a nurse decided stands: a plan that she ended is not started again, one that she resumed is not touched by the
message that paused it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from care.patients import Encounter, Patient
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.feeds import Consequence, ConsequenceKind, ConsequenceState
from followup.imports import ListKind
from followup.plans import Plan, PlanEnd, PlanState
from followup.queues import Queue
from scheduler.listed_plans import PlanSurroundings, said_of
from scheduler.merging import MergeNotPossibleError, merge_patients
from scheduler.own_plans import resume_plan
from scheduler.planning import PlanNotPossibleError, start_plan
from scheduler.stops import cancel_plan, patient_died, pause_plan

log = structlog.get_logger(__name__)

_TOLD = 500
_NOT_BY_HAND = frozenset({PlanEnd.DISCHARGE_CANCELLED, PlanEnd.DECEASED})
"""The hospital ended the plan, and may start it anew."""


class NotYetError(Exception):
    """It cannot be done now, and can be later; what comes after it waits too."""


def follow_feeds(units: UnitsOfWork, patient_id: str, surroundings: PlanSurroundings) -> int:
    """Do what is owed for a patient; how many were done."""
    with units() as uow:
        done = 0
        queues: Mapping[str, Queue] = {}
        for owed in uow.feeds.owed(patient_id):
            queues = queues or {queue.name: queue for queue in uow.queues.all()}
            try:
                with uow.savepoint():
                    refused = _Following(uow, owed, surroundings, queues).follow()
                    uow.flush()
            except NotYetError as wait:
                log.info("feed_consequence_waits", consequence=owed.id, reason=str(wait))
                break
            except (PlanNotPossibleError, MergeNotPossibleError) as refusal:
                refused = str(refusal)
            owed.state = ConsequenceState.REFUSED if refused else ConsequenceState.DONE
            owed.told = refused[:_TOLD]
            if refused:
                log.warning("feed_consequence_refused", consequence=owed.id, kind=owed.kind.value)
            else:
                done += 1
            owed.done_at = uow.now
        uow.outbox.wake()
        uow.commit()
    return done


class _Following:
    """One consequence, being done."""

    def __init__(
        self, uow: UnitOfWork, owed: Consequence, surroundings: PlanSurroundings, queues: Mapping[str, Queue]
    ) -> None:
        self._uow = uow
        self._owed = owed
        self._surroundings = surroundings
        self._queues = queues
        self._reason = f"feed message {owed.message_id}"

    def follow(self) -> str:
        """Do it; why a part of it could not be done, if so."""
        ways: dict[ConsequenceKind, Callable[[], str | None]] = {
            ConsequenceKind.START_PLAN: self._start,
            ConsequenceKind.PAUSE_PLANS: self._pause,
            ConsequenceKind.RESUME_PLANS: self._resume,
            ConsequenceKind.END_PLANS: self._end,
            ConsequenceKind.RESTART_PLAN: self._restart,
            ConsequenceKind.DIED: self._died,
            ConsequenceKind.MERGE: self._merge,
        }
        return ways[self._owed.kind]() or ""

    def _patient(self) -> Patient:
        patient = self._uow.patients.get(self._owed.patient_id)
        if patient is None:
            raise PlanNotPossibleError("the patient is gone")
        return patient

    def _encounter(self) -> Encounter:
        found = self._uow.patients.encounter(self._owed.encounter_id) if self._owed.encounter_id else None
        if found is None:
            raise PlanNotPossibleError("the visit is gone")
        return found

    def _start(self) -> None:
        encounter = self._encounter()
        template_id = self._owed.template_id or ""
        template = self._surroundings.templates.get(template_id)
        if template is None:
            raise PlanNotPossibleError(f"there is no plan template {template_id} any more: start a plan by hand")
        earlier = [
            plan
            for plan in self._uow.plans.plans_of_patient(encounter.patient_id)
            if plan.encounter_id == encounter.id
            and plan.template_id == template_id
            and plan.state is PlanState.CANCELLED
        ]
        if any(plan.end not in _NOT_BY_HAND for plan in earlier):
            raise PlanNotPossibleError("somebody ended this visit's plan: start another by hand if it is wanted")
        plan = start_plan(
            self._uow,
            patient=self._patient(),
            encounter=encounter,
            template=template,
            queues_by_name=self._queues,
            now=self._uow.now,
            variables=said_of(encounter, self._surroundings.time.zone),
            time=self._surroundings.time,
            roster=self._surroundings.roster,
        )
        self._owed.plans = [plan.id]

    def _pause(self) -> None:
        admitted_at = self._encounter().occurred_at
        running = [
            plan
            for plan in self._uow.plans.unfinished_of_patient(self._owed.patient_id)
            if plan.state is PlanState.RUNNING and not self._is_of_later_visit(plan, admitted_at=admitted_at)
        ]
        for plan in running:
            pause_plan(self._uow, plan, by=None, reason=self._reason, now=self._uow.now)
        self._owed.plans = [str(plan.id) for plan in running]

    def _is_of_later_visit(self, plan: Plan, *, admitted_at: datetime) -> bool:
        """One of a discharge behind this admission goes on."""
        encounter = self._uow.patients.encounter(plan.encounter_id)
        later = encounter is not None and encounter.occurred_at > admitted_at
        return later and encounter is not None and encounter.kind != ListKind.APPOINTMENT.value

    def _resume(self) -> None:
        pauses = self._uow.feeds.pauses(self._owed.patient_id, self._owed.encounter_id or "")
        resumed = []
        for pause, plan_id in [(each, plan_id) for each in pauses for plan_id in each.plans]:
            plan = self._uow.plans.get(plan_id)
            # Whoever resumed or ended it since has decided.
            if plan is None or plan.state is not PlanState.PAUSED:
                continue
            if pause.done_at is not None and plan.state_since > pause.done_at:
                continue
            resume_plan(self._uow, plan, time=self._surroundings.time, by=None, reason=self._reason, now=self._uow.now)
            resumed.append(plan.id)
        self._owed.plans = [str(plan_id) for plan_id in resumed]

    def _end(self) -> None:
        self._owed.plans = [str(plan.id) for plan in self._end_plans(self._encounter())]

    def _end_plans(self, encounter: Encounter) -> list[Plan]:
        plans = list(self._uow.plans.unfinished_of_patient(encounter.patient_id, encounter_id=encounter.id))
        for plan in plans:
            cancel_plan(self._uow, plan, PlanEnd.DISCHARGE_CANCELLED, by=None, reason=self._reason, now=self._uow.now)
        self._uow.flush()
        return plans

    def _restart(self) -> str | None:
        self._end_plans(self._encounter())
        try:
            with self._uow.savepoint():
                self._start()
        except PlanNotPossibleError as refusal:
            # The old hour is told to nobody any more, even where nobody can tell of the new one.
            return str(refusal)
        return None

    def _died(self) -> None:
        patient = self._patient()
        if patient.deceased_at is None:
            # A later message took the death back before anybody came to this.
            return
        plans = [str(plan.id) for plan in self._uow.plans.unfinished_of_patient(patient.id)]
        patient_died(self._uow, patient, at=patient.deceased_at, by=None, reason=self._reason)
        self._owed.plans = plans

    def _went_into(self, patient_id: str) -> str:
        """The record at the end of a chain of mergers."""
        while (further := self._uow.merges.merged_into(patient_id)) is not None:
            patient_id = further
        return patient_id

    def _merge(self) -> None:
        gone = self._uow.patients.get(self._owed.other_patient_id or "")
        into = self._uow.patients.get(self._went_into(self._owed.patient_id))
        if gone is None or into is None or self._went_into(gone.id) == into.id:
            return
        if self._went_into(gone.id) != gone.id:
            raise MergeNotPossibleError(
                "somebody merged the record into another one than the hospital did: compare the two and merge by hand"
            )
        try:
            merge_patients(self._uow, gone, into, by=None, reason=self._reason)
        except MergeNotPossibleError as refusal:
            raise NotYetError(str(refusal)) from refusal
