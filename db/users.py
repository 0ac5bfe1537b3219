"""Users, their log-ins and the answers stored under idempotency keys: tables, mappings, repository."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.metadata import id_column, instant, mapper_registry, metadata, reference


class Role(StrEnum):
    """What a user may do."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    REGISTRAR = "registrar"  # brings in lists of patients, opens cards
    DOCTOR = "doctor"  # decides on proposals, signs summaries
    REVIEWER = "reviewer"  # reads and hears redacted copies of calls, and nothing of patients


@dataclass(kw_only=True, eq=False)
class User:
    """A local user. The password is kept as an Argon2 hash only."""

    id: str
    login: str
    display_name: str
    password_hash: str
    roles: list[str] = field(default_factory=list)
    synthetic: bool = False
    disabled: bool = False
    phone: str = ""  # where a supervisor is rung to go on a call: extension, SIP user or SIP address
    overseen_queues: list[str] = field(default_factory=list)  # of a supervisor; empty: all
    departments: list[str] = field(default_factory=list)  # whose alerts and requests are his
    created_at: datetime


@dataclass(kw_only=True, eq=False)
class LogIn:
    """One log-in: the token's hash, never the token."""

    id: str
    user_id: str
    token_hash: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    ended_because: str = ""


@dataclass(kw_only=True, eq=False)
class StoredAnswer:
    """The answer to a creating or commanding request, kept for a day under the caller's Idempotency-Key."""

    id: str
    user_id: str
    key: str
    fingerprint: str  # of method, path and body: the same key with another request is refused
    status: int | None = None  # None while the first request is being answered
    body: dict[str, object] | None = None
    patient_ids: list[str] = field(default_factory=list)  # whose records it was made from
    created_at: datetime


