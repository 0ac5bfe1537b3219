"""The flow of an automated call: which one, where it stands, what it says at its begin or after a crash."""

from collections.abc import Mapping

from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.flows import Flow
from followup.plans import TaskMode
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.call_moves import LateEventError, attempt_of, patient_leg_of
from telephony.effects import Effect


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
        return flow, FlowPosition.read(call.flow_step)

    def line(self, uow: UnitOfWork, call: Call) -> Line:
        """The patient's leg and the language to speak on it."""
        return line_of(uow, call)

    def begin(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """Say the first words of the call's flow; nothing on a call without one, or whose flow has begun."""
        flow = self.of(uow, call)
        if flow is None or call.flow_step is not None:
            return []
        position, effects = automated.begin(flow, self.line(uow, call))
        call.flow_step = str(position)
        return effects

    def again(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """What a node has to say again on an answered automated call that it took over in the middle."""
        flow = self.of(uow, call)
        if call.answered_at is None or flow is None:
            return []
        if call.flow_step is None:
            return self.begin(uow, call)
        return automated.again(flow, FlowPosition.read(call.flow_step), self.line(uow, call))


def line_of(uow: UnitOfWork, call: Call) -> Line:
    """The patient's leg of a call, and the language that he, or else the queue, speaks."""
    queue = uow.queues.get(call.queue_id)
    patient = uow.patients.get(call.patient_id)
    language = (patient.language if patient else None) or (queue.language if queue else None) or "zh"
    return Line(leg_id=patient_leg_of(call).id, language=language)
