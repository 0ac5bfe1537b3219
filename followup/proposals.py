"""Proposals to the doctor: a follow-up finds that a treatment may need a change, and a doctor alone decides on it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from followup.states import follow


class ProposalKind(StrEnum):
    """What might be changed."""

    MEDICINE = "medicine"
    CARE_PLAN = "care_plan"
    EXAMINATION = "examination"
    OTHER = "other"


class ProposalState(StrEnum):
    """Where a proposal is."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    CHANGED = "changed"  # the doctor decided on something else instead
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"  # by whoever had proposed it


class ProposalTrigger(StrEnum):
    """What moves it."""

    ACCEPT = "accept"
    CHANGE = "change"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


PROPOSAL_TRANSITIONS: dict[tuple[ProposalState, ProposalTrigger], ProposalState] = {
    (ProposalState.PROPOSED, ProposalTrigger.ACCEPT): ProposalState.ACCEPTED,
    (ProposalState.PROPOSED, ProposalTrigger.CHANGE): ProposalState.CHANGED,
    (ProposalState.PROPOSED, ProposalTrigger.DECLINE): ProposalState.DECLINED,
    (ProposalState.PROPOSED, ProposalTrigger.WITHDRAW): ProposalState.WITHDRAWN,
}


def next_proposal_state(state: ProposalState, trigger: ProposalTrigger) -> ProposalState:
    """The state after `trigger`; IllegalTransitionError if it was decided before."""
    return follow("proposal", PROPOSAL_TRANSITIONS, state, trigger)


@dataclass(kw_only=True, eq=False)
class TreatmentProposal:
    """One proposal: what was found, what might be done, who decides by when, and what he decided."""

    id: str
    patient_id: str
    kind: ProposalKind
    finding: str
    proposal: str
    statement_id: str | None = None  # the medicine that it is about
    plan_id: str | None = None
    task_id: str | None = None
    attempt_id: str | None = None
    state: ProposalState = ProposalState.PROPOSED
    proposed_by: str
    proposed_at: datetime
    doctor_id: str
    due_on: date
    decision: str = ""
    medicine: dict[str, str] = field(default_factory=dict)  # as it is taken from the decision on
    decided_by: str | None = None
    decided_at: datetime | None = None
    told_at: datetime | None = None  # the patient knows
    told_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the doctor still has to decide."""
        return self.state is ProposalState.PROPOSED


class DecisionMissingError(ValueError):
    """A doctor wanted to decide otherwise without saying what."""


def decide(
    one: TreatmentProposal, trigger: ProposalTrigger, *, text: str, by: str, at: datetime, medicine: dict[str, str]
) -> None:
    """Take the doctor's decision; IllegalTransitionError, DecisionMissingError."""
    state = next_proposal_state(one.state, trigger)
    if trigger in (ProposalTrigger.CHANGE, ProposalTrigger.DECLINE) and not text:
        raise DecisionMissingError("say what is to be done instead, or why not: whoever calls the patient tells him")
    one.state, one.decision, one.medicine = state, text, medicine
    one.decided_by, one.decided_at = by, at
