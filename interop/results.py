"""Results that come in, whoever sends them: placed under a concept in its unit and kept, or parked and never lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, islice
from typing import Any

import structlog

from care.concepts import (
    IGNORED,
    Concept,
    MappedCode,
    concept_meant,
    read_reference,
    tidy,
    value_with_unit,
)
from care.observations import Observation, ObservationStatus, Setting
from care.patients import PatientId
from db.alert_raising import raise_alerts
from db.observations import Put, PutOutcome
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.unmapped_results import ParkReason, Settlement, UnmappedResult, fingerprint_of
from followup.alerts import Alert, AlertState
from followup.answer_alerts import EarlierAnswers
from followup.events import DomainEvent, EventKind
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

_KEY_LENGTH = 280
_WEIGHT = (PutOutcome.NEW, PutOutcome.SUPERSEDED, PutOutcome.OLDER, PutOutcome.SAME)
_LOOKS_BACK = timedelta(days=31)  # as far as rules about a rise may look


@dataclass(frozen=True, slots=True, kw_only=True)
class SentResult:
    """One result as its source sends it; nothing of it is understood yet."""

    patient_id: str
    source: str  # "hl7:LIS", "list:check-up", "device:omron", "hand:<user id>"
    source_key: str  # the same of the same source is the same result: order number and code, for example
    code: str = ""  # the source's own, LOINC, or ours
    name: str = ""
    value: str
    unit: str = ""
    reference: str = ""  # as laboratories write it: "3.9-6.1", "<5.2"
    taken_at: datetime
    issued_at: datetime | None = None  # when the source gave out this version
    status: ObservationStatus = ObservationStatus.FINAL
    setting: Setting = Setting.LABORATORY
    encounter_id: str | None = None
    recorded_by: str | None = None


class TakenOutcome(StrEnum):
    """What became of a sent result."""

    NEW = "new"
    SAME = "same"
    SUPERSEDED = "superseded"
    OLDER = "older"
    PARKED = "parked"  # nobody can place it yet; it is seen, and applied when somebody can
    IGNORED = "ignored"  # the hospital has said that this code is not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenResult:
    """The outcome, with the rows it led to: two for a blood pressure that is sent as one."""

    sent: SentResult
    outcome: TakenOutcome
    puts: tuple[Put, ...] = ()
    parked: UnmappedResult | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """The rows."""
        return tuple(put.observation for put in self.puts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """Why a result cannot be placed."""

    reason: ParkReason
    detail: str = ""


def take_result(uow: UnitOfWork, content: Content, sent: SentResult, *, reinstate: bool = False) -> TakenResult:
    """Take one result; see `take_results`."""
    return take_results(uow, content, [sent], reinstate=reinstate)[0]


def take_results(
    uow: UnitOfWork, content: Content, sent: Sequence[SentResult], *, reinstate: bool = False
) -> tuple[TakenResult, ...]:
    """Take what one message, row or device brings: each kept or parked, alerts raised by what is fresh, and told once.

    Taken again it changes nothing. `reinstate`: what was taken back as an error counts again when it is said again.
    """
    return take_groups(uow, content, [sent], reinstate=reinstate)[0]


def take_groups(
    uow: UnitOfWork, content: Content, groups: Sequence[Sequence[SentResult]], *, reinstate: bool = False
) -> list[tuple[TakenResult, ...]]:
    """Take what several messages bring, one after the other, as `take_results` does with each.

    Those of which nothing is fresh go in together, and each patient is told of once; what is fresh may alarm somebody,
    and is taken as if the later ones were not there yet.
    """
    decided = {
        source: uow.unmapped_results.decided(source) for source in {one.source for each in groups for one in each}
    }
    taken: list[tuple[TakenResult, ...]] = []
    alarming = uow.now - timedelta(hours=content.observations.alerts_within_hours)
    for fresh, part in groupby(groups, key=lambda each: any(one.taken_at >= alarming for one in each)):
        alike = list(part)
        for together in [[each] for each in alike] if fresh else [alike]:
            taken += _take_together(uow, content, together, decided, reinstate=reinstate)
    return taken


def _take_together(
    uow: UnitOfWork,
    content: Content,
    groups: Sequence[Sequence[SentResult]],
    decided: Mapping[str, Mapping[str, MappedCode]],
    *,
    reinstate: bool,
) -> list[tuple[TakenResult, ...]]:
    fitting = [_fitting(one) for each in groups for one in each]
    taken = _take(uow, content, fitting, decided, reinstate=reinstate, park=True)
    tell(uow, content, [put for each in taken for put in each.puts])
    rest = iter(taken)
    return [tuple(islice(rest, len(each))) for each in groups]


def take_said(
    uow: UnitOfWork, content: Content, sent: Sequence[SentResult], *, said: Mapping[str, object]
) -> tuple[Alert, ...]:
    """Take results that came with answers, such as a value with how somebody feels; the alerts that were raised."""
    decided = {source: uow.unmapped_results.decided(source) for source in {each.source for each in sent}}
    taken = _take(uow, content, [_fitting(each) for each in sent], decided, reinstate=False, park=True)
    return tell(uow, content, [put for each in taken for put in each.puts], said=said)


def placed(
    content: Content, sent: SentResult, decided: Mapping[str, MappedCode], now: datetime
) -> tuple[Observation, ...] | Unplaced | None:
    """What a sent result is, purely: one row or two, why it cannot be placed, or None if nobody wants it kept."""
    meant = concept_meant(
        sent.source, sent.code, sent.name, decided=decided, maps=content.code_maps, concepts=content.concepts
    )
    if meant is None:
        return Unplaced(reason=ParkReason.UNMAPPED_CODE)
    if meant.concept == IGNORED:
        return None
    codes = meant.concept.split("/")
    values = [sent.value] if len(codes) == 1 else [part.strip() for part in sent.value.split("/")]
    if sent.status is ObservationStatus.ENTERED_IN_ERROR and len(values) != len(codes):
        values = [""] * len(codes)
    if len(values) != len(codes):
        return Unplaced(reason=ParkReason.NO_VALUE, detail=f"{len(codes)} values with / between them are wanted")
    rows = []
    for code, value in zip(codes, values, strict=True):
        key = sent.source_key if len(codes) == 1 else f"{sent.source_key}:{code}"
        row = _row(content, content.concepts[code], meant, replace(sent, value=value, source_key=key), now)
        if isinstance(row, Unplaced):
            return row
        rows.append(row)
    return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How far settling what waits of a code has come."""

    looked_at: int
    settled: int
    after: int  # position of the last one looked at


