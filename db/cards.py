"""Cards of patients and what happened to them: tables, mapping, repository."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Index, String, Table, UniqueConstraint, Uuid, func, insert, select, text
from sqlalchemy.orm import Session

from care.cards import Card, CardEvent, CardKind, CardState, CardTrigger, next_card_state
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.identifiers import new_id

cards = Table(
    "cards",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    closed_set("kind", CardKind),
    Column("number", String(128), nullable=False),
    closed_set("state", CardState),
    instant("state_since"),
    reference("replaces_id", "cards.id", nullable=True, index=False),
    instant("opened_at"),
    Column("opened_by", Uuid(as_uuid=False), nullable=True),
    UniqueConstraint("kind", "number", name="uq_cards_kind_number"),
    Index("ix_cards_number_begin", "number", postgresql_ops={"number": "text_pattern_ops"}),
)
Index("ix_cards_tail", func.reverse(cards.c.number).label("tail"), postgresql_ops={"tail": "text_pattern_ops"})

card_events = Table(
    "card_events",
    metadata,
    id_column(),
    reference("card_id", "cards.id"),
    closed_set("trigger", CardTrigger),
    closed_set("state", CardState),
    instant("at"),
    Column("by", Uuid(as_uuid=False), nullable=True),
    Column("reason", String(500), nullable=False),
)

mapper_registry.map_imperatively(Card, cards)


class CardRepository:
    """Cards; rows are opened and change their state, they never go."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, card: Card) -> None:
        """Save a new card."""
        self._session.add(card)
        self._session.flush()

    def next_number(self) -> str:
        """A number for a card of the hospital's own program."""
        place = self._session.execute(text("SELECT nextval('card_numbers')")).scalar_one()
        return f"K-{place:06d}"

    def get(self, card_id: str) -> Card | None:
        """The card with this id."""
        return self._session.get(Card, card_id)

    def for_update(self, card_id: str) -> Card | None:
        """The card with this id, locked."""
        return self._session.scalar(
            select(Card).where(cards.c.id == card_id).with_for_update().execution_options(populate_existing=True)
        )

    def of_patient(self, patient_id: str) -> Sequence[Card]:
        """A patient's cards, those not in use too, oldest first."""
        return self._session.scalars(
            select(Card).where(cards.c.patient_id == patient_id).order_by(cards.c.opened_at, cards.c.id)
        ).all()

    def by_number(self, number: str, kind: CardKind | None = None) -> Sequence[Card]:
        """The cards that bear a number; of two kinds two may."""
        query = select(Card).where(cards.c.number == number)
        return self._session.scalars(query.where(cards.c.kind == kind) if kind else query.order_by(cards.c.kind)).all()

    def move(self, card: Card, trigger: CardTrigger, *, at: datetime, by: str | None, reason: str) -> None:
        """Let something happen to a card; CardMoveRefusedError if that cannot be."""
        card.state, card.state_since = next_card_state(card.state, trigger), at
        self._session.flush()
        self._session.execute(
            insert(card_events).values(
                id=new_id(), card_id=card.id, trigger=trigger, state=card.state, at=at, by=by, reason=reason
            )
        )

    def events_of(self, card_id: str) -> Sequence[CardEvent]:
        """What happened to a card, oldest first."""
        rows = self._session.execute(
            select(card_events).where(card_events.c.card_id == card_id).order_by(card_events.c.at, card_events.c.id)
        )
        return [CardEvent(**row) for row in rows.mappings()]
