"""What a patient's record says to each input: results, history, visits, what was stated; the newest that fits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.history import EntryState, HistoryEntry, HistoryKind
from care.medicines import MedicineState, MedicineStatement
from care.observations import Observation, ObservationStatus
from care.patients import Encounter
from care.result_classes import bmi_of
from care.risk.inputs import CardField, InputKind, Known, Origin, RiskFact, RiskInput, Signs
from care.risk.models import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A patient's record as far as scores look at it, as it was at the instant `at`."""

    at: datetime
    zone: ZoneInfo
    born: date | None
    sex: str | None
    results: Mapping[str, Sequence[Observation]] = field(default_factory=dict)  # by concept
    history: Sequence[HistoryEntry] = ()
    medicines: Sequence[MedicineStatement] = ()
    facts: Sequence[RiskFact] = ()
    visits: Sequence[Encounter] = ()
    visit: Encounter | None = None  # the one that a score is about

    def known(self, wanted: RiskInput, need: Need) -> Known | None:
        """What counts as this input's value; None if nothing speaks of it."""
        candidates = [*self._of_card(wanted), *self._of_results(wanted, need), *self._stated(wanted)]
        if wanted.signs is not None:
            candidates += self._of_history(wanted, wanted.signs)
        if wanted.medicines:
            candidates += self._of_medicines(wanted)
        if wanted.weights:
            candidates.append(self._weighed(wanted))
        newest = max(candidates, key=lambda known: known.taken_at or _NEVER, default=None)
        if newest is None and wanted.visits_within_days is not None and self.visit is not None:
            newest = self._of_visits(wanted, self.visit, timedelta(days=wanted.visits_within_days))
        if newest is None and wanted.absent is not None:
            newest = Known(name=wanted.name, value=wanted.absent, origin=Origin.ASSUMED)
        return newest

    def _of_card(self, wanted: RiskInput) -> Iterable[Known]:
        if wanted.card is CardField.AGE and self.born is not None:
            yield Known(
                name=wanted.name, value=self.age, origin=Origin.CARD, references=(f"born:{self.born.isoformat()}",)
            )
        if wanted.card is CardField.SEX and self.sex not in (None, "unknown"):
            yield Known(name=wanted.name, value=str(self.sex), origin=Origin.CARD)

    @property
    def age(self) -> int:
        """Full years on the day that counts, in the hospital's zone."""
        if self.born is None:
            raise ValueError("the card has no date of birth")
        day = self.at.astimezone(self.zone).date()
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))

    def _usable(self, concept: str, need: Need) -> list[Observation]:
        """Results that may count, newest first."""
        usable = [
            each
            for each in self.results.get(concept, ())
            if each.value is not None
            # "<0.1" and ">33.3" are bounds, no values to reckon with.
            and not each.text
            and each.superseded_at is None
            and each.status is not ObservationStatus.ENTERED_IN_ERROR
            and each.taken_at <= self.at
            and (not need.settings or each.setting in need.settings)
        ]
        return sorted(usable, key=lambda each: (each.taken_at, each.recorded_at, each.id), reverse=True)

    def _of_results(self, wanted: RiskInput, need: Need) -> Iterable[Known]:
        if not wanted.concept:
            return
        usable = self._usable(wanted.concept, need)
        if wanted.weight:
            yield from self._reckoned(wanted, need)
        if not usable:
            return
        taken = usable[0]
        yield Known(
            name=wanted.name,
            value=bool(taken.value) if wanted.kind is InputKind.YES_NO else taken.value or 0.0,
            origin=Origin.RESULT,
            taken_at=taken.taken_at,
            source=taken.source,
            references=(taken.id,),
        )

    def _reckoned(self, wanted: RiskInput, need: Need) -> Iterable[Known]:
        weights, heights = self._usable(wanted.weight, need), self._usable(wanted.height, need)
        if weights and heights and weights[0].value is not None and heights[0].value:
            yield Known(
                name=wanted.name,
                value=bmi_of(weight_kg=weights[0].value, height_cm=heights[0].value),
                origin=Origin.RECKONED,
                taken_at=weights[0].taken_at,
                source=weights[0].source,
                references=(weights[0].id, heights[0].id),
            )

    def _stated(self, wanted: RiskInput) -> Iterable[Known]:
        visit = self.visit.id if self.visit is not None and wanted.stated_for_visit else None
        for fact in self.facts:
            if fact.name == wanted.name and fact.encounter_id == visit and fact.superseded_at is None:
                yield Known(
                    name=wanted.name,
                    value=fact.value,
                    origin=Origin.STATED,
                    taken_at=fact.taken_at,
                    source=f"hand:{fact.recorded_by}",
                    references=(fact.id,),
                )

    def _of_medicines(self, wanted: RiskInput) -> Iterable[Known]:
        """A medicine that is taken. That none is listed says nothing: the list may be short of it."""
        day = self.at.astimezone(self.zone).date()
        for each in self.medicines:
            taken = each.state is MedicineState.ACTIVE and each.superseded_at is None
            over = each.until is not None and each.until < day
            if taken and not over and each.code.upper().startswith(wanted.medicines):
                yield Known(
                    name=wanted.name,
                    value=True,
                    origin=Origin.MEDICINES,
                    taken_at=each.recorded_at,
                    source=each.source,
                    references=(each.id,),
                )

    def _of_history(self, wanted: RiskInput, signs: Signs) -> list[Known]:
        """An entry that says so; else one that says it was never so."""
        told = [each for each in self.history if _speaks_of(each, signs)]
        holding = [each for each in told if _holds(each, signs)]
        refuting = [each for each in told if each.state is EntryState.REFUTED]
        if holding:
            return [self._entry_says(wanted, holding, signs)]
        if refuting and wanted.kind is InputKind.YES_NO:
            newest = max(refuting, key=_said_at)
            return [_by_entry(wanted, newest, value=False)]
        return []

    def _entry_says(self, wanted: RiskInput, holding: list[HistoryEntry], signs: Signs) -> Known:
        if wanted.kind is InputKind.YES_NO:
            return _by_entry(wanted, max(holding, key=_said_at), value=True)
        # Of several relatives the nearest counts: the input's words stand in ascending order.
        order = list(wanted.choices)
        nearest = max(holding, key=lambda entry: order.index(_relation_word(entry, signs) or order[0]))
        return _by_entry(wanted, nearest, value=_relation_word(nearest, signs) or order[0])

    def _weighed(self, wanted: RiskInput) -> Known:
        """The sum over illnesses; heavier forms take the place of lighter ones."""
        there = {
            weight.name: [
                each for each in self.history if _speaks_of(each, weight.signs) and _holds(each, weight.signs)
            ]
            for weight in wanted.weights
        }
        counted = [
            weight
            for weight in wanted.weights
            if there[weight.name] and not any(there.get(heavier) for heavier in weight.unless)
        ]
        entries = [each for weight in counted for each in there[weight.name]]
        return Known(
            name=wanted.name,
            value=sum(weight.points for weight in counted),
            origin=Origin.HISTORY if entries else Origin.ASSUMED,
            source=", ".join(weight.name for weight in counted),
            references=tuple(sorted(each.id for each in entries)),
        )

    def _of_visits(self, wanted: RiskInput, visit: Encounter, within: timedelta) -> Known:
        before = [
            each
            for each in self.visits
            if each.kind == visit.kind
            and each.id != visit.id
            and visit.occurred_at - within <= each.occurred_at < visit.occurred_at
        ]
        return Known(
            name=wanted.name,
            value=float(len(before)),
            origin=Origin.VISITS,
            references=tuple(sorted(each.id for each in before)),
        )


