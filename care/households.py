"""Households: who lives together. That gives nobody a right to hear anything; scopes do (care.relatives)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.patients import PatientId


class HouseholdRole(StrEnum):
    """What somebody is in his household."""

    HEAD = "head"
    SPOUSE = "spouse"
    CHILD = "child"
    PARENT = "parent"
    GRANDPARENT = "grandparent"
    GRANDCHILD = "grandchild"
    OTHER = "other"


@dataclass(kw_only=True, eq=False)
class Household:
    """People who live together."""

    id: str
    name: str
    created_at: datetime
    created_by: str | None = None


@dataclass(kw_only=True, eq=False)
class HouseholdMember:
    """A patient in a household; rows end, they never go."""

    id: str
    household_id: str
    patient_id: PatientId
    role: HouseholdRole
    joined_at: datetime
    joined_by: str | None = None
    left_at: datetime | None = None
    left_because: str = ""


def refusal_to_join(living: Iterable[HouseholdMember], role: HouseholdRole) -> str | None:
    """Why nobody can join in this role; None if he can. `living` are those who are in the household now."""
    if role is HouseholdRole.HEAD and any(member.role is HouseholdRole.HEAD for member in living):
        return "the household has its head already: join in another role, or let the head leave first"
    return None
