"""Registries by illness: who is in, who was managed in a year, whose last value was on target under which rules."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Id, Instant, Limit
from api.permissions import Allowed
from api.problems import Kind, Problem, problems
from api.wiring import Wiring, wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.registries import ControlRate, RegistryMember, RegistryYear, TargetState, rules_for, target_state, year_of
from runtime.content.documents import Wording
from runtime.content.registries import RegistryDocument

router = APIRouter(tags=["registries"], route_class=Route)

ProgrammeLeads = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, Role.ADMIN, Role.DOCTOR))]
Year = Annotated[int | None, Query(ge=1990, le=2200)]
COMPARED_FROM = 30
"""Rates of fewer people are shown and not compared."""


class RateAnswer(Answer):
    """A rate in percent; empty where nobody is in the denominator. Under 30 people it is not to be compared."""

    numerator: int
    denominator: int
    percent: float | None
    comparable: bool


class ControlAnswer(Answer):
    """Last value of the year on target, of all managed in it. `in-force`: each by the rules of its day."""

    rule_set: str
    rules: list[str]
    on_target: int
    off_target: int
    no_reading: int
    rate: RateAnswer


class RegistryAnswer(Answer):
    """A registry's year."""

    id: str
    version: int
    status: str
    source: str
    title: Wording
    year: int
    members: int
    managed: int
    managed_per_spec: RateAnswer
    control: list[ControlAnswer]


class RegistriesAnswer(Answer):
    """Every registry, in order of id."""

    registries: list[RegistryAnswer]


class MemberAnswer(Answer):
    """One of a registry and his year: enough to count the rates by hand."""

    patient_id: str
    contacts: int
    contacts_per_spec: int
    last_at: Instant | None
    last: dict[str, object] = Field(default_factory=dict)
    last_source: str
    states: dict[str, TargetState]  # by rule set


class MembersAnswer(Answer):
    """A page of members by id; ask on with after=`next`, which is empty on the last page."""

    members: list[MemberAnswer]
    next: str | None


@router.get("/registries")
def list_registries(caller: ProgrammeLeads, request: Request, uow: Work, year: Year = None) -> RegistriesAnswer:
    """The figures of every registry for a year, this one if none is named."""
    wiring = wiring_of(request)
    wanted = year or uow.now.astimezone(wiring.zone).year
    _audit(uow, caller, "all", wanted)
    return RegistriesAnswer(
        registries=[_answer(uow, wiring, document, wanted) for _, document in sorted(wiring.content.registries.items())]
    )


@router.get("/registries/{registry_id}", responses=problems(Kind.UNKNOWN_REGISTRY))
def read_registry(
    registry_id: str, caller: ProgrammeLeads, request: Request, uow: Work, year: Year = None
) -> RegistryAnswer:
    """The figures of one registry for a year."""
    wiring = wiring_of(request)
    document = _registry(wiring, registry_id)
    wanted = year or uow.now.astimezone(wiring.zone).year
    _audit(uow, caller, document.id, wanted)
    return _answer(uow, wiring, document, wanted)


@router.get("/registries/{registry_id}/members", responses=problems(Kind.UNKNOWN_REGISTRY))
def list_members(
    registry_id: str,
    caller: ProgrammeLeads,
    request: Request,
    uow: Work,
    year: Year = None,
    managed: bool | None = None,
    rule_set: Annotated[str | None, Query(pattern="^[A-Za-z][A-Za-z0-9-]{0,63}$")] = None,
    state: TargetState | None = None,
    after: Id | None = None,
    limit: Limit = 100,
) -> MembersAnswer:
    """Who is behind the figures, by ids; `state` under `rule_set`, or under any. Opening one asks for a ground."""
    wiring = wiring_of(request)
    document = _registry(wiring, registry_id)
    wanted = year or uow.now.astimezone(wiring.zone).year
    _audit(uow, caller, document.id, wanted)
    sets = [control.rule_set for control in _figures(uow, wiring, document, ()).control]
    known, choices = list(wiring.content.follow_up_rules.values()), uow.plan_records.rule_choices()
    shown = []
    for member in _members(uow, wiring, document, wanted):
        if (after is not None and member.patient_id <= after) or managed not in (None, member.contacts > 0):
            continue
        states = {each: target_state(rules_for(each, document.topic, member, known, choices), member) for each in sets}
        asked = [states[rule_set]] if rule_set in states else list(states.values())
        if state is None or state in asked:
            shown.append((member, states))
    page = shown[:limit]
    return MembersAnswer(
        members=[
            MemberAnswer(
                patient_id=member.patient_id,
                contacts=member.contacts,
                contacts_per_spec=member.contacts_per_spec,
                last_at=member.last.taken_at if member.last is not None else None,
                last=dict(member.last.answers) if member.last is not None else {},
                last_source=member.last.source if member.last is not None else "",
                states=states,
            )
            for member, states in page
        ],
        next=page[-1][0].patient_id if len(shown) > limit else None,
    )


