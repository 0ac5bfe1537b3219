"""Several sources speak of one person: which word holds by the hospital's rule, and which are kept beside it."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.history import EntryState, HistoryEntry, HistoryKind
from care.patients import PatientId


class ConflictRule(StrEnum):
    """Which word holds."""

    RANK = "rank"  # the most trusted source's; of equally trusted ones the newest
    NEWEST = "newest"  # the newest, whoever says it
    ACTIVE = "active"  # whoever says that it is so, against those who say that it is not; then by rank


class PersonField(StrEnum):
    """What several sources may say about the person."""

    NAME = "name"
    BORN = "born"
    SEX = "sex"
    LANGUAGE = "language"
    DIALECT = "dialect"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolicy:
    """A rule with its ranks: how the names of sources begin, the most trusted first; those not named come last."""

    rule: ConflictRule
    ranks: tuple[str, ...]

    def rank_of(self, source: str) -> int:
        """The place of a source; the longest beginning that fits counts."""
        fitting = [(len(begin), -place) for place, begin in enumerate(self.ranks) if source.startswith(begin)]
        return -max(fitting)[1] if fitting else len(self.ranks)


@dataclass(kw_only=True, eq=False)
class StatedValue:
    """What one source says of one field; None: it says nothing any more. Rows are never changed, only superseded."""

    id: str
    patient_id: PatientId
    field: PersonField
    value: str | None
    source: str
    version: int = 1
    stated_at: datetime  # by the source's own clock
    reason: str = ""
    superseded_at: datetime | None = None
    recorded_at: datetime
    recorded_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The word that holds, None if nobody says anything, and the words that differ from it."""

    holds: StatedValue | None
    others: tuple[StatedValue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One illness, allergy or operation as all sources tell of it: the entry that holds, and what the others say."""

    holds: HistoryEntry
    others: tuple[HistoryEntry, ...] = ()

    @property
    def in_conflict(self) -> bool:
        """True if another source says that it is otherwise."""
        return any(other.state is not self.holds.state for other in self.others)


def settle(stated: Iterable[StatedValue], policy: SourcePolicy) -> Settled:
    """Which of the sources' current words holds."""
    spoken = [word for word in stated if word.value is not None and word.superseded_at is None]
    if not spoken:
        return Settled(holds=None)

    def order(word: StatedValue) -> tuple[int, float, str]:
        rank = 0 if policy.rule is ConflictRule.NEWEST else policy.rank_of(word.source)
        return rank, -word.stated_at.timestamp(), word.id

    holds = min(spoken, key=order)
    others = sorted((word for word in spoken if word.value != holds.value), key=order)
    return Settled(holds=holds, others=tuple(others))


def findings_of(entries: Iterable[HistoryEntry], policies: Mapping[HistoryKind, SourcePolicy]) -> tuple[Finding, ...]:
    """What the patient has and had, each thing once, in the order in which it was first met."""
    findings = []
    for group in _same_things([entry for entry in entries if entry.superseded_at is None]):
        policy = policies[group[0].kind]
        ordered = sorted(group, key=lambda entry: _place(entry, policy))
        findings.append(Finding(holds=ordered[0], others=tuple(ordered[1:])))
    return tuple(findings)


def same_name(name: str) -> str:
    """A name as it is compared: widths, case and spaces do not make another one."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _place(entry: HistoryEntry, policy: SourcePolicy) -> tuple[int, int, float, str]:
    unlike = int(policy.rule is ConflictRule.ACTIVE and entry.state is not EntryState.ACTIVE)
    rank = 0 if policy.rule is ConflictRule.NEWEST else policy.rank_of(entry.source)
    return unlike, rank, -(entry.stated_at or entry.recorded_at).timestamp(), entry.id


def _same_things(entries: Sequence[HistoryEntry]) -> list[list[HistoryEntry]]:
    """Entries of one kind that share a code or a name; of the family's also the relation."""
    groups: list[list[HistoryEntry]] = []
    place: dict[tuple[str, ...], int] = {}
    for entry in entries:
        head = (entry.kind.value, same_name(entry.relation) if entry.kind is HistoryKind.FAMILY else "")
        keys = [(*head, "name", same_name(entry.name))]
        if entry.code:
            keys.append((*head, "code", entry.code.upper()))
        met = sorted({place[key] for key in keys if key in place})
        if not met:
            groups.append([entry])
            met = [len(groups) - 1]
        else:
            groups[met[0]].append(entry)
            for other in met[1:]:  # a third entry shows that two were the same
                groups[met[0]].extend(groups[other])
                groups[other] = []
                place.update({key: met[0] for key, value in place.items() if value == other})
        place.update(dict.fromkeys(keys, met[0]))
    return [group for group in groups if group]