def settle_waiting(
    uow: UnitOfWork, content: Content, source: str, code: str, *, after: int = 0, limit: int = 500
) -> Settled:
    """Apply what the hospital has decided about a code to the next of what waits of it; the rest stays parked."""
    decided = uow.unmapped_results.decided(source)
    puts: list[Put] = []
    settled = 0
    waiting = uow.unmapped_results.waiting(source, code, after=after, limit=limit)
    again = _take(uow, content, [sent_again(each) for each in waiting], {source: decided}, reinstate=False, park=False)
    for parked, taken in zip(waiting, again, strict=True):
        after = parked.position
        if taken.outcome is TakenOutcome.PARKED:
            continue
        parked.settled_at = uow.now
        parked.settlement = Settlement.IGNORED if taken.outcome is TakenOutcome.IGNORED else Settlement.APPLIED
        puts += taken.puts
        settled += 1
    tell(uow, content, puts)
    if waiting:
        log.info("parked_results_settled", source=source, settled=settled, left=len(waiting) - settled)
    return Settled(looked_at=len(waiting), settled=settled, after=after)


def settle_all(units: UnitsOfWork, content: Content, position: int) -> int:
    """Apply a decision to all that waits of its code, chunk by chunk; how many were settled. Again it finds nothing."""
    with units() as uow:
        decision = uow.unmapped_results.decision(position)
    settled = after = 0
    while decision is not None:
        with units() as uow:
            step = settle_waiting(uow, content, decision.source, decision.code, after=after)
            uow.commit()
        settled, after = settled + step.settled, step.after
        if not step.looked_at:
            break
    return settled


def sent_again(parked: UnmappedResult) -> SentResult:
    """A parked result as it came in."""
    said = dict(parked.sent)
    issued = said.pop("issued_at")
    return SentResult(
        **{
            **said,
            # The record may have been merged into another meanwhile.
            "patient_id": parked.patient_id,
            "taken_at": datetime.fromisoformat(said["taken_at"]),
            "issued_at": datetime.fromisoformat(issued) if issued else None,
            "status": ObservationStatus(said["status"]),
            "setting": Setting(said["setting"]),
        }
    )


