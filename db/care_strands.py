"""Strands of the timeline about the person: visits, history, results, medicines, risk, goals, advice, summaries."""

from typing import Any

from sqlalchemy import DateTime, Select, case, cast, func, literal, or_

from care.medicines import MedicineState
from care.observations import ObservationStatus
from care.tags import TagEnd, TagOrigin
from care.timeline import TimelineKind
from db.advice import advice_given
from db.education import education_lessons, education_plans
from db.goals import goals
from db.history import history_entries
from db.medicines import dispenses, medicine_statements
from db.observations import results as result_rows
from db.patients import encounters
from db.proposals import treatment_proposals
from db.risk import risk_assessments
from db.stated_values import stated_values
from db.summaries import stage_summaries
from db.tags import tags
from db.timeline_rows import EXCERPT, PatientBind, by_hand, rows
from followup.requests import Viewer


def visits(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Visits and appointments."""
    visit = encounters.c
    return rows(
        TimelineKind.VISIT,
        at=visit.occurred_at,
        id=visit.id,
        source=visit.source,
        facts={
            "kind": visit.kind,
            "department": visit.department,
            "ward": visit.ward,
            "doctor": visit.doctor,
            "visit_number": visit.visit_number,
            "appointment_state": visit.appointment_state,
        },
    ).where(visit.patient_id == patient_id)


def history(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Diagnoses, allergies, operations, the family: the version that holds of each source."""
    entry = history_entries.c
    return rows(
        entry.kind,
        at=func.coalesce(entry.stated_at, entry.recorded_at),
        id=entry.id,
        source=entry.source,
        facts={
            "name": entry.name,
            "code": entry.code,
            "state": entry.state,
            "since": entry.since,
            "until": entry.until,
            "relation": entry.relation,
            "note": entry.note,
            "version": entry.version,
            "decided": entry.decided,
            "confirmed_at": entry.confirmed_at,
            "recorded_by": entry.recorded_by,
        },
    ).where(entry.patient_id == patient_id, entry.superseded_at.is_(None))


def results(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Results, the version that counts."""
    result = result_rows.c
    return rows(
        TimelineKind.RESULT,
        at=result.taken_at,
        id=result.id,
        source=result.source,
        facts={
            "code": result.code,
            "value": result.value,
            "unit": result.unit,
            "text": func.left(result.text, EXCERPT),
            "setting": result.setting,
            "status": result.status,
            "reference_low": result.reference_low,
            "reference_high": result.reference_high,
            "version": result.version,
        },
    ).where(
        result.patient_id == patient_id,
        result.superseded_at.is_(None),
        result.status != ObservationStatus.ENTERED_IN_ERROR,
    )


def words_about_the_person(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Every word of every source about the person."""
    word = stated_values.c
    return rows(
        TimelineKind.PERSON,
        at=word.stated_at,
        id=word.id,
        source=word.source,
        facts={
            "field": word.field,
            "value": word.value,
            "version": word.version,
            "reason": word.reason,
            "recorded_by": word.recorded_by,
        },
    ).where(word.patient_id == patient_id)


def medicines(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """What is taken or prescribed, the version that holds of each source."""
    statement = medicine_statements.c
    return rows(
        TimelineKind.MEDICINE,
        at=statement.recorded_at,
        id=statement.id,
        source=statement.source,
        facts={
            "name": statement.name,
            "code": statement.code,
            "basis": statement.basis,
            "dose": statement.dose,
            "schedule": statement.schedule,
            "state": statement.state,
            "since": statement.since,
            "until": statement.until,
            "version": statement.version,
        },
    ).where(
        statement.patient_id == patient_id,
        statement.superseded_at.is_(None),
        statement.state != MedicineState.ENTERED_IN_ERROR,
    )


def handed_out(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Medicines that were handed out, and for how many days."""
    dispense = dispenses.c
    return rows(
        TimelineKind.DISPENSE,
        at=cast(dispense.dispensed_on, DateTime(timezone=True)),
        id=dispense.id,
        source=dispense.source,
        facts={
            "name": dispense.name,
            "code": dispense.code,
            "dispensed_on": dispense.dispensed_on,
            "days_supplied": dispense.days_supplied,
        },
    ).where(dispense.patient_id == patient_id, dispense.superseded_at.is_(None))


def risks(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Risk assessments that stand."""
    risk = risk_assessments.c
    return rows(
        TimelineKind.RISK,
        at=risk.assessed_at,
        id=risk.id,
        source=literal("risk:") + risk.model,
        facts={
            "model": risk.model,
            "model_version": risk.model_version,
            "titles": risk.titles,
            "value": risk.value,
            "unit": risk.unit,
            "band": risk.band,
            "out_of_range": risk.out_of_range,
            "valid_until": risk.valid_until,
        },
    ).where(risk.patient_id == patient_id, risk.superseded_at.is_(None), risk.withdrawn_at.is_(None))


def set_goals(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Goals and where they stand."""
    goal = goals.c
    return rows(
        TimelineKind.GOAL,
        at=goal.set_at,
        id=goal.id,
        source=by_hand(goal.set_by),
        facts={
            "title": goal.title,
            "targets": goal.targets,
            "state": goal.state,
            "state_since": goal.state_since,
            "due_on": goal.due_on,
            "owner_id": goal.owner_id,
        },
    ).where(goal.patient_id == patient_id)


def advice(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Advice that was given."""
    given = advice_given.c
    return rows(
        TimelineKind.ADVICE,
        at=given.given_at,
        id=given.id,
        source=by_hand(given.given_by),
        facts={
            "article_id": given.article_id,
            "article_version": given.article_version,
            "way": given.way,
            "excerpt": func.left(given.text, EXCERPT),
            "withdrawn_at": given.withdrawn_at,
        },
    ).where(given.patient_id == patient_id)


def lessons(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Lessons that were given."""
    lesson, plan = education_lessons.c, education_plans.c
    return (
        rows(
            TimelineKind.LESSON,
            at=lesson.given_at,
            id=lesson.id,
            source=literal("education:") + plan.programme_id,
            facts={
                "programme_id": plan.programme_id,
                "key": lesson.key,
                "way": lesson.way,
                "given_by": lesson.given_by,
                "opened_at": lesson.opened_at,
            },
        )
        .select_from(education_lessons.join(education_plans, plan.id == lesson.plan_id))
        .where(plan.patient_id == patient_id, lesson.given_at.is_not(None))
    )


def proposals(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Proposals to the doctor and what became of them."""
    proposal = treatment_proposals.c
    return rows(
        TimelineKind.PROPOSAL,
        at=proposal.proposed_at,
        id=proposal.id,
        source=by_hand(proposal.proposed_by),
        facts={
            "kind": proposal.kind,
            "state": proposal.state,
            "excerpt": func.left(proposal.proposal, EXCERPT),
            "doctor_id": proposal.doctor_id,
            "due_on": proposal.due_on,
            "decided_at": proposal.decided_at,
        },
    ).where(proposal.patient_id == patient_id)


def summaries(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Stage summaries."""
    summary = stage_summaries.c
    return rows(
        TimelineKind.SUMMARY,
        at=func.coalesce(summary.signed_at, summary.created_at),
        id=summary.id,
        source=by_hand(func.coalesce(summary.signed_by, summary.created_by)),
        facts={
            "number": summary.number,
            "state": summary.state,
            "since": summary.since,
            "until": summary.until,
            "signer_name": summary.signer_name,
        },
    ).where(summary.patient_id == patient_id)


def tagged(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Tags, those that stand and those that were taken off; what was only restated is the same tag."""
    tag = tags.c
    return rows(
        TimelineKind.TAG,
        at=tag.added_at,
        id=tag.id,
        source=case(
            (tag.origin == TagOrigin.RULE, literal("tag:") + func.coalesce(tag.rule, "")), else_=by_hand(tag.added_by)
        ),
        facts={
            "title": tag.title,
            "code": tag.code,
            "origin": tag.origin,
            "rule": tag.rule,
            "reason": tag.reason,
            "evidence": tag.evidence,
            "since": tag.since,
            "ended_at": tag.ended_at,
            "end": tag.end,
        },
    ).where(tag.patient_id == patient_id, or_(tag.end.is_(None), tag.end != TagEnd.RESTATED))
