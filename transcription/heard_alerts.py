"""Alerts from what a patient says in a call: the same from captions while he speaks and from the transcript after."""

from collections.abc import Sequence

from db.alert_raising import raise_alert
from db.unit_of_work import UnitOfWork
from followup.alerts import Alert
from followup.outcomes import NOT_THE_PATIENT
from followup.recordings import Recording, Turn
from runtime.identifiers import new_id
from transcription.red_flags import RedFlagSets, alerts_in


def raise_heard(
    uow: UnitOfWork,
    recording: Recording,
    attempt_id: str,
    turns: Sequence[Turn],
    language: str,
    red_flags: RedFlagSets,
    *,
    live: bool = False,
) -> list[Alert]:
    """Raise what is heard for the first time in a recording whose row is locked; what was raised is not raised again.

    Nothing is raised when it is known already that a stranger spoke.
    """
    attempt = uow.attempts.get(attempt_id)
    if attempt is not None and attempt.outcome in NOT_THE_PATIENT:
        return []
    known = {alert.code for alert in uow.alerts.of_recording(recording.id)}
    flags = red_flags.of(uow.plans.red_flags_of_tasks(uow.attempts.tasks_of(attempt_id)))
    raised: list[Alert] = []
    for sign in alerts_in(turns, flags, language):
        if sign.code in known:
            continue
        alert = Alert(
            id=new_id(),
            patient_id=recording.patient_id,
            attempt_id=attempt_id,
            recording_id=recording.id,
            code=sign.code,
            level=sign.level,
            at_second=sign.at,
            raised_at=uow.now,
            # Captions are gone when the transcript comes: their numbers would point at other turns.
            evidence={"heard": sign.heard, **({"live": True} if live else {"turn": sign.turn})},
        )
        if raise_alert(uow, alert):
            raised.append(alert)
    return raised
