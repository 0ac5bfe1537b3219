"""The duty roster: who of a department can be told of an alert at an hour, who stands in, and where nobody is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

HOUSE = "*"
"""The department of a shift that holds for every department: the hospital's night duty."""

ROSTER_AHEAD = timedelta(hours=24)
"""A plan with red rules is begun only where the roster covers so much from now on."""


class DutyRole(StrEnum):
    """As whom somebody is on duty, in the order in which an alert climbs."""

    NURSE = "nurse"
    DOCTOR = "doctor"
    HEAD = "head"  # of the department


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """A person who can be told now."""

    shift_id: str
    role: DutyRole
    name: str
    phone: str
    user_id: str | None


@dataclass(kw_only=True, eq=False)
class Substitute:
    """Somebody who stands in for a whole shift or a part of it: sick leave, a swap."""

    id: str
    shift_id: str
    starts_at: datetime
    ends_at: datetime
    name: str
    phone: str
    user_id: str | None = None
    reason: str = ""
    entered_by: str | None = None
    entered_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(kw_only=True, eq=False)
class DutyShift:
    """One person's duty in a department, from one instant to another, with the telephone that reaches him then."""

    id: str
    department: str
    role: DutyRole
    starts_at: datetime
    ends_at: datetime
    name: str
    phone: str
    user_id: str | None = None
    entered_by: str | None = None
    entered_at: datetime
    withdrawn_at: datetime | None = None
    substitutes: list[Substitute] = field(default_factory=list)

    def covers(self, at: datetime) -> bool:
        """Whether the shift holds at an instant."""
        return self.withdrawn_at is None and self.starts_at <= at < self.ends_at

    def person_at(self, at: datetime) -> OnDuty:
        """Who stands there at an instant: the last substitute entered for it, else the shift's own person."""
        standing = [one for one in self.substitutes if one.withdrawn_at is None and one.starts_at <= at < one.ends_at]
        if standing:
            last = max(standing, key=lambda one: (one.entered_at, one.id))
            return OnDuty(shift_id=self.id, role=self.role, name=last.name, phone=last.phone, user_id=last.user_id)
        return OnDuty(shift_id=self.id, role=self.role, name=self.name, phone=self.phone, user_id=self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time at which nobody of a role is on duty."""

    department: str
    role: DutyRole
    starts_at: datetime
    ends_at: datetime


def on_duty(shifts: Iterable[DutyShift], department: str, role: DutyRole, at: datetime) -> Sequence[OnDuty]:
    """Who of a role can be told: the department's own people, the hospital's where it has none."""
    living = [shift for shift in shifts if shift.role is role and shift.covers(at)]
    for name in (department, HOUSE):
        own = [shift for shift in living if shift.department == name]
        if own:
            return tuple(shift.person_at(at) for shift in sorted(own, key=lambda shift: (shift.starts_at, shift.id)))
    return ()


def gaps(shifts: Iterable[DutyShift], department: str, starts_at: datetime, ends_at: datetime) -> Sequence[Gap]:
    """Every time between two instants at which a role of the chain has nobody, role by role."""
    counting = [shift for shift in shifts if shift.withdrawn_at is None and shift.department in (department, HOUSE)]
    found: list[Gap] = []
    for role in DutyRole:
        free_from = starts_at
        for shift in sorted((one for one in counting if one.role is role), key=lambda one: one.starts_at):
            if shift.ends_at <= free_from:
                continue
            if shift.starts_at >= ends_at:
                break
            if shift.starts_at > free_from:
                found.append(Gap(department=department, role=role, starts_at=free_from, ends_at=shift.starts_at))
            free_from = max(free_from, shift.ends_at)
        if free_from < ends_at:
            found.append(Gap(department=department, role=role, starts_at=free_from, ends_at=ends_at))
    return found
