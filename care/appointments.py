"""What is known of an appointment: whether the patient will come, and whether he came."""

from enum import StrEnum


class AppointmentState(StrEnum):
    """Where an appointment (a visit of kind `appointment`) stands; a visit that says nothing is booked."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"  # by the patient or the hospital
    REBOOK_WANTED = "rebook_wanted"  # the patient wants another day; a person is to find one
    ATTENDED = "attended"
    MISSED = "missed"
