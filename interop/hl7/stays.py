"""One message's word about one visit: admitted, discharged, registered, or taken back; in the order of the hospital."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from care.patients import Encounter, Patient, VisitKind
from db.unit_of_work import UnitOfWork
from followup.feeds import ConsequenceKind, FeedMessage, FeedReason, FeedVisit, VisitState
from interop.hl7.desk import FeedDesk
from interop.hl7.outcomes import Applied, died, owe
from interop.hl7.people import source_of
from interop.hl7.telling import AdtTold, Happening, NotUsableError, SentVisit
from runtime.identifiers import new_id

DISCHARGE, DISCHARGE_CANCELLED = VisitKind.DISCHARGE.value, VisitKind.DISCHARGE_CANCELLED.value
ADMISSION, ADMISSION_CANCELLED = VisitKind.ADMISSION.value, VisitKind.ADMISSION_CANCELLED.value
OUTPATIENT, EMERGENCY = VisitKind.OUTPATIENT.value, VisitKind.EMERGENCY.value
_AHEAD = timedelta(days=1)
"""Clocks differ, and discharges are entered beforehand."""

_OUTPATIENT = "O"
_LASTING = frozenset({"I", "E", "P", "R", "B", ""})
"""Patient classes (HL7 table 0004) of which an admission means that he lies in the hospital; not O, outpatients."""


@dataclass(slots=True)
class Stay:
    """One message's word about one visit, followed."""

    uow: UnitOfWork
    desk: FeedDesk
    message: FeedMessage
    told: AdtTold
    sent: SentVisit
    patient: Patient
    done: Applied
    since: datetime | None = None  # what was before it is another visit, though it has the same number

    def follow(self) -> bool:
        """Change the visit as the message tells, unless something newer is known of it.

        True if it is a discharge that was taken back already: then nothing else that it tells of leaving is so.
        """
        happening = self.told.happening
        if happening in {Happening.PERSON_ADDED, Happening.PERSON_UPDATED}:
            return False
        number = self.sent.number or self._number_by_day()
        known = self.uow.feeds.visit(self.patient.id, number)
        if happening is Happening.UPDATED:
            self._update(known)
            return False
        if known is not None and self.told.at < known.order_at:
            self.done.ignored = FeedReason.OLDER
            self.done.told = (
                f"it tells of {self.told.at:%Y-%m-%d %H:%M} UTC; of {known.order_at:%Y-%m-%d %H:%M} UTC it is known "
                f"that the visit is {known.state.value}: what it says of the person is taken, the visit stays"
            )
            return happening is Happening.DISCHARGED and known.state is VisitState.ADMITTED
        self._tell_apart(known)
        visit = known or FeedVisit(
            id=new_id(),
            patient_id=self.patient.id,
            visit_number=number,
            state=VisitState.OUTPATIENT,
            order_at=self.told.at,
        )
        before = known.state if known and self.since is None else None
        {
            Happening.ADMITTED: self._admitted,
            Happening.DISCHARGED: self._discharged,
            Happening.REGISTERED: self._registered,
            Happening.ADMISSION_CANCELLED: self._admission_cancelled,
            Happening.DISCHARGE_CANCELLED: self._discharge_cancelled,
        }[happening](visit, before)
        visit.order_at = self.told.at
        if known is None:
            self.uow.feeds.add_visit(visit)
        self.uow.flush()
        return False

    def _tell_apart(self, known: FeedVisit | None) -> None:
        """A number that is used again once its visit is over is another visit: the one before it stays as it was."""
        happening = self.told.happening
        before = self.uow.patients.encounter(known.encounter_id) if known and known.encounter_id else None
        begun = self.sent.admitted_at or (None if happening is Happening.DISCHARGED else self.told.at)
        if known is None or before is None or begun is None or begun <= before.occurred_at:
            return
        begins = {Happening.ADMITTED, Happening.DISCHARGED, Happening.REGISTERED}
        left = known.state is VisitState.DISCHARGED and happening in begins
        another_day = begun.astimezone(self.desk.zone).date() > before.occurred_at.astimezone(self.desk.zone).date()
        came_again = known.state is VisitState.OUTPATIENT and happening is Happening.REGISTERED and another_day
        if left or came_again:
            self.since = begun
            known.admission_id = known.encounter_id = None
            known.died = False

    def _number_by_day(self) -> str:
        """A visit without a number is told from others by the day it began or ended, as lists do."""
        at = self.sent.admitted_at or self.sent.discharged_at or self.told.at
        return f"day:{at.astimezone(self.desk.zone).date().isoformat()}"

    def _admitted(self, visit: FeedVisit, before: VisitState | None) -> None:
        if self.sent.patient_class not in _LASTING:
            self._registered(visit, before)
            return
        encounter = self._encounter(
            visit.admission_id, {ADMISSION, ADMISSION_CANCELLED}, ADMISSION, self.sent.admitted_at or self.told.at
        )
        visit.admission_id, visit.state = encounter.id, VisitState.ADMITTED
        if before is not VisitState.ADMITTED:
            self._owe(ConsequenceKind.PAUSE_PLANS, encounter)

    def _discharged(self, visit: FeedVisit, before: VisitState | None) -> None:
        dead = self.sent.died or self.told.person.died
        if self.sent.patient_class == _OUTPATIENT and before in {None, VisitState.OUTPATIENT} and not dead:
            # The end of an outpatient visit: nobody lay in the hospital.
            if visit.encounter_id is None:
                self._registered(visit, before)
            return
        at = self.sent.discharged_at or self.told.at
        if at > self.uow.now + _AHEAD:
            raise NotUsableError(
                FeedReason.IN_THE_FUTURE,
                "the discharge lies more than a day ahead (PV1-45): correct it there, or let it be tried again then",
            )
        admission = self._of_kind(visit.admission_id, {ADMISSION})
        if self.since is None and admission is not None and admission.occurred_at <= at:
            self.since = admission.occurred_at
        encounter = self._encounter(visit.encounter_id, {DISCHARGE, DISCHARGE_CANCELLED}, DISCHARGE, at)
        visit.encounter_id, visit.state = encounter.id, VisitState.DISCHARGED
        if dead:
            # What somebody else told of a death is not taken back with this discharge.
            told_here = died(self.uow, self.message, self.patient, self.told.person.died_at or at)
            visit.died = visit.died or told_here
        elif before is not VisitState.DISCHARGED:
            self._plan(visit, encounter)

    def _plan(self, visit: FeedVisit, encounter: Encounter) -> None:
        plans = self.desk.content.discharge_plans
        if self.sent.no_plan or self.patient.deceased_at is not None:
            self.done.remarks.add("no plan is asked for: the way he left the hospital, or a death on record, says so")
            return
        if encounter.occurred_at < self.uow.now - timedelta(days=plans.not_after_days):
            self.done.remarks.add(f"no plan is asked for: the discharge is more than {plans.not_after_days} days ago")
            return
        template = plans.template_for(self.told.diagnosis, encounter.department)
        if template is None:
            self.done.remarks.add("no plan is asked for: no rule of content/discharge_plans.yaml fits")
            return
        self._owe(ConsequenceKind.START_PLAN, encounter, template_id=template)
        for stay in self.uow.feeds.stays(self.patient.id):
            again = self.uow.patients.encounter(stay.admission_id) if stay.admission_id else None
            if stay.id != visit.id and again is not None and again.occurred_at >= encounter.occurred_at:
                # He was admitted again before anybody heard of this discharge: he is not called in hospital.
                self._owe(ConsequenceKind.PAUSE_PLANS, again)

    def _registered(self, visit: FeedVisit, before: VisitState | None) -> None:  # noqa: ARG002 one shape for all
        kind = EMERGENCY if self.sent.patient_class == "E" else OUTPATIENT
        encounter = self._encounter(
            visit.encounter_id, {OUTPATIENT, EMERGENCY}, kind, self.sent.admitted_at or self.told.at
        )
        visit.encounter_id, visit.state = encounter.id, VisitState.OUTPATIENT

    def _admission_cancelled(self, visit: FeedVisit, before: VisitState | None) -> None:
        visit.state = VisitState.ADMISSION_CANCELLED
        encounter = self.uow.patients.encounter(visit.admission_id) if visit.admission_id else None
        if encounter is not None and before is VisitState.ADMITTED:
            encounter.kind = ADMISSION_CANCELLED
            self._owe(ConsequenceKind.RESUME_PLANS, encounter)

    def _discharge_cancelled(self, visit: FeedVisit, before: VisitState | None) -> None:  # noqa: ARG002
        visit.state = VisitState.ADMITTED
        encounter = self._of_kind(visit.encounter_id, {DISCHARGE, DISCHARGE_CANCELLED})
        encounter = encounter or self._of_kind(self._known_encounter({DISCHARGE}), {DISCHARGE})
        if encounter is None:
            self.done.remarks.add(
                "the discharge was not known; should it be told of later, with an older instant, it stays away"
            )
            return
        visit.encounter_id = encounter.id
        encounter.kind = DISCHARGE_CANCELLED
        self._owe(ConsequenceKind.END_PLANS, encounter)
        if visit.died:
            visit.died = False
            self.patient.deceased_at = None
            self.done.remarks.add(
                "the patient was recorded as dead by the discharge that is taken back: he is alive again; plans that "
                "ended with it stay ended, look whether one is to be started"
            )

    def _update(self, known: FeedVisit | None) -> None:
        if known is None or self.told.at < known.order_at:
            return
        ended = known.state in {VisitState.DISCHARGED, VisitState.OUTPATIENT}
        encounter_id = known.encounter_id if ended else known.admission_id
        encounter = self.uow.patients.encounter(encounter_id) if encounter_id else None
        if encounter is not None:
            self._describe(encounter)
        if self.sent.died and known.state is VisitState.DISCHARGED and not known.died:
            known.died = True
            died(self.uow, self.message, self.patient, self.sent.discharged_at or self.told.at)
        self.uow.flush()

    def _encounter(self, known_id: str | None, kinds: Collection[str], kind: str, at: datetime) -> Encounter:
        """The encounter of this visit, known or new, as the message tells of it."""
        encounter = self._of_kind(known_id, kinds) or self._of_kind(self._known_encounter(kinds, at), kinds)
        if encounter is None:
            encounter = Encounter(
                id=new_id(),
                patient_id=self.patient.id,
                department=self.sent.department or "-",
                kind=kind,
                occurred_at=at,
                visit_number=self.sent.number,
                source=source_of(self.message.sender),
            )
            self.uow.patients.add_encounter(encounter)
        encounter.kind, encounter.occurred_at = kind, at
        self._describe(encounter)
        self.uow.flush()
        return encounter

    def _of_kind(self, encounter_id: str | None, kinds: Collection[str]) -> Encounter | None:
        """The encounter if it is of these kinds: who came to the emergency room and stayed has an encounter of each."""
        encounter = self.uow.patients.encounter(encounter_id) if encounter_id else None
        return encounter if encounter is not None and encounter.kind in kinds else None

    def _describe(self, encounter: Encounter) -> None:
        encounter.department = self.sent.department or encounter.department
        encounter.ward = self.sent.ward or encounter.ward
        encounter.doctor = self.sent.doctor or encounter.doctor
        encounter.visit_number = encounter.visit_number or self.sent.number

    def _known_encounter(self, kinds: Collection[str], at: datetime | None = None) -> str | None:
        """One that a list or a person brought in: of this number, or of this day where one of both has none."""
        zone = self.desk.zone
        for encounter in self.uow.patients.encounters_of(self.patient.id):
            if encounter.kind not in kinds or (self.since is not None and encounter.occurred_at < self.since):
                continue
            if encounter.visit_number and self.sent.number:
                if encounter.visit_number == self.sent.number:
                    return encounter.id
            elif at and encounter.occurred_at.astimezone(zone).date() == at.astimezone(zone).date():
                return encounter.id
        return None

    def _owe(self, kind: ConsequenceKind, encounter: Encounter, *, template_id: str | None = None) -> None:
        owe(
            self.uow,
            self.message,
            self.patient.id,
            kind,
            at=self.told.at,
            encounter_id=encounter.id,
            template_id=template_id,
        )
