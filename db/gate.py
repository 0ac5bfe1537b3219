"""The gate before every call as this installation asks it: its rules, its facts from the database, its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, Standing, is_permitted, standing
from care.patients import ContactPoint, NumberOwner, NumberQuality
from db.unit_of_work import UnitOfWork
from followup.calling_hours import Callee
from followup.dialing_rules import GateFacts, Mode, Profile, Verdict, may_call_now, tally
from followup.plans import EMERGENCY, Task, TaskMode
from runtime.content.library import Content
from runtime.phone_numbers import is_dialable
from runtime.settings import Settings
from runtime.trunks_file import declared_trunks, stays_on_this_machine


class UnknownSubjectError(LookupError):
    """A task names a patient or queue that is not there."""


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
    never_dialed: tuple[str, ...] = ()  # how numbers begin that are nobody's own: wards, desks, the exchange
    zone: str = "Asia/Shanghai"  # the hospital's
    calendar_region: str | None = None  # whose public holidays and make-up days count

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "Gate":
        """The gate of an installation."""
        return cls(
            mode=settings.mode,
            profile=content.jurisdictions[settings.jurisdiction.value],
            # Without a trunk the telephony node dials this machine itself.
            trunk_is_loopback=stays_on_this_machine(declared_trunks(settings)),
            allow_list=frozenset(settings.trial_allow_list),
            never_dialed=settings.never_dialed,
            zone=settings.hospital_zone,
            calendar_region=settings.calendar_region,
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
        facts = self._gather(uow, task, number, now=now, besides_attempt=besides_attempt)
        verdict, kept = stored(facts, self.profile, now)
        return GateAnswer(verdict=verdict, facts=facts, kept=kept)

    def _gather(
        self, uow: UnitOfWork, task: Task, number: ContactPoint | None, *, now: datetime, besides_attempt: str | None
    ) -> GateFacts:
        patient = uow.patients.get(task.patient_id)
        if patient is None:
            raise UnknownSubjectError(f"task {task.id}: its patient does not exist")
        profile = self.profile
        zone = _zone(patient.zone)
        local = now.astimezone(zone or ZoneInfo("UTC"))
        midnight = datetime.combine(local.date(), time(0), tzinfo=local.tzinfo)
        automated = task.mode is TaskMode.AUTOMATED
        caps = tuple(cap for cap in profile.rolling_caps if cap.concerns((task.purpose,), automated=automated))
        known = uow.gate_facts.of(
            task,
            number.number if number else None,
            midnight=midnight,
            since=min([midnight, *(now - timedelta(days=cap.days) for cap in caps)]),
            besides=besides_attempt,
            now=now,
        )
        if known.queue_paused is None:
            raise UnknownSubjectError(f"task {task.id}: its queue does not exist")
        scope = ConsentScope.AUTOMATED_PHONE if automated else ConsentScope.PHONE
        where, basis = standing(known.words, task.purpose, scope), profile.legal_basis(task.purpose, scope)
        today = [contact for contact in known.past if contact.at >= midnight]
        emergency = task.variables.get(EMERGENCY)
        return GateFacts(
            mode=self.mode,
            zone=patient.zone,
            zone_known=zone is not None,
            earliest_at=task.earliest_at,
            latest_at=task.latest_at,
            automated=automated,
            callee=Callee(
                purpose=task.purpose,
                born=patient.born,
                own=known.own_hours,
                campaign=known.campaign_hours,
                days=uow.gate_facts.days(self.calendar_region, local.date()),
            ),
            synthetic=patient.synthetic,
            deceased=patient.deceased_at is not None,
            consent=is_permitted(where, basis),
            standing=where,
            basis=basis,
            recording=standing(known.words, task.purpose, ConsentScope.RECORDING),
            do_not_call=bool(known.closed_by)
            or any(point.do_not_call for point in ([number] if number else patient.contact_points)),
            closed_by=known.closed_by,
            person_closed=known.person_closed,
            number_known=number is not None,
            number_wrong=any(
                point.quality is NumberQuality.WRONG for point in ([number] if number else patient.contact_points)
            ),
            number_dialable=number is not None and _dialable(number.number),
            number_never_dialed=number is not None and number.number.startswith(self.never_dialed or ("-",)),
            number_on_allow_list=number is not None and number.number in self.allow_list,
            relative_agreed=_relative_agreed(
                uow, number, standing(known.words, task.purpose, ConsentScope.RELATIVE), now
            ),
            trunk_is_loopback=self.trunk_is_loopback,
            queue_paused=known.queue_paused,
            plan_stopped=known.plan_stopped,
            campaign_stopped=known.campaign_stopped,
            campaign_full=known.campaign_full,
            attempts_today=len(today),
            completed_today=sum(contact.reached for contact in today),
            attempts_of_task=sum(contact.of_this_task for contact in known.past),
            tallies=tuple(tally(cap, known.past, now) for cap in caps),
            other_live_attempt=known.busy,
            emergency=str(emergency) if emergency else None,
            doctors_exception=known.doctors_exception,
        )


def stored(facts: GateFacts, profile: Profile, now: datetime) -> tuple[Verdict, dict[str, object]]:
    """The verdict, and what is kept of it with the attempt: inputs, profile, moment, reasons."""
    verdict = may_call_now(facts, profile, now)
    return verdict, {
        "at": now.isoformat(),
        "profile": f"{profile.id}/{profile.version}",
        "allowed": verdict.allowed,
        "reasons": [reason.value for reason in verdict.reasons],
        "lifted": [reason.value for reason in verdict.lifted],
        "facts": {each.name: _plain(getattr(facts, each.name)) for each in fields(facts)},
    }


def _relative_agreed(uow: UnitOfWork, number: ContactPoint | None, where: Standing, now: datetime) -> bool:
    """Another person's number is rung by the patient's word: about the relative known behind it, else about any."""
    if number is None or number.owner is NumberOwner.SELF:
        return True
    behind = uow.relatives.of_number(number.id, now)
    if behind:
        return where is not Standing.WITHDRAWN and any(relative.matters(now) for relative in behind)
    return where is Standing.GRANTED


def _plain(value: object) -> object:
    """A fact as JSON tells it."""
    match value:
        case None | bool() | int() | str():
            return value.value if isinstance(value, StrEnum) else value
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case frozenset():
            return sorted(_plain(inner) for inner in value)  # type: ignore[type-var]  # members of one closed set
        case _ if is_dataclass(value):
            return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        case _:
            raise TypeError(f"a fact of the gate cannot be stored: {value!r}")


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """The zone, or None where there is none of this name: a row must never stop the calls of all others."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


@lru_cache(maxsize=65536)
def _dialable(number: str) -> bool:
    return is_dialable(number)
