"""Answers to a form's questions as they were heard in a call: proposed to a person, never filled in by themselves."""

from dataclasses import dataclass, field
from datetime import datetime

from followup.notes import ProposalState


class HeardAnswerDecidedError(ValueError):
    """Somebody wanted to decide on an answer that is decided."""

    def __init__(self, state: ProposalState) -> None:
        super().__init__(f"the proposed answer is {state.value} already; change the answer in the form itself")


@dataclass(kw_only=True, eq=False)
class HeardAnswer:
    """What a patient answered to one question, by the turn in which it was asked and the turn in which it was said."""

    id: str
    attempt_id: str
    task_id: str
    form_id: str
    link_id: str
    value: bool | int | float | str
    quote: str
    asked: str  # the agent's question, as it was heard; empty where the patient told it unasked
    start: float
    end: float
    turns: list[int] = field(default_factory=list)
    confidence: float
    recording_id: str
    transcript_id: str
    state: ProposalState = ProposalState.PROPOSED
    proposed_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide."""
        return self.state is ProposalState.PROPOSED

    def decide(self, state: ProposalState, by: str, at: datetime) -> None:
        """Take somebody's decision; the same once more changes nothing. HeardAnswerDecidedError if it was another."""
        if self.state is state:
            return
        if not self.is_open:
            raise HeardAnswerDecidedError(self.state)
        self.state, self.decided_by, self.decided_at = state, by, at
