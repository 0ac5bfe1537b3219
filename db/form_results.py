"""Answers and scores of a form as results: a PHQ-9 total or a weight told on the telephone stands in the same line."""

from collections.abc import Iterable, Sequence

import structlog

from care.concepts import Concept
from care.forms import Form, counted_answers
from care.observations import Observation, ObservationStatus, Setting
from care.responses import Response, ResponseState
from care.scoring import ScoreResult, ScoreState
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.follow_up_rules import number_in
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


def keep_form_results(
    uow: UnitOfWork, content: Content, form: Form, response: Response, scores: Sequence[ScoreResult]
) -> None:
    """Keep what a complete response says as results derived from it; amended, they are corrected or taken back."""
    found = results_of(content.concepts.values(), form, response, scores)
    amended = response.state is ResponseState.AMENDED
    changed = False
    for code, value in found.items():
        concept = content.concepts[code]
        if not concept.is_plausible(value):
            log.warning("form_result_implausible", response=response.id, code=code)
            continue
        put = uow.observations.put(
            Observation(
                id=new_id(),
                patient_id=response.patient_id,
                code=code,
                value=value,
                unit=concept.unit,
                sent_code=concept.score or concept.item,
                sent_value=f"{value:g}",
                sent_unit=concept.unit,
                taken_at=response.completed_at or uow.now,
                issued_at=uow.now,
                setting=Setting.TOLD,
                status=ObservationStatus.CORRECTED if amended else ObservationStatus.FINAL,
                source=f"form:{form.id}",
                source_key=f"{response.id}:{code}",
                derived_from=response.id,
                recorded_at=uow.now,
                recorded_by=response.completed_by,
            )
        )
        changed = changed or put.changed
    for each in uow.observations.derived_from(response.id):
        if each.code not in found and each.status is not ObservationStatus.ENTERED_IN_ERROR:
            uow.observations.withdraw(each, by=response.completed_by, reason="the answer was taken back", now=uow.now)
            changed = True
    if changed:
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=response.patient_id))


def results_of(
    concepts: Iterable[Concept], form: Form, response: Response, scores: Sequence[ScoreResult]
) -> dict[str, float]:
    """What a response says, by concept: scores that are complete, and answers that measure."""
    scored = {
        f"{form.id}.{each.id}": each.value
        for each in scores
        if each.state is ScoreState.SCORED and each.value is not None
    }
    answers = counted_answers(form, response.answers)
    found: dict[str, float] = {}
    taken: dict[str, int] = {}  # question → how closely the concept that has it fits
    for concept in sorted(concepts, key=lambda each: -len(each.with_answers)):
        if concept.score in scored:
            found[concept.code] = scored[concept.score]
        answer = answers.get(concept.item)
        value = float(answer) if isinstance(answer, bool) else number_in(answer)
        fits = all(answers.get(item) == wanted for item, wanted in concept.with_answers.items())
        # The glucose of somebody who has not eaten is his fasting glucose and not a glucose besides.
        if (
            value is not None
            and fits
            and taken.setdefault(concept.item, len(concept.with_answers)) == len(concept.with_answers)
        ):
            found[concept.code] = value
    return found
