"""Who was dialed ahead of agents has answered: the agent who waited longest is joined, or he is told who rang."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.calls import Call, CallState, LegId
from followup.closing import move_agent
from followup.outcomes import AttemptOutcome
from followup.pacing import PATIENCE_SECONDS, PredictiveRule
from followup.queues import AgentTrigger
from followup.waiting import URGENT_BELOW
from telephony.call_flows import line_of
from telephony.call_moves import attempt_of, patient_leg_of, tell_of_call
from telephony.call_recording import drop_recording, play_notice
from telephony.effects import Effect, JoinLegs, PlayPrompt

log = structlog.get_logger(__name__)

WHO_RANG = "neutral_message"
"""Hospital and published number, nothing about health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadRules:
    """How long a patient waits, and how long he is not dialed ahead again."""

    rule: PredictiveRule = PredictiveRule(allowed=True)  # noqa: RUF009 (frozen)
    zone: str = "Asia/Shanghai"
    patience: timedelta = timedelta(seconds=PATIENCE_SECONDS)

    def not_again_until(self, now: datetime) -> datetime:
        """The end of the hospital's day, or of the hours that the law names."""
        if self.rule.not_again is not None:
            return now + self.rule.not_again
        tz = ZoneInfo(self.zone)
        tomorrow = now.astimezone(tz).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(0), tzinfo=tz)


class AheadOfAgents:
    """Joins answered patients with agents; `somebody_waits` says whether the seconds have to be watched."""

    def __init__(self, rules: AheadRules) -> None:
        self._rules = rules
        self.somebody_waits = True  # until the first look: a node before us may have left a patient waiting

    def concerns(self, uow: UnitOfWork, call: Call) -> bool:
        """True for a call that has no agent yet and is to get one at the answer."""
        return call.agent_id is None and attempt_of(uow, call).ahead

    def person_answered(self, uow: UnitOfWork, call: Call) -> list[Effect]:
        """A person is on the line: an agent is joined at once, or he waits for one, no longer than the patience."""
        attempt = attempt_of(uow, call)
        if attempt.person_at is not None:
            return []
        attempt.person_at = uow.now
        return self._join(uow, call, attempt)

    def tick(self, uow: UnitOfWork, node: str) -> list[Effect]:
        """Give those who wait to agents who have become free; tell those who waited long enough who rang."""
        effects: list[Effect] = []
        self.somebody_waits = False
        for attempt in uow.pacing.patients_waiting(node):
            call = uow.calls.of_attempt(attempt.id)
            call = uow.calls.for_update(call.id) if call is not None else None
            if call is None or call.state is not CallState.ANSWERED or attempt.person_at is None:
                continue
            joined = self._join(uow, call, attempt)
            if not joined and uow.now - attempt.person_at >= self._rules.patience:
                joined = self._abandon(uow, call, attempt)
            effects += joined
        return effects

    def hung_up(self, uow: UnitOfWork, call: Call) -> AttemptOutcome | None:
        """The outcome of an answered call that never had an agent; None where it had, or was none of ours."""
        attempt = attempt_of(uow, call)
        if not attempt.ahead or call.agent_id is not None or call.answered_at is None:
            return None
        if attempt.person_at is None:
            return AttemptOutcome.REJECTED  # he hung up before it was known that a person had answered
        if attempt.abandoned_at is None:
            self._mark(uow, attempt)
        return AttemptOutcome.CALLER_ABANDONED

    def _join(self, uow: UnitOfWork, call: Call, attempt: Attempt) -> list[Effect]:
        queue = uow.queues.get(call.queue_id)
        agent = uow.pacing.reserve_agent(queue, node=call.node, now=uow.now) if queue is not None else None
        if agent is None or agent.headset_leg_id is None:
            self.somebody_waits = True
            return []
        uow.emit(move_agent(agent, AgentTrigger.RESERVE, now=uow.now))
        uow.emit(move_agent(agent, AgentTrigger.BEGIN_CALL, now=uow.now))
        agent.kept_for = None
        call.agent_id = attempt.agent_id = agent.id
        tell_of_call(uow, call)
        log.info("patient_given_to_agent", call=call.id, agent=agent.id, queue=call.queue_id)
        join = JoinLegs(leg_id=patient_leg_of(call).id, other=LegId(agent.headset_leg_id))
        return [join, *play_notice(uow, call)]

    def _abandon(self, uow: UnitOfWork, call: Call, attempt: Attempt) -> list[Effect]:
        """He hears at once whose call it was; the prompt's end, a key, or the node's patience ends the line."""
        self._mark(uow, attempt)
        call.parting_at = uow.now
        line = line_of(uow, call)
        told = PlayPrompt(leg_id=line.leg_id, key=WHO_RANG, language=line.language)
        return [*drop_recording(uow, call), told]

    def _mark(self, uow: UnitOfWork, attempt: Attempt) -> None:
        attempt.abandoned_at = uow.now
        uow.pacing.not_ahead_again(attempt, self._rules.not_again_until(uow.now))
        for task_id in uow.attempts.tasks_of(attempt.id):
            task = uow.plans.task_for_update(task_id)
            if task is not None:
                # Before everything else that is not urgent: he was rung, and found nobody.
                task.priority = min(task.priority, URGENT_BELOW)
        log.warning("patient_abandoned", attempt=attempt.id, queue=attempt.queue_id)
