"""Households and their members: tables, mapping, repository."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, String, Table, Uuid, select, text
from sqlalchemy.orm import Session

from care.households import Household, HouseholdMember, HouseholdRole
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

households = Table(
    "households",
    metadata,
    id_column(),
    Column("name", String(200), nullable=False),
    instant("created_at"),
    Column("created_by", Uuid(as_uuid=False), nullable=True),
)

household_members = Table(
    "household_members",
    metadata,
    id_column(),
    reference("household_id", "households.id"),
    reference("patient_id", "patients.id"),
    closed_set("role", HouseholdRole),
    instant("joined_at"),
    Column("joined_by", Uuid(as_uuid=False), nullable=True),
    instant("left_at", nullable=True),
    Column("left_because", String(200), nullable=False, default=""),
    Index("uq_household_members_living", "patient_id", unique=True, postgresql_where=text("left_at IS NULL")),
)

mapper_registry.map_imperatively(Household, households)
mapper_registry.map_imperatively(HouseholdMember, household_members)


class HouseholdRepository:
    """Who lives with whom; each patient in one household at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, household: Household) -> None:
        """Save a household."""
        self._session.add(household)
        self._session.flush()

    def for_update(self, household_id: str) -> Household | None:
        """The household with this id, locked: two who join at once come one after the other."""
        return self._session.scalar(select(Household).where(households.c.id == household_id).with_for_update())

    def get(self, household_id: str) -> Household | None:
        """The household with this id."""
        return self._session.get(Household, household_id)

    def join(self, member: HouseholdMember) -> None:
        """Save that somebody lives in a household."""
        self._session.add(member)
        self._session.flush()

    def members(self, household_id: str) -> Sequence[HouseholdMember]:
        """Everybody who lives or lived in a household: the head first, of others who came first."""
        found = self._session.scalars(
            select(HouseholdMember)
            .where(household_members.c.household_id == household_id)
            .order_by(household_members.c.joined_at, household_members.c.id)
        ).all()
        roles = list(HouseholdRole)
        return sorted(found, key=lambda member: (roles.index(member.role), member.joined_at))

    def living_of(self, patient_id: str) -> HouseholdMember | None:
        """Where a patient lives now."""
        return self._session.scalar(
            select(HouseholdMember).where(
                household_members.c.patient_id == patient_id, household_members.c.left_at.is_(None)
            )
        )
