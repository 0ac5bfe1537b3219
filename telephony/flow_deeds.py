"""What an automated call writes down: answers by keys, an appointment's move, a wish for no more calls, a call owed."""

import structlog

from care.consent import Purpose
from care.forms import AnswerRefusedError, AnswerValue, ItemType
from care.objections import Objection, ObjectionSource
from care.patients import PatientId
from care.responses import ResponseClosedError, ResponseIncompleteError, ResponseMode
from db.answering import complete, form_named, open_response, save_answer
from db.appointment_moves import move_appointment
from db.unit_of_work import UnitOfWork
from followup.appointments import AppointmentSource
from followup.attempts import Attempt
from followup.calls import Call
from followup.flows import PERSON_STEP, Flow
from followup.outcomes import TaskOutcome
from followup.plans import Task
from followup.states import IllegalTransitionError
from runtime.content.library import Content
from runtime.identifiers import new_id
from telephony.automated import FlowPosition
from telephony.call_moves import attempt_of
from telephony.call_recording import refuse_recording
from telephony.effects import Effect
from telephony.owed_calls import owe_call

log = structlog.get_logger(__name__)

OPTED_OUT = "by the opt-out key of an automated call"


class FlowDeeds:
    """Writes what each step of a flow stands for, in the transaction of the key that led there."""

    def __init__(self, content: Content | None) -> None:
        self._content = content  # None: there are no forms, and answers stay with the attempt

    def moved(
        self, uow: UnitOfWork, call: Call, flow: Flow, before: FlowPosition | None, after: FlowPosition
    ) -> list[Effect]:
        """The call's flow went from one position to the next."""
        asked = {step.item for step in flow.steps.values() if step.item}
        known = before.values if before is not None else {}
        for item in sorted(asked):
            if item in after.values and after.values[item] != known.get(item):
                self._save(uow, call, flow, item, after.values[item])
        if after.step == PERSON_STEP or (before is not None and before.step == after.step):
            return []
        return self._arrived(uow, call, flow, after)

    def _arrived(self, uow: UnitOfWork, call: Call, flow: Flow, position: FlowPosition) -> list[Effect]:
        step = flow.steps[position.step]
        for item in step.saves:
            if item in position.values:
                self._save(uow, call, flow, item, position.values[item])
        effects = refuse_recording(uow, call, by=None) if step.refuses_recording else []
        if not (step.opts_out or step.appointment or step.owes_person or step.ending):
            return effects
        task = _task_of(uow, call)
        if step.opts_out:
            _opt_out(uow, call, task.purpose)
        visit = uow.appointments.of_task(task) if step.appointment is not None else None
        if step.appointment is not None and visit is not None:
            try:
                move_appointment(
                    uow, visit, step.appointment, source=AppointmentSource.KEYS, call_id=call.id, besides=task.id
                )
            except IllegalTransitionError as refusal:
                # It was cancelled or over before he pressed: what he said is with the attempt, a person looks at it.
                log.warning("appointment_not_moved", encounter=visit.id, call=call.id, reason=str(refusal))
                owe_call(uow, flow, task, because=step.key)
        if step.owes_person:
            owe_call(uow, flow, task, because=step.key)
        if step.ending is not None and step.ending.task_result is TaskOutcome.COMPLETED:
            self._complete(uow, flow, task)
        return effects

    def _save(self, uow: UnitOfWork, call: Call, flow: Flow, item: str, value: str) -> None:
        attempt = attempt_of(uow, call)
        attempt.answers = {**attempt.answers, item: value}
        if self._content is None or flow.form is None:
            return
        content = self._content
        try:
            response = open_response(uow, content, _task_of(uow, call), flow.form)
            typed = _typed(content, flow.form, item, value)
            save_answer(uow, content, response, item, typed, by=None, mode=ResponseMode.KEYS, attempt_id=attempt.id)
        except (AnswerRefusedError, ResponseClosedError, LookupError) as refusal:
            # Told with the attempt all the same; the reason names the question, never the answer.
            log.warning("key_answer_refused", attempt=attempt.id, item=item, refusal=type(refusal).__name__)

    def _complete(self, uow: UnitOfWork, flow: Flow, task: Task) -> None:
        response = uow.responses.of_task(task.id, flow.form) if flow.form else None
        if self._content is None or response is None:
            return
        try:
            complete(uow, self._content, response, by=None, mode=ResponseMode.KEYS)
        except ResponseIncompleteError as missing:
            log.info("response_incomplete", response=response.id, missing=len(missing.missing))
        except ResponseClosedError:
            log.info("response_complete_already", response=response.id)


def _opt_out(uow: UnitOfWork, call: Call, purpose: Purpose) -> None:
    """He is called for this no more, from this transaction on."""
    seconds = (uow.now - call.answered_at).total_seconds() if call.answered_at else None
    uow.objections.add(
        Objection(
            id=new_id(),
            patient_id=PatientId(call.patient_id),
            purpose=purpose,
            reason=OPTED_OUT,
            source=ObjectionSource.KEYS,
            call_id=call.id,
            at_second=seconds,
            since=uow.now,
        )
    )
    uow.audit.note(
        user_id=None,
        action="do_not_call_added",
        subject_kind="patient",
        subject=call.patient_id,
        patient_id=call.patient_id,
        detail={"purpose": purpose.value, "source": ObjectionSource.KEYS.value, "call": call.id},
    )


def _task_of(uow: UnitOfWork, call: Call) -> Task:
    attempt: Attempt = attempt_of(uow, call)
    task = uow.plans.task_for_update(attempt.task_id)
    if task is None:
        raise LookupError(f"call {call.id}: its task does not exist")
    return task


def _typed(content: Content, form: str, item: str, value: str) -> AnswerValue:
    """The answer as the form's item wants it."""
    question = form_named(content, form).item(item)
    match question.type if question else None:
        case ItemType.DECIMAL:
            return float(value)
        case ItemType.INTEGER:
            return int(value)
        case ItemType.BOOLEAN:
            return value == "true"
        case _:
            return value
