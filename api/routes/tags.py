"""Tags by rule and by hand, how a patient wants to be reached, and the segments that follow from both."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.segments import Channel, ContactPreference, Hearing, PartOfDay
from care.tags import Tag, TagEnd, TagOrigin
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from record.tags import tell_of_tags
from runtime.content.documents import Wording
from runtime.identifiers import new_id

router = APIRouter(tags=["tags"], route_class=Route)

TagCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class TagRuleAnswer(Answer):
    """A rule that adds a tag and takes it off."""

    id: str
    version: int
    status: str
    source: str
    title: Wording
    meaning: Wording


class TagRulesAnswer(Answer):
    """Every rule, in order of its tag."""

    rules: list[TagRuleAnswer]


class TagAnswer(Answer):
    """A tag. `rule` and `evidence` say by what it stands; by hand, `reason` and `added_by` do."""

    id: str
    patient_id: str
    code: str
    title: dict[str, str]
    origin: TagOrigin
    rule: str | None
    reason: str
    evidence: list[dict[str, object]]
    since: Instant
    added_at: Instant
    added_by: str | None
    ended_at: Instant | None
    end: TagEnd | None
    ended_by: str | None
    end_reason: str
    end_evidence: list[dict[str, object]]


class TagsAnswer(Answer):
    """A patient's tags, newest first."""

    tags: list[TagAnswer]


class TagAsk(Ask):
    """A tag by hand. Without a title the rule's own words, if there is a rule with this code."""

    code: TagCode
    title: Line | None = None
    reason: Line


class RemovalAsk(Ask):
    """Why it does not stand any more."""

    reason: Line


class PreferenceAsk(Ask):
    """How the patient wants to be reached, as he said it; what he said of the rest stays."""

    hearing: Hearing | None = None
    part_of_day: PartOfDay | None = None
    channel: Channel | None = None
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class PreferenceAnswer(Answer):
    """What he said last; `recorded_at` is empty where nobody has asked him."""

    patient_id: str
    hearing: Hearing
    part_of_day: PartOfDay
    channel: Channel
    source: str
    recorded_at: Instant | None
    recorded_by: str | None


class HoursAnswer(Answer):
    """A span of the patient's day."""

    start: time
    end: time


class SegmentAnswer(Answer):
    """A segment that the patient is in, and by what."""

    segment: str
    rule: str
    title: Wording | None
    evidence: list[dict[str, object]]
    since: Instant


class SegmentsAnswer(Answer):
    """A patient's segments and what they ask of scheduling together; `plans` are proposed and do not run yet."""

    segments: list[SegmentAnswer]
    plans: list[str]
    hours: list[HoursAnswer]
    hours_from: str | None  # who asked for the hours that hold: segment:…, or whoever wrote others down
    language: str | None
    dialect: str | None
    slow_speech: bool
    by_person: bool


@router.get("/tag-rules")
def list_tag_rules(caller: Everybody, request: Request) -> TagRulesAnswer:  # noqa: ARG001
    """The rules by which tags stand."""
    documents = wiring_of(request).content.tag_documents
    return TagRulesAnswer(rules=[TagRuleAnswer.model_validate(documents[code]) for code in sorted(documents)])


@router.get("/patients/{patient_id}/tags", responses=problems(Kind.UNKNOWN_PATIENT))
def list_tags(
    patient_id: Id, caller: CareTeam, uow: Work, ended: Annotated[bool, Query(description="ended ones too")] = False
) -> TagsAnswer:
    """A patient's tags, each with its rule and evidence, or who gave it and why."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "tags_viewed", "patient", patient.id, patient.id)
    tags = uow.tags.of_patient(patient.id) if ended else uow.tags.standing(patient.id)
    return TagsAnswer(tags=[TagAnswer.model_validate(tag) for tag in tags])


@router.post("/patients/{patient_id}/tags", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT, Kind.TAKEN))
def add_tag(patient_id: Id, ask: TagAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> TagAnswer:
    """Tag a patient by hand, with a reason. No rule takes it off, and a rule's own may stand beside it."""
    patient = found.patient(uow, patient_id)
    uow.tags.one_at_a_time(patient.id)
    if any(tag.code == ask.code and tag.origin is TagOrigin.HAND for tag in uow.tags.standing(patient.id)):
        raise Problem.of(Kind.TAKEN, "code", "somebody gave him this tag already; GET …/tags shows who and why")
    document = wiring_of(request).content.tag_documents.get(ask.code)
    if ask.title is None and document is None:
        raise Problem.of(Kind.INVALID_REQUEST, "title", "no rule has this code: write what the tag is called")
    # What somebody writes by hand is in his own language, and is shown to all as he wrote it.
    words = (
        {"zh": ask.title, "en": ask.title}
        if ask.title is not None
        else {"zh": document.title.zh, "en": document.title.en}
        if document is not None
        else {}
    )
    tag = Tag(
        id=new_id(),
        patient_id=patient.id,
        code=ask.code,
        origin=TagOrigin.HAND,
        title=words,
        reason=ask.reason,
        since=uow.now,
        added_at=uow.now,
        added_by=caller.user_id,
    )
    uow.tags.add(tag)
    _changed(uow, patient.id)
    _audit(uow, caller, "tag_added", "tag", tag.id, patient.id)
    return TagAnswer.model_validate(tag)


