"""Messages of the hospital's systems, the visits they tell of, and what they ask of plans: kept and asked for."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from sqlalchemy import and_, exists, func, literal_column, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, class_mapper, undefer

from db.feed_tables import feed_consequences, feed_messages, feed_persons, feed_visits
from db.wakes import wake
from followup.feeds import (
    Consequence,
    ConsequenceKind,
    ConsequenceState,
    FeedMessage,
    FeedReason,
    FeedState,
    FeedVisit,
    VisitState,
)

FEED_CHANNEL = "feeds"
"""Wakes whoever applies messages."""

APPLYING = "feeds_applied"
"""The lock of whoever applies messages."""

_WITH_CONTENT = undefer(class_mapper(FeedMessage).attrs["raw"].class_attribute)


_KNOWN_SINCE = text(
    """
    UPDATE feed_messages SET state = 'stored' WHERE state = 'parked' AND id IN (
        SELECT message.id FROM feed_messages AS message
        WHERE message.state = 'parked' AND message.reason = 'unknown_patient' AND EXISTS (
            SELECT FROM unnest(message.keys) AS key
            CROSS JOIN LATERAL (
                SELECT split_part(key, ':', 1) AS kind, substr(key, strpos(key, ':') + 1) AS value
            ) AS it
            WHERE EXISTS (SELECT FROM patients WHERE it.kind = 'record' AND record_number = it.value)
               OR EXISTS (
                    SELECT FROM person_identifiers AS known
                    WHERE known.value = it.value
                      AND known.kind = CASE it.kind WHEN 'record' THEN 'medical_record' ELSE it.kind END
               )
        )
        ORDER BY message.position LIMIT :limit
    ) RETURNING id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedMessage:
    """A message as it came in, before anything is done for it."""

    id: str
    sender: str
    control_id: str
    digest: str
    kind: str
    order_at: datetime
    peer: str
    charset: str
    raw: bytes
    state: FeedState = FeedState.STORED
    reason: FeedReason | None = None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCounts:
    """What one sender has sent."""

    sender: str
    counts: dict[FeedState, int]
    last_received_at: datetime


