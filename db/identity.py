"""Checks of who is on the line: each round with who made it and when, and the rule each queue goes by."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Uuid, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from db.attempts import attempts
from db.metadata import id_column, instant, metadata, reference
from followup.identity import CheckedIdentity

identity_checks = Table(
    "identity_checks",
    metadata,
    id_column(),
    reference("attempt_id", "attempts.id"),
    reference("patient_id", "patients.id"),
    Column("person", String(16), nullable=False),
    Column("relative_id", Uuid(as_uuid=False), nullable=True),
    Column("rule", String(80), nullable=False),
    Column("passed", JSONB, nullable=False),
    Column("failed", JSONB, nullable=False),
    Column("enough", Boolean, nullable=False),
    Column("by", Uuid(as_uuid=False), nullable=False),
    instant("at"),
)

queue_identity_rules = Table(
    "queue_identity_rules",
    metadata,
    Column("queue_id", Uuid(as_uuid=False), ForeignKey("queues.id"), primary_key=True),
    Column("rule", String(64), nullable=False),
    instant("set_at"),
    Column("set_by", Uuid(as_uuid=False), nullable=True),
)


class IdentityRepository:
    """Rounds of checks, and queues' rules."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(self, checked: CheckedIdentity) -> None:
        """Append a round."""
        self._session.execute(insert(identity_checks).values(**asdict(checked)))

    def of_attempt(self, attempt_id: str) -> Sequence[CheckedIdentity]:
        """An attempt's rounds, oldest first."""
        rows = self._session.execute(
            select(identity_checks)
            .where(identity_checks.c.attempt_id == attempt_id)
            .order_by(identity_checks.c.at, identity_checks.c.id)
        )
        return [CheckedIdentity(**row) for row in rows.mappings()]

    def last_confirmed(self, patient_id: str, *, number: str, agent_id: str, besides: str) -> datetime | None:
        """When this agent last confirmed this patient himself on this number."""
        found: datetime | None = self._session.scalar(
            select(func.max(identity_checks.c.at))
            .join(attempts, attempts.c.id == identity_checks.c.attempt_id)
            .where(
                identity_checks.c.patient_id == patient_id,
                identity_checks.c.enough,
                identity_checks.c.person == "patient",
                identity_checks.c.by == agent_id,
                attempts.c.number == number,
                attempts.c.id != besides,
            )
        )
        return found

    def rule_of(self, queue_id: str) -> str | None:
        """The rule that was set for a queue."""
        return self._session.scalar(
            select(queue_identity_rules.c.rule).where(queue_identity_rules.c.queue_id == queue_id)
        )

    def set_rule(self, queue_id: str, rule: str, *, by: str | None, at: datetime) -> None:
        """Let a queue go by a rule."""
        values = {"rule": rule, "set_at": at, "set_by": by}
        self._session.execute(
            upsert(queue_identity_rules)
            .values(queue_id=queue_id, **values)
            .on_conflict_do_update(index_elements=["queue_id"], set_=values)
        )