users = Table(
    "users",
    metadata,
    id_column(),
    Column("login", String(64), nullable=False, unique=True),
    Column("display_name", String(200), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("synthetic", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("phone", String(200), nullable=False, default=""),
    Column("overseen_queues", JSONB, nullable=False, default=list),
    Column("departments", JSONB, nullable=False, default=list),
    instant("created_at"),
)

log_ins = Table(
    "log_ins",
    metadata,
    id_column(),
    reference("user_id", "users.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    instant("created_at"),
    instant("last_seen_at"),
    instant("expires_at"),
    instant("ended_at", nullable=True),
    Column("ended_because", String(100), nullable=False, default=""),
    Index("ix_log_ins_created_at", "created_at"),
    Index("uq_log_ins_live", "user_id", unique=True, postgresql_where=text("ended_at IS NULL")),
)

stored_answers = Table(
    "stored_answers",
    metadata,
    id_column(),
    reference("user_id", "users.id", index=False),
    Column("key", String(120), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=True),
    Column("body", JSONB, nullable=True),
    Column("patient_ids", JSONB, nullable=False, default=list, server_default=text("'[]'::jsonb")),
    instant("created_at"),
    Index("uq_stored_answers_key", "user_id", "key", unique=True),
)

log_in_failures = Table(
    "log_in_failures",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    # Of whatever was typed as a login: people type passwords there too.
    Column("login_hash", String(64), nullable=False),
    instant("at"),
    Index("ix_log_in_failures_login", "login_hash", "at"),
)

mapper_registry.map_imperatively(User, users)
mapper_registry.map_imperatively(LogIn, log_ins)
mapper_registry.map_imperatively(StoredAnswer, stored_answers)


class UserRepository:
    """Users, log-ins, stored answers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, user: User) -> None:
        """Save a user."""
        self._session.add(user)

    def get(self, user_id: str) -> User | None:
        """The user with this id."""
        return self._session.get(User, user_id)

    def by_login(self, login: str) -> User | None:
        """The user with this login name."""
        return self._session.scalar(select(User).where(users.c.login == login))

    def lock_administrators(self) -> frozenset[str]:
        """Who administers now, by id; none of them is changed by anybody else until the transaction ends."""
        administering = users.c.roles.contains([Role.ADMIN.value]) & users.c.disabled.is_(False)
        return frozenset(
            self._session.scalars(select(users.c.id).where(administering).order_by(users.c.id).with_for_update())
        )

    def lock(self, user: User) -> User:
        """The user as he is now; nobody else changes him until the transaction ends."""
        self._session.refresh(user, with_for_update=True)
        return user

    def names(self, user_ids: Collection[str]) -> dict[str, str]:
        """What these users are called."""
        rows = self._session.execute(select(users.c.id, users.c.display_name).where(users.c.id.in_(user_ids)))
        return {row.id: row.display_name for row in rows}

    def all(self, *, limit: int = 5000) -> Sequence[User]:
        """Every user in order of login."""
        return self._session.scalars(select(User).order_by(users.c.login).limit(limit)).all()

    def log_in_failures(self, login_hash: str, since: datetime) -> Sequence[datetime]:
        """When somebody failed to log in under this name since the instant given, oldest first."""
        return self._session.scalars(
            select(log_in_failures.c.at)
            .where(log_in_failures.c.login_hash == login_hash, log_in_failures.c.at > since)
            .order_by(log_in_failures.c.at)
            .limit(1000)
        ).all()

    def add_log_in_failure(self, login_hash: str, now: datetime) -> None:
        """Remember a failed log-in."""
        self._session.execute(insert(log_in_failures).values(login_hash=login_hash, at=now))

    def forget_log_in_failures(self, login_hash: str, before: datetime) -> None:
        """Drop this name's failures up to the instant given, and everybody's of the day before it."""
        self._session.execute(
            delete(log_in_failures).where(
                or_(
                    and_(log_in_failures.c.login_hash == login_hash, log_in_failures.c.at <= before),
                    log_in_failures.c.at < before - timedelta(days=1),
                )
            )
        )

    def synthetic_count(self) -> int:
        """How many demo users there are (production refuses them)."""
        return self._session.scalar(select(func.count()).where(users.c.synthetic, ~users.c.disabled)) or 0

    def add_log_in(self, log_in: LogIn) -> None:
        """Save a log-in; RowRefusedError if the user has a living one."""
        self._session.add(log_in)

    def many(self, user_ids: Collection[str]) -> dict[str, User]:
        """These users by id."""
        return {user.id: user for user in self._session.scalars(select(User).where(users.c.id.in_(user_ids)))}

    def log_ins_page(
        self, *, now: datetime, living: bool, before: datetime | None, user_id: str | None, limit: int
    ) -> Sequence[LogIn]:
        """Log-ins, the newest first; only those that live, of one user, or begun before an instant, where asked."""
        query = select(LogIn).order_by(log_ins.c.created_at.desc(), log_ins.c.id).limit(limit)
        if living:
            query = query.where(log_ins.c.ended_at.is_(None), log_ins.c.expires_at > now)
        if before is not None:
            query = query.where(log_ins.c.created_at < before)
        if user_id is not None:
            query = query.where(log_ins.c.user_id == user_id)
        return self._session.scalars(query).all()

    def failure_counts(self, since: datetime) -> dict[str, int]:
        """How often somebody failed to log in since the instant given, by the hash of what was typed as login."""
        query = (
            select(log_in_failures.c.login_hash, func.count())
            .where(log_in_failures.c.at > since)
            .group_by(log_in_failures.c.login_hash)
        )
        return {row[0]: int(row[1]) for row in self._session.execute(query)}

    def living_ones(self, now: datetime) -> dict[str, LogIn]:
        """Every living log-in by its user."""
        query = select(LogIn).where(log_ins.c.ended_at.is_(None), log_ins.c.expires_at > now)
        return {row.user_id: row for row in self._session.scalars(query)}

    def living_log_in(self, user_id: str, now: datetime) -> LogIn | None:
        """The user's log-in that is neither ended nor expired."""
        return self._session.scalar(
            select(LogIn).where(log_ins.c.user_id == user_id, log_ins.c.ended_at.is_(None), log_ins.c.expires_at > now)
        )

    def log_in_by_token_hash(self, token_hash: str, now: datetime) -> LogIn | None:
        """The living log-in of a token."""
        return self._session.scalar(
            select(LogIn).where(
                log_ins.c.token_hash == token_hash, log_ins.c.ended_at.is_(None), log_ins.c.expires_at > now
            )
        )

    def end_log_ins(self, user_id: str, now: datetime, because: str) -> None:
        """End every log-in of a user."""
        self._session.execute(
            update(log_ins)
            .where(log_ins.c.user_id == user_id, log_ins.c.ended_at.is_(None))
            .values(ended_at=now, ended_because=because)
        )

    def claim_answer(self, answer: StoredAnswer) -> StoredAnswer | None:
        """Claim an idempotency key; None when it is ours now, else what is stored under it."""
        mine = self._session.scalar(
            insert(stored_answers)
            .values(
                id=answer.id,
                user_id=answer.user_id,
                key=answer.key,
                fingerprint=answer.fingerprint,
                created_at=answer.created_at,
            )
            .on_conflict_do_nothing(index_elements=["user_id", "key"])
            .returning(stored_answers.c.id)
        )
        if mine is not None:
            return None
        return self._session.scalar(
            select(StoredAnswer).where(stored_answers.c.user_id == answer.user_id, stored_answers.c.key == answer.key)
        )

    def keep_answer(
        self,
        user_id: str,
        key: str,
        status: int,
        body: dict[str, object] | None,
        *,
        patient_ids: Collection[str] = (),
    ) -> None:
        """Store the answer under a claimed key, with whose records it was made from."""
        self._session.execute(
            update(stored_answers)
            .where(stored_answers.c.user_id == user_id, stored_answers.c.key == key)
            .values(status=status, body=body, patient_ids=sorted(patient_ids))
        )

    def forget_answers(self, before: datetime) -> None:
        """Drop answers older than the instant given."""
        self._session.execute(delete(stored_answers).where(stored_answers.c.created_at < before))