def _registry(wiring: Wiring, registry_id: str) -> RegistryDocument:
    document = wiring.content.registries.get(registry_id)
    if document is None:
        raise Problem.of(
            Kind.UNKNOWN_REGISTRY, "registry_id", "there is no such registry; GET /api/v1/registries lists them"
        )
    return document


def _members(uow: UnitOfWork, wiring: Wiring, document: RegistryDocument, year: int) -> list[RegistryMember]:
    content = wiring.content
    known = [rules for rules in content.follow_up_rules.values() if rules.topic == document.topic]
    targets = {item for rules in known for target in rules.targets for item in target.below}
    counted = {item: wanted for rules in known for item, wanted in rules.counted_only_when.items()}
    last_birthday = date(year - document.age_from, 12, 31) if document.age_from is not None else None
    return uow.registries.members(
        topic=document.topic,
        begins=content.diagnosis_groups[document.group],
        born_until=last_birthday,
        items={
            concept.code: (concept.item, concept.with_answers)
            for concept in content.concepts.values()
            if concept.item in targets
            and all(concept.with_answers.get(item) in wanted for item, wanted in counted.items())
        },
        managed_ways=document.managed_ways,
        per_spec_ways=document.per_spec.ways,
        since=datetime(year, 1, 1, tzinfo=wiring.zone),
        until=datetime(year + 1, 1, 1, tzinfo=wiring.zone),
        zone=wiring.zone.key,
    )


def _figures(
    uow: UnitOfWork, wiring: Wiring, document: RegistryDocument, members: Sequence[RegistryMember]
) -> RegistryYear:
    return year_of(
        members,
        topic=document.topic,
        known=list(wiring.content.follow_up_rules.values()),
        choices=uow.plan_records.rule_choices(),
        contacts_per_spec=document.per_spec.contacts,
    )


def _answer(uow: UnitOfWork, wiring: Wiring, document: RegistryDocument, year: int) -> RegistryAnswer:
    figures = _figures(uow, wiring, document, _members(uow, wiring, document, year))
    return RegistryAnswer(
        id=document.id,
        version=document.version,
        status=document.status,
        source=" ".join(document.source.split()),
        title=document.title,
        year=year,
        members=figures.members,
        managed=figures.managed,
        managed_per_spec=_rate(figures.managed_per_spec, figures.managed),
        control=[_control(control) for control in figures.control],
    )


def _control(control: ControlRate) -> ControlAnswer:
    return ControlAnswer(
        rule_set=control.rule_set,
        rules=list(control.rules),
        on_target=control.on_target,
        off_target=control.off_target,
        no_reading=control.no_reading,
        rate=_rate(control.on_target, control.managed),
    )


def _rate(numerator: int, denominator: int) -> RateAnswer:
    return RateAnswer(
        numerator=numerator,
        denominator=denominator,
        percent=round(100 * numerator / denominator, 2) if denominator else None,
        comparable=denominator >= COMPARED_FROM,
    )


def _audit(uow: UnitOfWork, caller: Caller, registry: str, year: int) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action="registry_viewed",
        subject_kind="registry",
        subject=registry,
        detail={"year": year},
    )
