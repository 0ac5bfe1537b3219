"""What a SIU message changes: an appointment is made, moved, cancelled or missed, and its reminders with it."""

from care.appointments import AppointmentState
from care.patients import Encounter, Patient
from db.appointment_moves import move_appointment
from db.unit_of_work import UnitOfWork
from followup.appointments import APPOINTMENT, AppointmentSource, AppointmentTrigger
from followup.feeds import ConsequenceKind, FeedMessage, FeedReason, FeedVisit, VisitState
from followup.states import IllegalTransitionError
from interop.hl7.desk import FeedDesk
from interop.hl7.outcomes import Applied, owe
from interop.hl7.people import person_meant, source_of, take_person
from interop.hl7.persons import Remarks
from interop.hl7.telling import AppointmentTold, Booking
from runtime.identifiers import new_id

_MOVES = {Booking.CANCELLED: AppointmentTrigger.CANCEL, Booking.MISSED: AppointmentTrigger.MISS}
_GONE = frozenset({AppointmentState.CANCELLED, AppointmentState.MISSED, AppointmentState.REBOOK_WANTED})


def apply_siu(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, told: AppointmentTold) -> Applied:
    """Take in what a SIU message tells."""
    done = Applied(remarks=Remarks(list(told.remarks)))
    if told.booking is Booking.BOOKED:
        patient = take_person(uow, desk, told.person, sender=message.sender, at=told.at, remarks=done.remarks).patient
    else:
        patient = person_meant(uow, told.person)
    done.patient_id = patient.id
    known = uow.feeds.visit(patient.id, _number(told))
    if known is not None and told.at < known.order_at:
        done.ignored = FeedReason.OLDER
        done.told = f"newer word of this appointment is known, of {known.order_at:%Y-%m-%d %H:%M} UTC"
        return done
    encounter = _known(uow, patient, told, known)
    if told.booking in _MOVES:
        _end(uow, message, told, encounter, done)
    else:
        encounter = _book(uow, desk, message, told, patient, encounter, done)
    if known is None:
        known = FeedVisit(
            id=new_id(),
            patient_id=patient.id,
            visit_number=_number(told),
            state=VisitState.APPOINTMENT,
            order_at=told.at,
        )
        uow.feeds.add_visit(known)
    known.order_at = told.at
    known.encounter_id = encounter.id if encounter else None
    uow.flush()
    return done


def _number(told: AppointmentTold) -> str:
    return f"appointment:{told.number}"[:64]


def _known(uow: UnitOfWork, patient: Patient, told: AppointmentTold, known: FeedVisit | None) -> Encounter | None:
    if known is not None and known.encounter_id is not None:
        return uow.patients.encounter(known.encounter_id)
    for each in uow.patients.encounters_of(patient.id):
        if each.kind != APPOINTMENT:
            continue
        # A list may have brought it in already, without its number.
        same = each.occurred_at == told.starts_at and each.department == told.department
        if each.visit_number == told.number or (each.visit_number is None and same):
            return each
    return None


def _book(
    uow: UnitOfWork,
    desk: FeedDesk,
    message: FeedMessage,
    told: AppointmentTold,
    patient: Patient,
    encounter: Encounter | None,
    done: Applied,
) -> Encounter | None:
    starts_at = told.starts_at
    if starts_at is None:
        return encounter
    template = desk.content.discharge_plans.appointment
    ahead = starts_at > uow.now and patient.deceased_at is None
    if encounter is None:
        encounter = Encounter(
            id=new_id(),
            patient_id=patient.id,
            department=told.department or "-",
            kind=APPOINTMENT,
            occurred_at=starts_at,
            visit_number=told.number,
            doctor=told.doctor,
            source=source_of(message.sender),
        )
        uow.patients.add_encounter(encounter)
        uow.flush()
        if told.booking is Booking.BOOKED or ahead:
            _remind(uow, message, told, encounter, ConsequenceKind.START_PLAN, template if ahead else None, done)
        return encounter
    again = encounter.appointment_state in _GONE
    moved = encounter.occurred_at != starts_at
    encounter.visit_number = told.number
    encounter.department = told.department or encounter.department
    encounter.doctor = told.doctor or encounter.doctor
    encounter.occurred_at = starts_at
    if moved or again:
        _open_again(uow, encounter)
        _remind(uow, message, told, encounter, ConsequenceKind.RESTART_PLAN, template if ahead else None, done)
    else:
        # A list brought it in, or it was told twice: its reminder is planned once.
        _remind(uow, message, told, encounter, ConsequenceKind.START_PLAN, template if ahead else None, done)
    return encounter


def _remind(
    uow: UnitOfWork,
    message: FeedMessage,
    told: AppointmentTold,
    encounter: Encounter,
    kind: ConsequenceKind,
    template: str | None,
    done: Applied,
) -> None:
    if template is None:
        done.remarks.add("no reminder is planned: the appointment is over, or content/discharge_plans.yaml names none")
        if kind is ConsequenceKind.RESTART_PLAN:
            owe(uow, message, encounter.patient_id, ConsequenceKind.END_PLANS, at=told.at, encounter_id=encounter.id)
        return
    owe(uow, message, encounter.patient_id, kind, at=told.at, encounter_id=encounter.id, template_id=template)


def _open_again(uow: UnitOfWork, encounter: Encounter) -> None:
    """Its old hour was confirmed, cancelled or missed; nobody has said anything of the new one."""
    if encounter.appointment_state in (None, AppointmentState.BOOKED, AppointmentState.ATTENDED):
        return
    if encounter.appointment_state is AppointmentState.CONFIRMED:
        move_appointment(uow, encounter, AppointmentTrigger.WISH_REBOOK, source=AppointmentSource.FEED)
    move_appointment(uow, encounter, AppointmentTrigger.REBOOK, source=AppointmentSource.FEED)


def _end(
    uow: UnitOfWork, message: FeedMessage, told: AppointmentTold, encounter: Encounter | None, done: Applied
) -> None:
    if encounter is None:
        done.remarks.add(
            "the appointment was not known; should it be told of later, with an older instant, it stays away"
        )
        return
    try:
        move_appointment(uow, encounter, _MOVES[told.booking], source=AppointmentSource.FEED)
    except IllegalTransitionError:
        state = encounter.appointment_state.value if encounter.appointment_state else "booked"
        done.remarks.add(f"the appointment is {state} and stays so")
        return
    if told.booking is Booking.CANCELLED:
        owe(uow, message, encounter.patient_id, ConsequenceKind.END_PLANS, at=told.at, encounter_id=encounter.id)