def tell(
    uow: UnitOfWork, content: Content, puts: Iterable[Put], *, said: Mapping[str, object] | None = None
) -> tuple[Alert, ...]:
    """Raise the alerts that fresh results are signs of, and say once for each patient that his record changed.

    `said`: answers that came with the results.
    """
    changed = [put for put in puts if put.changed]
    patients = {put.observation.patient_id for put in changed}
    patients |= {put.before.patient_id for put in changed if put.before is not None}
    alerts: list[Alert] = []
    for patient_id in sorted(patients):
        fresh = [
            put.observation
            for put in changed
            if put.observation.patient_id == patient_id
            and put.observation.status is not ObservationStatus.ENTERED_IN_ERROR
            and put.observation.taken_at >= uow.now - timedelta(hours=content.observations.alerts_within_hours)
        ]
        alerts += _alerts(uow, content, patient_id, fresh, said or {})
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))
    return tuple(alerts)


def _take(
    uow: UnitOfWork,
    content: Content,
    sent: Sequence[SentResult],
    decided: Mapping[str, Mapping[str, MappedCode]],  # by source
    *,
    reinstate: bool,
    park: bool,
) -> tuple[TakenResult, ...]:
    made = [placed(content, each, decided[each.source], uow.now) for each in sent]
    rows = [row for each in made if isinstance(each, tuple) for row in each]
    puts = dict(zip((row.id for row in rows), uow.observations.put_all(rows, reinstate=reinstate), strict=True))
    taken: list[TakenResult] = []
    for one, what in zip(sent, made, strict=True):
        if what is None:
            taken.append(TakenResult(sent=one, outcome=TakenOutcome.IGNORED))
        elif isinstance(what, tuple):
            of_one = tuple(puts[row.id] for row in what)
            # Of two the one that changed more tells what became of the result.
            outcome = min((put.outcome for put in of_one), key=_WEIGHT.index)
            taken.append(TakenResult(sent=one, outcome=TakenOutcome(outcome.value), puts=of_one))
        elif park:
            taken.append(_parked(uow, one, what, reinstate=reinstate))
        else:
            taken.append(TakenResult(sent=one, outcome=TakenOutcome.PARKED))
    return tuple(taken)


def _parked(uow: UnitOfWork, sent: SentResult, why: Unplaced, *, reinstate: bool) -> TakenResult:
    said = _as_json(sent)
    parked = UnmappedResult(
        id=new_id(),
        patient_id=sent.patient_id,
        source=sent.source,
        source_key=sent.source_key,
        code=(tidy(sent.code) or tidy(sent.name))[:200],
        fingerprint=fingerprint_of(said),
        sent=said,
        reason=why.reason,
        detail=why.detail[:500],
        parked_at=uow.now,
    )
    if not uow.unmapped_results.park(parked):
        held = uow.unmapped_results.parked_like(sent.source, sent.source_key, said)
        if held is None or (held.settled_at is not None and not reinstate):
            return TakenResult(sent=sent, outcome=TakenOutcome.SAME)
        if held.settled_at is None:
            return TakenResult(sent=sent, outcome=TakenOutcome.PARKED)
        held.settled_at = held.settled_by = held.settlement = None
        return TakenResult(sent=sent, outcome=TakenOutcome.PARKED, parked=held)
    log.warning("result_parked", unmapped=parked.id, source=sent.source, reason=why.reason.value)
    return TakenResult(sent=sent, outcome=TakenOutcome.PARKED, parked=parked)


def _row(
    content: Content, concept: Concept, meant: MappedCode, sent: SentResult, now: datetime
) -> Observation | Unplaced:
    written, inline_unit = value_with_unit(sent.value, content.unit_rules)
    gone = sent.status is ObservationStatus.ENTERED_IN_ERROR
    if not sent.value.strip() and not gone:
        return Unplaced(reason=ParkReason.NO_VALUE, detail="no value was sent")
    unit = _unit(content, concept, meant, sent.unit or inline_unit)
    value = _value(content, concept, sent, written.number, unit) if written.number is not None else None
    if isinstance(value, Unplaced):
        if not gone:
            return value
        # What is taken back counts no more, whatever is written beside it.
        value = None
    low, high = (
        content.unit_rules.converted(bound, unit, concept) if bound is not None and unit is not None else None
        for bound in read_reference(sent.reference)
    )
    return Observation(
        id=new_id(),
        patient_id=PatientId(sent.patient_id),
        code=concept.code,
        value=value,
        text=written.words if value is None else (f"{written.sign}{written.number:g}" if written.sign else ""),
        unit=concept.unit,
        sent_code=sent.code or sent.name,
        sent_value=sent.value,
        sent_unit=sent.unit,
        sent_reference=sent.reference,
        taken_at=sent.taken_at,
        issued_at=sent.issued_at,
        setting=sent.setting,
        reference_low=low,
        reference_high=high,
        status=sent.status,
        source=sent.source,
        source_key=sent.source_key,
        encounter_id=sent.encounter_id,
        recorded_at=now,
        recorded_by=sent.recorded_by,
    )


