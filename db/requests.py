"""Requests and complaints, the calls they were made in, and their stories: tables, mappings, repository."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Float,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.requests import PatientRequest, RequestEventKind, RequestKind, RequestState, Viewer

requests = Table(
    "requests",
    metadata,
    id_column(),
    closed_set("kind", RequestKind),
    Column("cause", String(64), nullable=False),
    Column("restricted", Boolean, nullable=False, default=False),
    Column("departments", JSONB, nullable=False, default=list),
    Column("text", Text, nullable=False),
    closed_set("state", RequestState),
    reference("patient_id", "patients.id", nullable=True),
    reference("attempt_id", "attempts.id", nullable=True),
    reference("received_by", "users.id", index=False),
    instant("received_at"),
    reference("owner_id", "users.id"),
    Column("due_on", Date, nullable=False),
    Column("decision", Text, nullable=False, default=""),
    Column("reply", Text, nullable=False, default=""),
    instant("replied_at", nullable=True),
    Column("replied_by", Uuid(as_uuid=False), nullable=True),
    Column("satisfied", Boolean, nullable=True),
    instant("closed_at", nullable=True),
    Index("ix_requests_received_at", "received_at"),
    Index("ix_requests_open", "due_on", "id", postgresql_where=text("state <> 'closed'")),
)

request_calls = Table(
    "request_calls",
    metadata,
    Column("position", Integer, Identity(always=True), primary_key=True),
    reference("request_id", "requests.id"),
    reference("call_id", "calls.id"),
    Column("at_second", Float, nullable=True),
    Column("linked_by", Uuid(as_uuid=False), nullable=True),
    instant("linked_at"),
    Index("uq_request_calls_once", "request_id", "call_id", unique=True),
)

request_events = Table(
    "request_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    reference("request_id", "requests.id"),
    instant("at"),
    closed_set("kind", RequestEventKind),
    Column("user_id", Uuid(as_uuid=False), nullable=True),
    Column("detail", JSONB, nullable=False, default=dict),
)


@dataclass(kw_only=True, eq=False)
class RequestCall:
    """A call in which a request was heard or spoken of, and the second."""

    position: int = field(init=False)
    request_id: str
    call_id: str
    at_second: float | None
    linked_by: str | None
    linked_at: datetime


@dataclass(kw_only=True, eq=False)
class RequestEvent:
    """One line of a request's story; never changed."""

    position: int = field(init=False)
    request_id: str
    at: datetime
    kind: RequestEventKind
    user_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


mapper_registry.map_imperatively(PatientRequest, requests)
mapper_registry.map_imperatively(RequestCall, request_calls)
mapper_registry.map_imperatively(RequestEvent, request_events)

_OPEN = requests.c.state != RequestState.CLOSED


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """`followup.requests.may_see` in SQL."""
    mine = or_(requests.c.owner_id == viewer.user_id, requests.c.received_by == viewer.user_id)
    concerned = requests.c.departments.has_any(array(list(viewer.departments))) if viewer.departments else ~true()
    seen_by_all = true() if viewer.oversees else or_(mine, concerned)
    return or_(
        and_(requests.c.restricted.is_(False), seen_by_all),
        and_(requests.c.restricted, ~concerned, true() if viewer.oversees else mine),
    )


class RequestRepository:
    """Requests and complaints."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, request: PatientRequest) -> None:
        """Save a request."""
        self._session.add(request)

    def get(self, request_id: str) -> PatientRequest | None:
        """The request with this id."""
        return self._session.get(PatientRequest, request_id)

    def for_update(self, request_id: str) -> PatientRequest | None:
        """The request, locked until the end of the transaction."""
        return self._session.scalar(
            select(PatientRequest)
            .where(requests.c.id == request_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def note(
        self,
        request: PatientRequest,
        kind: RequestEventKind,
        *,
        at: datetime,
        user_id: str | None,
        detail: dict[str, object] | None = None,
    ) -> None:
        """Write one line of its story."""
        self._session.add(RequestEvent(request_id=request.id, at=at, kind=kind, user_id=user_id, detail=detail or {}))

    def story(self, request_id: str) -> Sequence[RequestEvent]:
        """What happened to it, oldest first."""
        return self._session.scalars(
            select(RequestEvent).where(request_events.c.request_id == request_id).order_by(request_events.c.position)
        ).all()

    def link(self, call: RequestCall) -> bool:
        """Tie a call to it; False if it is tied already."""
        known = self._session.scalar(
            select(
                exists().where(request_calls.c.request_id == call.request_id, request_calls.c.call_id == call.call_id)
            )
        )
        if not known:
            self._session.add(call)
        return not known

    def calls_of(self, request_id: str) -> Sequence[RequestCall]:
        """The calls tied to it, in the order in which they were."""
        return self._session.scalars(
            select(RequestCall).where(request_calls.c.request_id == request_id).order_by(request_calls.c.position)
        ).all()

    def visible(
        self,
        viewer: Viewer,
        *,
        only_open: bool = True,
        overdue_on: date | None = None,
        patient_id: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Sequence[PatientRequest]:
        """What a viewer may see, those due first at the top; from behind `after`, a request of the page before."""
        query = select(PatientRequest).where(visible_to(viewer))
        if only_open:
            query = query.where(_OPEN)
        last = self.get(after) if after is not None else None
        if last is not None:
            place = tuple_(literal(last.due_on), literal(last.id, requests.c.id.type))
            query = query.where(tuple_(requests.c.due_on, requests.c.id) > place)
        if overdue_on is not None:
            query = query.where(requests.c.due_on < overdue_on, _OPEN)
        if patient_id is not None:
            query = query.where(requests.c.patient_id == patient_id)
        return self._session.scalars(query.order_by(requests.c.due_on, requests.c.id).limit(limit)).all()

    def open_by_owner(self) -> dict[str, int]:
        """How many open ones each owner has."""
        rows = self._session.execute(
            select(requests.c.owner_id, func.count()).where(_OPEN).group_by(requests.c.owner_id)
        )
        return {row[0]: row[1] for row in rows}

    def open_of_attempt(self, attempt_id: str) -> bool:
        """True while something heard in this attempt is open."""
        return bool(self._session.scalar(select(exists().where(_OPEN, requests.c.attempt_id == attempt_id))))
