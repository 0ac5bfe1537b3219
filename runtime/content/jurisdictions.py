"""content/jurisdictions: when, how often and on what grounds one may call, as a hospital's law and custom have it."""

from datetime import time, timedelta
from typing import Literal

from pydantic import Field

from care.consent import ConsentScope, LegalBasis, Purpose
from followup.calling_hours import EVERY_DAY, CallingHours, HolidayRule, NoonRest
from followup.dialing_rules import Counted, Profile, RollingCap
from followup.pacing import DEFAULT_LIMIT, PredictiveRule
from runtime.content.documents import Head, Strict


class HoursDocument(Strict):
    weekdays: frozenset[int] = EVERY_DAY
    start: time
    end: time

    def value(self) -> CallingHours:
        return CallingHours(start=self.start, end=self.end, weekdays=self.weekdays)


class NoonRestDocument(Strict):
    start: time
    end: time
    from_age: int = Field(ge=0, le=150)


class RollingCapDocument(Strict):
    at_most: int = Field(ge=1)
    days: int = Field(ge=1, le=366)
    counts: Counted = Counted.ATTEMPTS
    purposes: frozenset[Purpose] = frozenset(Purpose)
    automated_only: bool = False


class PredictiveDocument(Strict):
    allowed: bool
    limit: float = Field(default=DEFAULT_LIMIT, ge=0, le=0.05)
    agents_least: int = Field(default=10, ge=1)
    not_again_hours: float | None = Field(default=None, ge=1, le=720)

    def value(self) -> PredictiveRule:
        hours = self.not_again_hours
        return PredictiveRule(
            allowed=self.allowed,
            limit=self.limit,
            agents_least=self.agents_least,
            not_again=timedelta(hours=hours) if hours is not None else None,
        )


class JurisdictionDocument(Head):
    attempts_per_day: int = Field(ge=1)
    completed_per_day: int = Field(ge=1)
    attempts_per_task: int | None = Field(default=None, ge=1)
    rolling_caps: tuple[RollingCapDocument, ...] = ()
    hours: tuple[HoursDocument, ...] = Field(min_length=1)
    outer_hours: tuple[HoursDocument, ...] = ()
    noon_rest: NoonRestDocument | None = None
    on_holidays: dict[Purpose, HolidayRule] = Field(default_factory=dict)
    make_up_days: Literal["as_weekdays", "as_they_fall"] = "as_weekdays"
    holidays: frozenset[str] = frozenset()
    legal_bases: dict[Purpose, dict[ConsentScope, LegalBasis]] = Field(default_factory=dict)
    recording: Literal["announced", "consented"] = "announced"
    foreign_endpoints: Literal["allowed", "refused_without_assessment"] = "allowed"
    predictive: PredictiveDocument | None = None

    def value(self) -> Profile:
        rest = self.noon_rest
        return Profile(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            hours=tuple(each.value() for each in self.hours),
            outer_hours=tuple(each.value() for each in self.outer_hours),
            noon_rest=NoonRest(start=rest.start, end=rest.end, from_age=rest.from_age) if rest else None,
            on_holidays=self.on_holidays,
            make_up_days_as_weekdays=self.make_up_days == "as_weekdays",
            holidays=self.holidays,
            attempts_per_day=self.attempts_per_day,
            completed_per_day=self.completed_per_day,
            attempts_per_task=self.attempts_per_task,
            rolling_caps=tuple(
                RollingCap(
                    at_most=cap.at_most,
                    days=cap.days,
                    counts=cap.counts,
                    purposes=cap.purposes,
                    automated_only=cap.automated_only,
                )
                for cap in self.rolling_caps
            ),
            legal_bases={
                (purpose, scope): basis
                for purpose, scopes in self.legal_bases.items()
                for scope, basis in scopes.items()
            },
            recording_needs_consent=self.recording == "consented",
            foreign_endpoints_need_assessment=self.foreign_endpoints == "refused_without_assessment",
            predictive=self.predictive.value() if self.predictive else None,
        )
