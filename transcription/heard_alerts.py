"""Alerts from what a patient says in a call: the same from captions while he speaks and from the transcript after."""

from collections.abc import Sequence

from care.relatives import Speaker
from db.alert_raising import raise_alert
from db.unit_of_work import UnitOfWork
from followup.alerts import LEVEL_ORDER, Alert
from followup.outcomes import NOT_THE_PATIENT, AttemptOutcome
from followup.recordings import Recording, Turn
from runtime.identifiers import new_id
from transcription.red_flags import RedFlag, RedFlagSets, alerts_in


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
    flags = listened_for(uow, red_flags, attempt_id, recording.patient_id)
    families = {flag.code: flag.family for flag in flags if flag.family}
    known = uow.alerts.of_recording(recording.id)
    raised: list[Alert] = []
    for sign in alerts_in(turns, flags, language, by_relative=relative_on_the_line(uow, attempt_id)):
        if any(
            alert.code == sign.code
            # What is as urgent and of the same kind tells nothing new: 喘不上气, and then 突然喘不上气.
            or (
                sign.family
                and families.get(alert.code) == sign.family
                and LEVEL_ORDER[alert.level] <= LEVEL_ORDER[sign.level]
            )
            for alert in (*known, *raised)
        ):
            continue
        alert = Alert(
            id=new_id(),
            patient_id=recording.patient_id,
            attempt_id=attempt_id,
            recording_id=recording.id,
            code=sign.code,
            level=sign.level,
            at_second=sign.at,
            finding=sign.code,
            raised_at=uow.now,
            # Captions are gone when the transcript comes: their numbers would point at other turns.
            evidence={"heard": sign.heard, **({"live": True} if live else {"turn": sign.turn})},
        )
        if raise_alert(uow, alert):
            raised.append(alert)
    return raised


def listened_for(uow: UnitOfWork, red_flags: RedFlagSets, attempt_id: str, patient_id: str) -> list[RedFlag]:
    """The general signs, those of the call's plans, and those of the illnesses that the patient's record tells of."""
    of_plans = uow.plans.red_flags_of_tasks(uow.attempts.tasks_of(attempt_id))
    return red_flags.of([*of_plans, *red_flags.of_history(uow.history.current_of(patient_id))])


def relative_on_the_line(uow: UnitOfWork, attempt_id: str) -> bool:
    """Whether somebody of the patient's family speaks for him, as far as the check of who it is or the outcome says."""
    checks = uow.identity.of_attempt(attempt_id)
    if checks:
        return checks[-1].person == Speaker.RELATIVE
    attempt = uow.attempts.get(attempt_id)
    return attempt is not None and attempt.outcome is AttemptOutcome.CONNECTED_PROXY