_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def _speaks_of(entry: HistoryEntry, signs: Signs) -> bool:
    if entry.superseded_at is not None:
        return False
    code = entry.code.upper()
    if entry.kind is HistoryKind.PROCEDURE:
        return bool(code) and not signs.relatives and any(code.startswith(begin) for begin in signs.procedures)
    kind = HistoryKind.FAMILY if signs.relatives else HistoryKind.CONDITION
    return entry.kind is kind and bool(code) and any(code.startswith(begin) for begin in signs.diagnoses)


def _holds(entry: HistoryEntry, signs: Signs) -> bool:
    if signs.relatives and entry.state is not EntryState.REFUTED:
        return _relation_word(entry, signs) is not None
    return entry.state is EntryState.ACTIVE or (
        entry.state is EntryState.RESOLVED and (signs.past_counts or entry.kind is HistoryKind.PROCEDURE)
    )


def _relation_word(entry: HistoryEntry, signs: Signs) -> str | None:
    return signs.relatives.get(entry.relation.strip().casefold())


def _said_at(entry: HistoryEntry) -> datetime:
    return entry.confirmed_at or entry.recorded_at


def _by_entry(wanted: RiskInput, entry: HistoryEntry, *, value: bool | str) -> Known:
    return Known(
        name=wanted.name,
        value=value,
        origin=Origin.HISTORY,
        taken_at=_said_at(entry),
        source=entry.source,
        references=(entry.id,),
    )
