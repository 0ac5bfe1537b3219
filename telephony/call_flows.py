"""The flow of an automated call: which one, where it stands, what it says at its begin or after a crash."""

from collections.abc import Mapping
from dataclasses import replace

from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.flows import Flow
from followup.plans import TaskMode
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.call_moves import LateEventError, attempt_of, patient_leg_of
from telephony.effects import Effect, ExpectPrompts
from telephony.flow_variables import answered_before, needs_it_slow, variables_of


class CallFlows:
    """The flows of the shipped content, by key; an agent's call follows none."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self._flows = flows

    def of(self, uow: UnitOfWork, call: Call) -> Flow | None:
        """The flow this call follows: none once an agent speaks in it."""
        if call.agent_id is not None:
            return None
        task = uow.plans.task(attempt_of(uow, call).task_id)
        if task is None or task.mode is not TaskMode.AUTOMATED or task.flow is None:
            return None
        return self._flows[task.flow]

    def standing(self, uow: UnitOfWork, call: Call) -> tuple[Flow, FlowPosition]:
        """The flow and where the call is in it; LateEventError where there is none that could go on."""
        flow = self.of(uow, call)
        if flow is None or call.flow_step is None:
            raise LateEventError("the call has no flow that could go on")
        return flow, position_of(call)

    def line(self, uow: UnitOfWork, call: Call) -> Line:
        """The patient's leg, how to speak on it, and what the call's flow can speak of."""
        line, flow = line_of(uow, call), self.of(uow, call)
        task = uow.plans.task(attempt_of(uow, call).task_id) if flow is not None else None
        patient = uow.patients.get(call.patient_id)
        if flow is None or task is None or patient is None:
            return line
        return replace(
            line,
            slow=needs_it_slow(patient, flow, uow.now),
            variables=variables_of(uow, flow, task, patient, line.language),
            answered=answered_before(uow, flow, task),
        )

    def begin(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """Say the first words of the call's flow; nothing on a call without one, or whose flow has begun."""
        flow = self.of(uow, call)
        if flow is None or call.flow_step is not None:
            return []
        line = self.line(uow, call)
        position, effects = automated.begin(flow, line)
        keep_position(call, position)
        if not line.variables:
            return effects
        later = tuple(dict.fromkeys(prompt for step in flow.steps.values() for prompt in step.prompts))
        return [*effects, ExpectPrompts(leg_id=line.leg_id, keys=later, language=line.language, values=line.variables)]

    def again(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """What a node has to say again on an answered automated call that it took over in the middle."""
        flow = self.of(uow, call)
        if call.answered_at is None or flow is None:
            return []
        if call.flow_step is None:
            return self.begin(uow, call)
        position, effects = automated.again(flow, position_of(call), self.line(uow, call))
        keep_position(call, position)
        return effects


def position_of(call: Call) -> FlowPosition:
    """Where the call's flow stands, with what was entered so far; LateEventError before it has begun."""
    if call.flow_step is None:
        raise LateEventError("the call's flow has not begun")
    return FlowPosition.read(call.flow_step, call.flow_values)


def keep_position(call: Call, position: FlowPosition) -> None:
    """Write down where the call's flow stands."""
    call.flow_step, call.flow_values = str(position), dict(position.values)


def line_of(uow: UnitOfWork, call: Call) -> Line:
    """The patient's leg of a call, and the language that he, or else the queue, speaks."""
    queue = uow.queues.get(call.queue_id)
    patient = uow.patients.get(call.patient_id)
    language = (patient.language if patient else None) or (queue.language if queue else None) or "zh"
    return Line(leg_id=patient_leg_of(call).id, language=language)
