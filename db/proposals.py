"""Proposals to doctors and their stories: tables, mappings, repository."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import BigInteger, Column, Date, Identity, Index, Select, String, Table, Text, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.proposals import ProposalKind, ProposalState, TreatmentProposal

treatment_proposals = Table(
    "treatment_proposals",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    closed_set("kind", ProposalKind),
    Column("finding", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    reference("statement_id", "medicine_statements.id", nullable=True, index=False),
    reference("plan_id", "plans.id", nullable=True),
    reference("task_id", "tasks.id", nullable=True, index=False),
    reference("attempt_id", "attempts.id", nullable=True, index=False),
    closed_set("state", ProposalState),
    reference("proposed_by", "users.id", index=False),
    instant("proposed_at"),
    reference("doctor_id", "users.id"),
    Column("due_on", Date, nullable=False),
    Column("decision", Text, nullable=False),
    Column("medicine", JSONB, nullable=False),
    reference("decided_by", "users.id", nullable=True, index=False),
    instant("decided_at", nullable=True),
    instant("told_at", nullable=True),
    reference("told_by", "users.id", nullable=True, index=False),
    Index("ix_treatment_proposals_open", "due_on", "id", postgresql_where=text("state = 'proposed'")),
)

proposal_events = Table(
    "proposal_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("proposal_id", "treatment_proposals.id"),
    instant("at"),
    Column("kind", String(40), nullable=False),
    Column("user_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False, default=dict),
)


@dataclass(kw_only=True, eq=False)
class ProposalEvent:
    """One line of a proposal's story; never changed. `kind` is the trigger, or proposed, assigned, told."""

    position: int = field(init=False)
    proposal_id: str
    at: datetime
    kind: str
    user_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


mapper_registry.map_imperatively(TreatmentProposal, treatment_proposals)
mapper_registry.map_imperatively(ProposalEvent, proposal_events)


_LOOKED_THROUGH = 5000
"""So many are looked through for those of one department."""


class TreatmentProposalRepository:
    """Proposals and what doctors decided."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, one: TreatmentProposal) -> None:
        """Save a proposal."""
        self._session.add(one)

    def get(self, proposal_id: str) -> TreatmentProposal | None:
        """The proposal with this id."""
        return self._session.get(TreatmentProposal, proposal_id)

    def for_update(self, proposal_id: str) -> TreatmentProposal | None:
        """The proposal, locked until the end of the transaction."""
        return self._session.scalar(
            select(TreatmentProposal)
            .where(treatment_proposals.c.id == proposal_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def of_patient(self, patient_id: str) -> Sequence[TreatmentProposal]:
        """A patient's proposals, newest first."""
        return self._session.scalars(
            select(TreatmentProposal)
            .where(treatment_proposals.c.patient_id == patient_id)
            .order_by(treatment_proposals.c.proposed_at.desc(), treatment_proposals.c.id)
        ).all()

    def open(self, *, doctor_id: str | None, opened: Callable[[str], bool], limit: int) -> Sequence[TreatmentProposal]:
        """What a doctor (or any) still has to decide for patients who are `opened`, by the day it is due."""
        query = select(TreatmentProposal).where(treatment_proposals.c.state == ProposalState.PROPOSED)
        if doctor_id is not None:
            query = query.where(treatment_proposals.c.doctor_id == doctor_id)
        return self._first(query.order_by(treatment_proposals.c.due_on, treatment_proposals.c.id), opened, limit)

    def untold(self, *, opened: Callable[[str], bool], limit: int) -> Sequence[TreatmentProposal]:
        """What was decided for patients who are `opened` and do not know it yet."""
        decided = (ProposalState.ACCEPTED, ProposalState.CHANGED, ProposalState.DECLINED)
        query = (
            select(TreatmentProposal)
            .where(treatment_proposals.c.state.in_(decided), treatment_proposals.c.told_at.is_(None))
            .order_by(treatment_proposals.c.decided_at, treatment_proposals.c.id)
        )
        return self._first(query, opened, limit)

    def _first(
        self, query: Select[TreatmentProposal], opened: Callable[[str], bool], limit: int
    ) -> Sequence[TreatmentProposal]:
        waiting = self._session.scalars(query.limit(_LOOKED_THROUGH))
        return list(islice((each for each in waiting if opened(each.patient_id)), limit))

    def note(
        self,
        one: TreatmentProposal,
        kind: str,
        *,
        at: datetime,
        user_id: str | None,
        detail: dict[str, object] | None = None,
    ) -> None:
        """Write one line of its story."""
        self._session.add(ProposalEvent(proposal_id=one.id, at=at, kind=kind, user_id=user_id, detail=detail or {}))

    def story(self, proposal_id: str) -> Sequence[ProposalEvent]:
        """What happened to it, oldest first."""
        return self._session.scalars(
            select(ProposalEvent)
            .where(proposal_events.c.proposal_id == proposal_id)
            .order_by(proposal_events.c.position)
        ).all()
