"""What a user has set for himself: his keys, his language, how his pages are laid out. Nothing of patients."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.metadata import instant, mapper_registry, metadata


@dataclass(kw_only=True, eq=False)
class Preferences:
    """One user's settings; an empty language is the browser's."""

    user_id: str
    shortcuts: dict[str, str] = field(default_factory=dict)
    language: str = ""
    layout: dict[str, str | int | bool] = field(default_factory=dict)
    changed_at: datetime


user_preferences = Table(
    "user_preferences",
    metadata,
    Column("user_id", Uuid(as_uuid=False), ForeignKey("users.id"), primary_key=True),
    Column("shortcuts", JSONB, nullable=False),
    Column("language", String(2), nullable=False),
    Column("layout", JSONB, nullable=False),
    instant("changed_at"),
)

mapper_registry.map_imperatively(Preferences, user_preferences)


class PreferenceRepository:
    """Settings of users."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, user_id: str) -> Preferences | None:
        """What a user has set."""
        return self._session.get(Preferences, user_id)

    def keep(self, preferences: Preferences) -> None:
        """Save them in place of what was set before."""
        self._session.merge(preferences)
