"""A patient on an agent's screen: masked until it is shown who is on the line."""

from api.fields import Answer
from api.masking import masked_birthday, masked_name, masked_number, masked_record_number
from care.patients import Patient
from followup.attempts import Attempt


class PersonAnswer(Answer):
    """The patient as the agent may see him: masked until his identity is confirmed."""

    id: str
    masked: bool
    name: str
    sex: str | None
    language: str
    born: str | None
    record_number: str
    number: str


def person_answer(patient: Patient, attempt: Attempt, *, glass_open: bool = False) -> PersonAnswer:
    """What may be seen of him now; a broken glass shows him before he has said who he is."""
    opened = attempt.identity_confirmed_at is not None or glass_open
    born = patient.born.isoformat() if patient.born else None
    return PersonAnswer(
        id=patient.id,
        masked=not opened,
        name=patient.name if opened else masked_name(patient.name),
        sex=patient.sex,
        language=patient.language,
        born=born if opened else masked_birthday(patient.born),
        record_number=patient.record_number if opened else masked_record_number(patient.record_number),
        number=attempt.number if opened else masked_number(attempt.number),
    )