@router.post("/tags/{tag_id}/remove", responses=problems(Kind.UNKNOWN_TAG, Kind.NOT_POSSIBLE_NOW))
def remove_tag(tag_id: Id, ask: RemovalAsk, caller: CareTeamCommanding, uow: Work) -> TagAnswer:
    """Take a tag off that somebody gave by hand. A rule's tag goes when what it stands by is corrected."""
    tag = uow.tags.for_update(tag_id)
    if tag is None:
        raise Problem.of(Kind.UNKNOWN_TAG, "tag_id", "there is none; GET /api/v1/patients/{patient_id}/tags lists them")
    found.patient(uow, tag.patient_id)
    if tag.origin is TagOrigin.RULE:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "tag_id", "rules say this tag: correct what it stands by, and it goes by itself"
        )
    if not tag.stands:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "tag_id", "it was taken off already")
    uow.tags.end(tag, TagEnd.HAND, at=uow.now, by=caller.user_id, reason=ask.reason)
    _changed(uow, tag.patient_id)
    _audit(uow, caller, "tag_removed", "tag", tag.id, tag.patient_id)
    return TagAnswer.model_validate(tag)


@router.get("/patients/{patient_id}/contact-preference", responses=problems(Kind.UNKNOWN_PATIENT))
def read_preference(patient_id: Id, caller: CareTeam, uow: Work) -> PreferenceAnswer:
    """How the patient wants to be reached."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "contact_preference_viewed", "patient", patient.id, patient.id)
    return _preference(patient.id, uow.tags.preference_of(patient.id))


@router.put("/patients/{patient_id}/contact-preference", responses=problems(Kind.UNKNOWN_PATIENT))
def put_preference(patient_id: Id, ask: PreferenceAsk, caller: CareTeam, uow: Work) -> PreferenceAnswer:
    """Write down how the patient wants to be reached; segments, and with them the hours of calls, follow at once."""
    patient = found.patient(uow, patient_id)
    uow.tags.one_at_a_time(patient.id)
    held = _preference(patient.id, uow.tags.preference_of(patient.id))
    said = uow.tags.put_preference(
        ContactPreference(
            id=new_id(),
            patient_id=patient.id,
            hearing=ask.hearing or held.hearing,
            part_of_day=ask.part_of_day or held.part_of_day,
            channel=ask.channel or held.channel,
            source=ask.source,
            recorded_at=uow.now,
            recorded_by=caller.user_id,
        )
    )
    _changed(uow, patient.id)
    _audit(uow, caller, "contact_preference_changed", "patient", patient.id, patient.id)
    return _preference(patient.id, said)


@router.get("/patients/{patient_id}/segments", responses=problems(Kind.UNKNOWN_PATIENT))
def list_segments(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> SegmentsAnswer:
    """The segments a patient is in, by what, and what they ask for: plan, hours, language, who rings."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    _audit(uow, caller, "segments_viewed", "patient", patient.id, patient.id)
    members = uow.tags.segments_of(patient.id)
    steering = uow.tags.steering(patient.id)
    running = {plan.template_id for plan in uow.plans.unfinished_of_patient(patient.id)}
    return SegmentsAnswer(
        segments=[
            SegmentAnswer(
                segment=member.segment,
                rule=member.rule,
                title=content.segment_documents[member.segment].title
                if member.segment in content.segment_documents
                else None,
                evidence=member.evidence,
                since=member.since,
            )
            for member in members
        ],
        plans=[plan for plan in steering.plans if plan not in running],
        hours=[HoursAnswer(start=each.start, end=each.end) for each in steering.hours],
        hours_from=uow.tags.hours_source(patient.id),
        language=steering.language,
        dialect=steering.dialect,
        slow_speech=steering.slow_speech,
        by_person=steering.by_person,
    )


def _preference(patient_id: str, said: ContactPreference | None) -> PreferenceAnswer:
    return PreferenceAnswer(
        patient_id=patient_id,
        hearing=said.hearing if said is not None else Hearing.GOOD,
        part_of_day=said.part_of_day if said is not None else PartOfDay.ANY,
        channel=said.channel if said is not None else Channel.ANY,
        source=said.source if said is not None else "",
        recorded_at=said.recorded_at if said is not None else None,
        recorded_by=said.recorded_by if said is not None else None,
    )


def _changed(uow: UnitOfWork, patient_id: str) -> None:
    uow.flush()
    tell_of_tags(uow, patient_id)
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient_id))


def _audit(uow: UnitOfWork, caller: Caller, action: str, kind: str, subject: str, patient_id: str) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind=kind, subject=subject, patient_id=patient_id)
