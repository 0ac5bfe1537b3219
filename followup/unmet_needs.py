"""Unmet needs: what patients asked for, were in danger of or were owed, and did not get; counted along any side."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NeedKind(StrEnum):
    """What was not met."""

    REQUEST = "request"
    ALERT = "alert"
    CONTACT = "contact"


class Side(StrEnum):
    """Along what needs are counted."""

    REASON = "reason"
    DEPARTMENT = "department"
    ILLNESS = "illness"
    AGENT = "agent"


OVERDUE = "overdue"
"""The reason of a contact whose window closed and that nobody has ended."""

NOT_SAID = ""
"""The key of needs of which a side is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One need, and the row in which it stands."""

    id: str
    kind: NeedKind
    reason: str
    patient_id: str | None
    departments: tuple[str, ...]
    agent_id: str | None
    at: datetime
    illnesses: tuple[str, ...] = ()

    def keys(self, side: Side) -> tuple[str, ...]:
        """Where it counts along a side: once for each department and illness that it concerns."""
        match side:
            case Side.REASON:
                return (f"{self.kind.value}:{self.reason}",)
            case Side.DEPARTMENT:
                return self.departments or (NOT_SAID,)
            case Side.ILLNESS:
                return self.illnesses or (NOT_SAID,)
            case Side.AGENT:
                return (self.agent_id or NOT_SAID,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedGroup:
    """Needs with one key."""

    key: str
    needs: int
    patients: int


def matching(needs: Iterable[Need], wanted: Mapping[Side, str], kinds: Collection[NeedKind] = ()) -> list[Need]:
    """The needs behind a figure: with these keys, of these kinds; all kinds if none is named."""
    return [
        need
        for need in needs
        if (not kinds or need.kind in kinds) and all(key in need.keys(side) for side, key in wanted.items())
    ]


def largest(needs: Sequence[Need], side: Side, top: int) -> list[NeedGroup]:
    """The groups with most needs; of two alike the one with more patients, then by key."""
    found: dict[str, list[Need]] = {}
    for need in needs:
        for key in need.keys(side):
            found.setdefault(key, []).append(need)
    groups = [
        NeedGroup(
            key=key,
            needs=len(each),
            patients=len({need.patient_id for need in each if need.patient_id is not None}),
        )
        for key, each in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.needs, -group.patients, group.key))[:top]
