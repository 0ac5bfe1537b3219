"""What all tables share: metadata, mapper registry, and the column types of ids, instants and closed sets."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, Enum, ForeignKey, MetaData, Uuid
from sqlalchemy.orm import registry

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
mapper_registry = registry(metadata=metadata)


def id_column(name: str = "id") -> Column[Any]:
    """A UUID primary key, a string in Python."""
    return Column(name, Uuid(as_uuid=False), primary_key=True)


def reference(name: str, target: str, *, nullable: bool = False, index: bool = True) -> Column[Any]:
    """A foreign key to another table's id."""
    return Column(name, Uuid(as_uuid=False), ForeignKey(target), nullable=nullable, index=index)


def instant(name: str, *, nullable: bool = False) -> Column[Any]:
    """An instant with its zone; UTC in Python."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def closed_set(name: str, kind: type[StrEnum], *, nullable: bool = False) -> Column[Any]:
    """A StrEnum stored by its value, with a check in the database."""
    return Column(
        name,
        Enum(
            kind,
            values_callable=lambda members: [member.value for member in members],
            native_enum=False,
            create_constraint=True,
            length=40,
            name=name,
        ),
        nullable=nullable,
    )
