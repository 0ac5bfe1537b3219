"""The gate's reasons in words: which field of the record each is about, and what helps."""

from collections.abc import Mapping, Sequence

from api.problems import Fault
from followup.dialing_rules import GateReason

_WORDS: Mapping[GateReason, tuple[str, str]] = {
    GateReason.BEFORE_WINDOW: ("earliest_at", "the task's window has not opened yet"),
    GateReason.AFTER_WINDOW: ("latest_at", "the task's window has closed; add a new task if the call is still wanted"),
    GateReason.OUTSIDE_HOURS: ("time", "it is outside the calling hours where the patient lives"),
    GateReason.NO_CONSENT: ("consent", "the patient has not agreed to calls for this purpose; record his consent"),
    GateReason.DO_NOT_CALL: ("do_not_call", "the patient or the number is closed to calls"),
    GateReason.DECEASED: ("deceased_at", "the patient has died"),
    GateReason.NO_NUMBER: ("contact_points", "there is no number to dial; add one"),
    GateReason.WRONG_NUMBER: ("contact_points", "the numbers known are somebody else's; find the right one"),
    GateReason.NUMBER_NOT_DIALABLE: ("contact_points", "the number cannot be dialed; check its digits"),
    GateReason.DAILY_CAP: ("attempts", "the patient was called as often today as is allowed"),
    GateReason.COMPLETED_TODAY: ("attempts", "the patient was spoken with today"),
    GateReason.QUEUE_PAUSED: ("queue", "the queue is paused; a supervisor can resume it"),
    GateReason.LIVE_ATTEMPT: ("patient", "the patient is being called right now"),
    GateReason.NOT_ON_ALLOW_LIST: ("contact_points", "this trial calls only the numbers in SUIFANG_TRIAL_ALLOW_LIST"),
    GateReason.DEMO_PATIENT: ("synthetic", "a synthetic person is never called in production"),
    GateReason.REAL_PATIENT_IN_DEMO: ("synthetic", "the demo calls synthetic people only"),
    GateReason.NOT_LOOPBACK: ("trunk", "the trunk leads outside this machine; a synthetic person lives only inside it"),
}


def faults_of(reasons: Sequence[GateReason]) -> list[Fault]:
    """Each reason as a fault."""
    return [Fault(field=_WORDS[reason][0], reason=_WORDS[reason][1]) for reason in reasons]