class FeedRepository:
    """Messages that came in and what follows from them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def store(self, arrived: Sequence[ArrivedMessage], now: datetime, *, kept_until: datetime) -> int:
        """Keep messages as they came; one that is known is only counted. How many are new; whoever applies is woken."""
        if not arrived:
            return 0
        statement = insert(feed_messages).values(
            [
                {
                    "id": each.id,
                    "sender": each.sender,
                    "control_id": each.control_id,
                    "digest": each.digest,
                    "kind": each.kind,
                    "order_at": each.order_at,
                    "received_at": now,
                    "last_received_at": now,
                    "raw_kept_until": kept_until,
                    "times": times,
                    "peer": each.peer,
                    "charset": each.charset,
                    "size": len(each.raw),
                    "raw": each.raw,
                    "state": each.state,
                    "reason": each.reason,
                    "told": each.told,
                    "remarks": [],
                    "keys": [],
                    "tries": 0,
                    "settled_because": "",
                }
                for each, times in _once(arrived)
            ]
        )
        fresh: Sequence[bool] = (
            self._session.execute(
                statement.on_conflict_do_update(
                    constraint="uq_feed_messages_sender_control_id_digest",
                    set_={
                        "times": feed_messages.c.times + statement.excluded.times,
                        "last_received_at": statement.excluded.last_received_at,
                    },
                ).returning(literal_column("xmax = 0"))
            )
            .scalars()
            .all()
        )
        new = sum(fresh)
        if new:
            self.wake()
        return new

    def wake(self) -> None:
        """Wake whoever applies messages, at commit."""
        wake(self._session, FEED_CHANNEL)

    def waiting(self, *, limit: int, size: int) -> Sequence[FeedMessage]:
        """The next messages to apply, in order of arrival, with their content: of so many bytes, but one at least."""
        sizes = self._session.execute(
            select(feed_messages.c.id, feed_messages.c.size)
            .where(feed_messages.c.state == FeedState.STORED)
            .order_by(feed_messages.c.position)
            .limit(limit)
        ).all()
        totals = accumulate(row.size for row in sizes)
        ids = [
            row.id for place, (row, total) in enumerate(zip(sizes, totals, strict=True)) if total <= size or not place
        ]
        return self._session.scalars(
            select(FeedMessage)
            .where(feed_messages.c.id.in_(ids), feed_messages.c.state == FeedState.STORED)
            .order_by(feed_messages.c.position)
            .options(_WITH_CONTENT)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def wait_for_applying(self) -> None:
        """Until the end of this transaction nobody applies messages.

        Whoever merges asks for it: a message that was read before a merger would leave its results with the record
        that is gone.
        """
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtext(APPLYING))))

    def get(self, message_id: str) -> FeedMessage | None:
        """The message with this id and its content."""
        return self._session.scalar(select(FeedMessage).where(feed_messages.c.id == message_id).options(_WITH_CONTENT))

    def for_update(self, message_id: str) -> FeedMessage | None:
        """The message with this id, locked."""
        return self._session.scalar(
            select(FeedMessage)
            .where(feed_messages.c.id == message_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def parked(self, reason: FeedReason, *, sender: str | None = None, limit: int) -> Sequence[FeedMessage]:
        """What is parked for a reason, locked: first what was never tried again, then what was longest ago."""
        query = (
            select(FeedMessage)
            .where(feed_messages.c.state == FeedState.PARKED, feed_messages.c.reason == reason)
            .order_by(feed_messages.c.settled_at.asc().nulls_first(), feed_messages.c.position)
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if sender is not None:
            query = query.where(feed_messages.c.sender == sender)
        return self._session.scalars(query).all()

    def page(
        self,
        *,
        state: FeedState | None = None,
        reason: FeedReason | None = None,
        sender: str | None = None,
        patient_id: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> Sequence[FeedMessage]:
        """The newest first, without their content."""
        query = select(FeedMessage).order_by(feed_messages.c.position.desc()).limit(limit)
        for column, wanted in (
            (feed_messages.c.state, state),
            (feed_messages.c.reason, reason),
            (feed_messages.c.sender, sender),
            (feed_messages.c.patient_id, patient_id),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if before is not None:
            query = query.where(feed_messages.c.position < before)
        return self._session.scalars(query).all()

    def senders(self) -> list[SenderCounts]:
        """Who sent what, by name."""
        rows = self._session.execute(
            select(
                feed_messages.c.sender,
                feed_messages.c.state,
                func.count().label("messages"),
                func.max(feed_messages.c.last_received_at).label("last"),
            ).group_by(feed_messages.c.sender, feed_messages.c.state)
        ).all()
        found: dict[str, SenderCounts] = {}
        for row in rows:
            before = found.get(row.sender)
            counts = {**(before.counts if before else {}), row.state: row.messages}
            last = max(before.last_received_at, row.last) if before else row.last
            found[row.sender] = SenderCounts(sender=row.sender, counts=counts, last_received_at=last)
        return [found[sender] for sender in sorted(found)]

    def count(self, state: FeedState) -> int:
        """How many are in a state."""
        return (
            self._session.scalar(select(func.count()).select_from(feed_messages).where(feed_messages.c.state == state))
            or 0
        )

    def oldest_waiting(self) -> datetime | None:
        """Since when the oldest message waits to be applied."""
        since: datetime | None = self._session.scalar(
            select(func.min(feed_messages.c.received_at)).where(feed_messages.c.state == FeedState.STORED)
        )
        return since

    def wait_again(self, reason: FeedReason, keys: Collection[str]) -> int:
        """Let parked messages be tried again that name somebody who has just become known; how many."""
        if not keys:
            return 0
        taken = self._session.execute(
            update(feed_messages)
            .where(
                feed_messages.c.state == FeedState.PARKED,
                feed_messages.c.reason == reason,
                feed_messages.c["keys"].overlap(sorted(keys)),
            )
            .values(state=FeedState.STORED)
            .returning(feed_messages.c.id)
        ).all()
        return len(taken)

    def wait_again_for_known(self, *, limit: int = 1000) -> int:
        """Let parked messages be tried again whose patient a list or a person has brought in since; how many."""
        taken = self._session.execute(_KNOWN_SINCE, {"limit": limit}).all()
        if taken:
            self.wake()
        return len(taken)

    def forget_raw(self, now: datetime, *, limit: int = 1000) -> int:
        """Empty messages whose time is over; what is parked or waits keeps its content. How many."""
        old = (
            select(feed_messages.c.id)
            .where(
                feed_messages.c.raw_forgotten_at.is_(None),
                feed_messages.c.raw_kept_until < now,
                feed_messages.c.state.in_((FeedState.APPLIED, FeedState.IGNORED, FeedState.REFUSED)),
            )
            .limit(limit)
        )
        taken = self._session.execute(
            update(feed_messages)
            .where(feed_messages.c.id.in_(old))
            .values(raw=b"", keys=[], raw_forgotten_at=now)
            .returning(feed_messages.c.id)
        ).all()
        return len(taken)

    def visit(self, patient_id: str, visit_number: str) -> FeedVisit | None:
        """What the feeds say of a visit."""
        return self._session.scalar(
            select(FeedVisit).where(feed_visits.c.patient_id == patient_id, feed_visits.c.visit_number == visit_number)
        )

    def visits(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], FeedVisit]:
        """What the feeds say of visits, by patient and number; an empty number is no visit."""
        asked = {(patient_id, number) for patient_id, number in wanted if number}
        if not asked:
            return {}
        found = self._session.scalars(
            select(FeedVisit).where(tuple_(feed_visits.c.patient_id, feed_visits.c.visit_number).in_(asked))
        )
        return {(each.patient_id, each.visit_number): each for each in found}

    def stays(self, patient_id: str) -> Sequence[FeedVisit]:
        """Where the feeds say that the patient lies in the hospital."""
        return self._session.scalars(
            select(FeedVisit).where(feed_visits.c.patient_id == patient_id, feed_visits.c.state == VisitState.ADMITTED)
        ).all()

    def add_visit(self, visit: FeedVisit) -> None:
        """Save a visit."""
        self._session.add(visit)

    def note_person_told(self, patient_id: str, sender: str, order_at: datetime) -> bool:
        """Note that a sender has given word of a person; False if a newer word of his is known."""
        statement = insert(feed_persons).values(patient_id=patient_id, sender=sender, order_at=order_at)
        noted = self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["patient_id", "sender"],
                set_={"order_at": statement.excluded.order_at},
                where=feed_persons.c.order_at <= statement.excluded.order_at,
            ).returning(feed_persons.c.sender)
        )
        return noted.first() is not None

    def add_consequence(self, consequence: Consequence) -> None:
        """Save what a message asks of the plans."""
        self._session.add(consequence)

    def owed(self, patient_id: str) -> Sequence[Consequence]:
        """What is still to be done for a patient, in order, locked."""
        return self._session.scalars(
            select(Consequence)
            .where(feed_consequences.c.patient_id == patient_id, feed_consequences.c.state == ConsequenceState.OWED)
            .order_by(feed_consequences.c.position)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()

    def owing_patients(self, before: datetime, *, limit: int = 200) -> Sequence[str]:
        """Patients for whom something was to be done before the instant given and is not."""
        return self._session.scalars(
            select(feed_consequences.c.patient_id)
            .where(feed_consequences.c.state == ConsequenceState.OWED, feed_consequences.c.created_at < before)
            .group_by(feed_consequences.c.patient_id)
            .order_by(func.min(feed_consequences.c.created_at))
            .limit(limit)
        ).all()

    def count_consequences(self, state: ConsequenceState) -> int:
        """How many are in a state."""
        return (
            self._session.scalar(
                select(func.count()).select_from(feed_consequences).where(feed_consequences.c.state == state)
            )
            or 0
        )

    def refused(self, *, limit: int) -> Sequence[Consequence]:
        """What could not be done for plans, the newest first."""
        return self._session.scalars(
            select(Consequence)
            .where(feed_consequences.c.state == ConsequenceState.REFUSED)
            .order_by(feed_consequences.c.position.desc())
            .limit(limit)
        ).all()

    def owe_again(self, *, since: datetime, before: datetime, limit: int = 200) -> Sequence[Consequence]:
        """Plans refused before an instant are owed once more, where nothing newer was said of their visit or person."""
        later = feed_consequences.alias()
        same = or_(
            later.c.encounter_id == feed_consequences.c.encounter_id,
            and_(
                later.c.patient_id == feed_consequences.c.patient_id,
                later.c.kind.in_([ConsequenceKind.DIED, ConsequenceKind.PAUSE_PLANS]),
            ),
        )
        found = self._session.scalars(
            select(Consequence)
            .where(
                feed_consequences.c.state == ConsequenceState.REFUSED,
                feed_consequences.c.kind == ConsequenceKind.START_PLAN,
                feed_consequences.c.created_at > since,
                feed_consequences.c.done_at < before,
                ~exists().where(later.c.position > feed_consequences.c.position, same),
            )
            .order_by(feed_consequences.c.position)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
        for each in found:
            each.state = ConsequenceState.OWED
        return found

    def consequences_of(self, message_id: str) -> Sequence[Consequence]:
        """What one message asked of the plans."""
        return self._session.scalars(
            select(Consequence)
            .where(feed_consequences.c.message_id == message_id)
            .order_by(feed_consequences.c.position)
        ).all()

    def pauses(self, patient_id: str, encounter_id: str) -> Sequence[Consequence]:
        """The pauses that the admission of this encounter brought, the newest first."""
        return self._session.scalars(
            select(Consequence)
            .where(
                feed_consequences.c.patient_id == patient_id,
                feed_consequences.c.encounter_id == encounter_id,
                feed_consequences.c.kind == ConsequenceKind.PAUSE_PLANS,
                feed_consequences.c.state == ConsequenceState.DONE,
            )
            .order_by(feed_consequences.c.position.desc())
        ).all()


def _once(arrived: Sequence[ArrivedMessage]) -> list[tuple[ArrivedMessage, int]]:
    """Each message of a batch once, and how often: a repetition would meet its own row in the same statement."""
    times = Counter((each.sender, each.control_id, each.digest) for each in arrived)
    first = {(each.sender, each.control_id, each.digest): each for each in reversed(arrived)}
    return [(first[key], count) for key, count in times.items()]
