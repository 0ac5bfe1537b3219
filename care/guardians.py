"""Guardians: whose consent counts in a child's place, with the proof that somebody saw."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from care.relatives import ProofKind, Relative

GUARDIAN_BELOW = 14
"""Years of age below which a guardian's consent is needed (PIPL art. 31)."""

GUARDIAN_UNTIL = 18
"""Years of age at which a guardian's word ends by itself (Civil Code art. 17)."""


GUARDIAN_PROOFS = frozenset(
    {ProofKind.BIRTH_CERTIFICATE, ProofKind.HOUSEHOLD_REGISTER, ProofKind.ID_CARD, ProofKind.COURT_DECISION}
)
"""What shows that somebody is a child's guardian: the child's own word does not."""


def age_on(born: date, day: date) -> int:
    """Full years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def birthday_of_age(born: date, years: int) -> date:
    """The day on which somebody reaches an age; a 29 February counts as 1 March in other years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def is_child(born: date | None, zone: str, now: datetime) -> bool:
    """True if somebody is too young to consent for himself on this day where he lives."""
    return born is not None and age_on(born, now.astimezone(ZoneInfo(zone)).date()) < GUARDIAN_BELOW


def lacks_guardian(relatives: Iterable[Relative], now: datetime) -> bool:
    """True if none of a child's relatives is a guardian whose proof somebody saw and whose word holds."""
    return not any(
        relative.guardian and relative.proof_kind in GUARDIAN_PROOFS and relative.lives(now) for relative in relatives
    )
