"""The gate before every call as this installation asks it: its rules, its facts from the database, its verdict."""

from dataclasses import asdict, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, is_granted
from care.patients import ContactPoint, Patient
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import GateFacts, Mode, Profile, Verdict, may_call_now
from followup.plans import Task, TaskMode
from runtime.content.library import Content
from runtime.phone_numbers import is_dialable
from runtime.settings import Settings
from runtime.trunks_file import declared_trunks, stays_on_this_machine


class UnknownSubjectError(LookupError):
    """A task names a patient or queue that is not there."""


def gather(
    uow: UnitOfWork,
    task: Task,
    number: ContactPoint | None,
    *,
    mode: Mode,
    trunk_is_loopback: bool,
    allow_list: frozenset[str],
    besides_attempt: str | None = None,
) -> GateFacts:
    """Everything `may_call_now` needs about calling this patient on this number for this task."""
    patient = uow.patients.get(task.patient_id)
    queue = uow.queues.get(task.queue_id)
    if patient is None or queue is None:
        raise UnknownSubjectError(f"task {task.id}: its patient or queue does not exist")
    scope = ConsentScope.AUTOMATED_PHONE if task.mode is TaskMode.AUTOMATED else ConsentScope.PHONE
    attempts_today, completed_today = uow.attempts.counts_since(
        task.patient_id, _start_of_day(patient, uow.now), besides=besides_attempt
    )
    return GateFacts(
        mode=mode,
        zone=patient.zone,
        earliest_at=task.earliest_at,
        latest_at=task.latest_at,
        synthetic=patient.synthetic,
        deceased=patient.deceased_at is not None,
        consent=is_granted(uow.patients.consents_of(task.patient_id), task.purpose, scope),
        do_not_call=uow.patients.is_on_do_not_call(task.patient_id, number.number if number else None)
        or any(point.do_not_call for point in ([number] if number else patient.contact_points)),
        number_known=number is not None,
        number_wrong=number is None and any(p.quality.value == "wrong" for p in patient.contact_points),
        number_dialable=number is not None and is_dialable(number.number),
        number_on_allow_list=number is not None and number.number in allow_list,
        trunk_is_loopback=trunk_is_loopback,
        queue_paused=queue.paused,
        attempts_today=attempts_today,
        completed_today=completed_today,
        other_live_attempt=uow.attempts.has_live(task.patient_id, besides=besides_attempt)
        # Whoever is on our line just now is not rung beside it; he is passed over for a moment, as in a call of ours.
        or uow.inbound.rings_us_now(task.patient_id)
        # Nor is one who was handed over and talks on, though his attempt is closed.
        or uow.calls.has_live(task.patient_id, besides_attempt=besides_attempt),
    )


def stored(facts: GateFacts, profile: Profile, now: datetime) -> tuple[Verdict, dict[str, object]]:
    """The verdict, and what is kept of it with the attempt: inputs, profile, moment, reasons."""
    verdict = may_call_now(facts, profile, now)
    inputs = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(facts).items()}
    return verdict, {
        "at": now.isoformat(),
        "profile": f"{profile.id}/{profile.version}",
        "allowed": verdict.allowed,
        "reasons": [reason.value for reason in verdict.reasons],
        "facts": inputs,
    }


def _start_of_day(patient: Patient, now: datetime) -> datetime:
    return now.astimezone(ZoneInfo(patient.zone)).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """The verdict, the facts it came from, and the form in which both are kept with an attempt."""

    verdict: Verdict
    facts: GateFacts
    kept: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """May a patient be dialed? Asked with the calling law, mode and trunk of this installation."""

    mode: Mode
    profile: Profile
    trunk_is_loopback: bool
    allow_list: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "Gate":
        """The gate of an installation."""
        return cls(
            mode=settings.mode,
            profile=content.jurisdictions[settings.jurisdiction.value],
            # Without a trunk the telephony node dials this machine itself.
            trunk_is_loopback=stays_on_this_machine(declared_trunks(settings)),
            allow_list=frozenset(settings.trial_allow_list),
        )

    def ask(
        self,
        uow: UnitOfWork,
        task: Task,
        number: ContactPoint | None,
        *,
        now: datetime,
        besides_attempt: str | None = None,
    ) -> GateAnswer:
        """May this task be dialed on this number now?"""
        facts = gather(
            uow,
            task,
            number,
            mode=self.mode,
            trunk_is_loopback=self.trunk_is_loopback,
            allow_list=self.allow_list,
            besides_attempt=besides_attempt,
        )
        verdict, kept = stored(facts, self.profile, now)
        return GateAnswer(verdict=verdict, facts=facts, kept=kept)