def _value(content: Content, concept: Concept, sent: SentResult, number: float, unit: str | None) -> float | Unplaced:
    """The number in the concept's unit."""
    if unit is None:
        named = f"unit {sent.unit!r}" if sent.unit else "no unit"
        detail = f"{named}: no way from it to {concept.unit}; say which unit the source means"
        return Unplaced(reason=ParkReason.UNKNOWN_UNIT, detail=detail)
    converted = content.unit_rules.converted(number, unit, concept)
    if converted is None or not concept.is_plausible(converted):
        detail = f"{sent.value} {sent.unit}: outside {concept.lowest:g} to {concept.highest:g} {concept.unit}"
        return Unplaced(reason=ParkReason.IMPLAUSIBLE, detail=detail)
    return converted if unit == concept.unit else round(converted, concept.decimals)


def _unit(content: Content, concept: Concept, meant: MappedCode, written: str) -> str | None:
    """The unit that is meant, if there is a way from it to the concept's."""
    rules = content.unit_rules
    sent = rules.unit_named(written) if written else None
    if sent is not None and rules.converted(1.0, sent, concept) is not None:
        return sent
    # What the source is known to mean stands in only for a unit that says nothing, never against one that does.
    if sent is not None:
        return None
    for each in (meant.unit, "1" if concept.unit == "1" else ""):
        unit = rules.unit_named(each) if each else None
        if unit is not None and rules.converted(1.0, unit, concept) is not None:
            return unit
    return None


def _alerts(
    uow: UnitOfWork,
    content: Content,
    patient_id: str,
    fresh: Sequence[Observation],
    said: Mapping[str, object],
) -> tuple[Alert, ...]:
    asked = [each for each in fresh if content.concepts[each.code].item and each.value is not None]
    if not asked:
        return ()
    since = uow.now - _LOOKS_BACK
    mine = {each.id for each in asked}
    earlier = [
        EarlierAnswers(at=each.taken_at, answers=as_answers(content.concepts[each.code], each))
        for code in sorted({each.code for each in asked})
        for each in uow.observations.series(patient_id, code, since)
        if each.id not in mine and each.value is not None
    ]
    earlier += uow.responses.earlier_answers(patient_id, besides=asked[0].id, since=since)
    earlier.sort(key=lambda each: each.at)
    open_codes = {each.code for each in uow.alerts.of_patient(patient_id) if each.state is not AlertState.CLOSED}
    raised: list[Alert] = []
    for answers in answers_together(content, asked):
        raised += raise_alerts(
            uow,
            content,
            form="",
            answers={**said, **answers},
            earlier=earlier,
            patient_id=patient_id,
            besides=open_codes | {each.code for each in raised},
        )
    return tuple(raised)


def answers_together(content: Content, observations: Sequence[Observation]) -> list[dict[str, object]]:
    """Results as the answers that rules go by: what was measured at one instant stands together."""
    groups: dict[tuple[datetime, int], dict[str, object]] = {}
    for each in observations:
        said = as_answers(content.concepts[each.code], each)
        place = 0
        # Two results for one question, before and after a meal, are two sets of answers.
        while set(said) & set(groups.get((each.taken_at, place), {})):
            place += 1
        groups.setdefault((each.taken_at, place), {}).update(said)
    return list(groups.values())


def as_answers(concept: Concept, observation: Observation) -> dict[str, object]:
    """A result as the answer to the question that means it, with what that implies beside it."""
    value = observation.value
    if not concept.item or value is None:
        return {}
    return {concept.item: int(value) if value.is_integer() else value, **concept.with_answers}


def _fitting(sent: SentResult) -> SentResult:
    """What was sent, without what the database cannot keep; a key that is too long keeps telling apart."""
    key = _plain(sent.source_key)
    if len(key) > _KEY_LENGTH:
        key = f"{key[: _KEY_LENGTH - 65]}#{fingerprint_of({'key': key})}"
    return replace(
        sent,
        source=_plain(sent.source)[:120],
        source_key=key,
        code=_plain(sent.code)[:100],
        name=_plain(sent.name)[:200],
        value=_plain(sent.value),
        unit=_plain(sent.unit)[:60],
        reference=_plain(sent.reference)[:200],
    )


def _plain(text: str) -> str:
    return text.replace("\x00", "")


def _as_json(sent: SentResult) -> dict[str, Any]:
    return {
        **asdict(sent),
        "taken_at": sent.taken_at.isoformat(),
        "issued_at": sent.issued_at.isoformat() if sent.issued_at else None,
        "status": sent.status.value,
        "setting": sent.setting.value,
    }
