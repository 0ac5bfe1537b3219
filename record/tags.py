"""Tags and segments follow the record: rules add and take off, and segments hand scheduling what they ask for."""

import structlog

from care.patients import Patient
from care.segments import SegmentMember, Steering, segments_for
from care.tags import Tag, TagChange, TagEnd, TagOrigin, changes, since_of
from db.tags import SEGMENT_SOURCE
from db.unit_of_work import UnitOfWork
from followup.calling_hours import EVERY_DAY, CallingHours, OwnHours
from followup.events import DomainEvent, EventKind
from record.following import Follower, RecordParts
from record.tag_facts import facts_of, with_tags
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


def follow_tags(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:
    """Let the rules' tags, and the segments, say what the record says now; again it changes nothing."""
    uow.tags.one_at_a_time(patient_id)
    patient = uow.patients.get(patient_id)
    if patient is None or uow.merges.merged_into(patient_id) is not None:
        return
    facts = facts_of(uow, parts.content, patient)
    for change in changes(parts.content.tag_rules, facts, uow.tags.standing(patient_id)):
        _make(uow, parts.content, patient, change)
    facts = with_tags(facts, uow.tags.standing(patient_id))
    held = {member.segment: member for member in uow.tags.segments_of(patient_id)}
    inside = segments_for(parts.content.segment_rules, facts)
    for rule, look in inside:
        evidence = [each.written() for each in look.evidence]
        member = held.pop(rule.id, None)
        if member is not None and (member.rule, member.evidence) == (rule.name, evidence):
            continue
        if member is not None:
            uow.tags.leave(member, uow.now)
        uow.tags.add(
            SegmentMember(
                id=new_id(),
                patient_id=patient.id,
                segment=rule.id,
                rule=rule.name,
                order=rule.order,
                steering=rule.steering.written(),
                evidence=evidence,
                since=uow.now,
            )
        )
        log.info("segment_entered", patient=patient.id, segment=rule.name)
    for member in held.values():
        uow.tags.leave(member, uow.now)
        log.info("segment_left", patient=patient.id, segment=member.rule)
    steering = uow.tags.steering(patient.id)
    _keep_hours(uow, patient, steering, ",".join(rule.name for rule, _ in inside if rule.steering.hours))
    if steering.slow_speech and not patient.slow_speech:
        patient.slow_speech = True  # whoever hears him speak quicker than that takes it back: PUT …/pace
        log.info("speech_slowed", patient=patient.id)


def _make(uow: UnitOfWork, content: Content, patient: Patient, change: TagChange) -> None:
    if change.ends is not None and change.end is not None:
        evidence = [each.written() for each in change.look.evidence] if change.end is TagEnd.NO_LONGER else []
        uow.tags.end(change.ends, change.end, at=uow.now, evidence=evidence)
        log.info("tag_ended", patient=patient.id, tag=change.ends.code, end=change.end.value)
    if change.begins and change.rule is not None:
        document = content.tag_documents[change.rule.code]
        uow.tags.add(
            Tag(
                id=new_id(),
                patient_id=patient.id,
                code=change.rule.code,
                origin=TagOrigin.RULE,
                rule=change.rule.name,
                title={"zh": document.title.zh, "en": document.title.en},
                evidence=[each.written() for each in change.look.evidence],
                since=since_of(change.look, uow.now),
                added_at=uow.now,
                look_again_at=change.look.until,
            )
        )
        log.info("tag_added", patient=patient.id, tag=change.rule.name)
    if change.end is not TagEnd.RESTATED:
        tell_of_tags(uow, patient.id)


def tell_of_tags(uow: UnitOfWork, patient_id: str) -> None:
    """Tell the live stream that a patient's tags are others now."""
    uow.emit(DomainEvent(kind=EventKind.TAGS_CHANGED, subject=patient_id, ids={"patient": patient_id}))


def _keep_hours(uow: UnitOfWork, patient: Patient, steering: Steering, by: str) -> None:
    """Hours that a segment asks for, unless somebody wrote down others: then those hold."""
    source = uow.tags.hours_source(patient.id)
    if source is not None and not source.startswith(SEGMENT_SOURCE):
        return
    if not steering.hours:
        if source is not None and uow.objections.drop_own_hours(patient.id):
            uow.outbox.wake()
        return
    wanted = OwnHours(
        spans=tuple(CallingHours(start=each.start, end=each.end, weekdays=EVERY_DAY) for each in steering.hours),
        wish=True,  # the patient said so himself
    )
    if uow.objections.own_hours(patient.id) != wanted:
        uow.objections.put_own_hours(patient.id, wanted, source=f"{SEGMENT_SOURCE}{by}"[:64], by=None, now=uow.now)
        uow.outbox.wake()


TAGS = Follower("tags", follow_tags)
