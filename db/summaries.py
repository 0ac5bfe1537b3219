"""Stage summaries, their addenda and prints. The database keeps what is signed as it is."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Date,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import (
    Sequence as Numbering,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, relationship

from care.report_prints import PrintKind, PrintSize, PrintState, ReportPrint
from care.stage_facts import StageFacts
from care.summaries import StageSummary, SummaryAddendum, SummaryState
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference

_LOOKED_THROUGH = 5000
"""So many drafts are looked through for those of one department."""


class _Facts(TypeDecorator[StageFacts]):
    """Stage facts as JSON, read back as the value they were."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: StageFacts | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> StageFacts | None:  # noqa: ARG002
        return None if value is None else msgspec.convert(value, StageFacts)


document_numbers = Numbering("report_numbers", metadata=metadata)

stage_summaries = Table(
    "stage_summaries",
    metadata,
    id_column(),
    Column("number", String(40), nullable=False, unique=True),
    reference("patient_id", "patients.id", index=False),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    closed_set("state", SummaryState),
    Column("version", Integer, nullable=False),
    Column("facts", _Facts, nullable=False),
    Column("conclusion", Text, nullable=False),
    Column("next_steps", Text, nullable=False),
    instant("created_at"),
    Column("created_by", Uuid(as_uuid=False), nullable=False),
    instant("changed_at"),
    Column("changed_by", Uuid(as_uuid=False), nullable=False),
    instant("signed_at", nullable=True),
    Column("signed_by", Uuid(as_uuid=False), nullable=True),
    Column("signer_name", String(200), nullable=False),
    Column("content_sha256", String(64), nullable=False),
    instant("settled_at", nullable=True),
    Column("settled_by", Uuid(as_uuid=False), nullable=True),
    Column("settled_because", String(500), nullable=False),
    Index("ix_stage_summaries_patient", "patient_id", "created_at"),
    # A second user who begins the same summary comes to the draft that is there.
    Index(
        "uq_stage_summaries_draft",
        "patient_id",
        "since",
        "until",
        unique=True,
        postgresql_where=text("state = 'draft'"),
    ),
)

summary_addenda = Table(
    "summary_addenda",
    metadata,
    id_column(),
    reference("summary_id", "stage_summaries.id"),
    Column("text", Text, nullable=False),
    Column("author_id", Uuid(as_uuid=False), nullable=False),
    Column("author_name", String(200), nullable=False),
    instant("written_at"),
)

report_prints = Table(
    "report_prints",
    metadata,
    id_column(),
    reference("summary_id", "stage_summaries.id", index=False),
    Column("ordinal", Integer, nullable=False),
    closed_set("kind", PrintKind),
    Column("language", String(16), nullable=False),
    closed_set("size", PrintSize),
    closed_set("state", PrintState),
    instant("asked_at"),
    Column("asked_by", Uuid(as_uuid=False), nullable=False),
    Column("asked_name", String(200), nullable=False),
    instant("began_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("pages", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("reason", String(500), nullable=False),
    instant("keep_until"),
    UniqueConstraint("summary_id", "ordinal"),
    Index("ix_report_prints_open", "asked_at", "id", postgresql_where=text("state IN ('waiting', 'setting')")),
)

report_files = Table(
    "report_files",
    metadata,
    reference("print_id", "report_prints.id", index=False),
    Column("body", LargeBinary, nullable=False),
    instant("keep_until"),
    UniqueConstraint("print_id"),
    Index("ix_report_files_keep_until", "keep_until"),
)

mapper_registry.map_imperatively(SummaryAddendum, summary_addenda)
mapper_registry.map_imperatively(ReportPrint, report_prints)
mapper_registry.map_imperatively(
    StageSummary,
    stage_summaries,
    properties={
        "addenda": relationship(
            SummaryAddendum,
            lazy="selectin",
            viewonly=True,
            order_by=(summary_addenda.c.written_at, summary_addenda.c.id),
        )
    },
)


class SummaryRepository:
    """Stage summaries and what is made of them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def next_number(self, year: int) -> str:
        """A document number that no other has; numbers of drafts that came to nothing are missing in the row."""
        return f"SF{year}-{self._session.execute(select(document_numbers.next_value())).scalar_one():06d}"

    def add(self, summary: StageSummary) -> None:
        """Save a new draft."""
        self._session.add(summary)
        self._session.flush()

    def get(self, summary_id: str) -> StageSummary | None:
        """The summary with this id."""
        return self._session.get(StageSummary, summary_id)

    def for_update(self, summary_id: str) -> StageSummary | None:
        """The summary, locked until the end of the transaction."""
        return self._session.scalar(
            select(StageSummary)
            .where(stage_summaries.c.id == summary_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def draft_of(self, patient_id: str, since: date, until: date) -> StageSummary | None:
        """The draft of this patient and period."""
        return self._session.scalar(
            select(StageSummary).where(
                stage_summaries.c.patient_id == patient_id,
                stage_summaries.c.since == since,
                stage_summaries.c.until == until,
                stage_summaries.c.state == SummaryState.DRAFT,
            )
        )

    def by_number(self, number: str) -> StageSummary | None:
        """The summary with this document number."""
        return self._session.scalar(select(StageSummary).where(stage_summaries.c.number == number))

    def of_patient(self, patient_id: str, *, limit: int = 200) -> Sequence[StageSummary]:
        """A patient's summaries, newest first."""
        return self._session.scalars(
            select(StageSummary)
            .where(stage_summaries.c.patient_id == patient_id)
            .order_by(stage_summaries.c.created_at.desc(), stage_summaries.c.id)
            .limit(limit)
        ).all()

    def unsigned(self, *, opened: Callable[[str], bool], limit: int = 200) -> Sequence[StageSummary]:
        """Drafts of patients who are `opened` that wait for a doctor, oldest first."""
        drafts = self._session.scalars(
            select(StageSummary)
            .where(stage_summaries.c.state == SummaryState.DRAFT)
            .order_by(stage_summaries.c.created_at, stage_summaries.c.id)
            .limit(_LOOKED_THROUGH)
        )
        return list(islice((each for each in drafts if opened(each.patient_id)), limit))

    def add_addendum(self, addendum: SummaryAddendum) -> None:
        """Append a later word to a signed summary."""
        self._session.add(addendum)
        self._session.flush()

    def add_print(self, made: ReportPrint) -> None:
        """Save a print that is asked for."""
        self._session.add(made)
        self._session.flush()

    def next_ordinal(self, summary_id: str) -> int:
        """The how-manieth print the next one is; the summary is locked by the caller."""
        last = select(func.coalesce(func.max(report_prints.c.ordinal), 0)).where(
            report_prints.c.summary_id == summary_id
        )
        return int(self._session.execute(last).scalar_one()) + 1

    def print_numbered(self, summary_id: str, ordinal: int) -> ReportPrint | None:
        """The print of a summary with this ordinal."""
        return self._session.scalar(
            select(ReportPrint).where(report_prints.c.summary_id == summary_id, report_prints.c.ordinal == ordinal)
        )

    def was_on_paper(self, summary_id: str) -> bool:
        """Whether it was printed since it was signed; a failed print put nothing on paper."""
        on_paper = select(report_prints.c.id).where(
            report_prints.c.summary_id == summary_id,
            report_prints.c.kind.in_([PrintKind.ORIGINAL, PrintKind.COPY]),
            report_prints.c.state != PrintState.FAILED,
        )
        return self._session.execute(on_paper.limit(1)).first() is not None

    def prints_of(self, summary_id: str, *, limit: int = 500) -> Sequence[ReportPrint]:
        """Every print of a summary, oldest first."""
        return self._session.scalars(
            select(ReportPrint)
            .where(report_prints.c.summary_id == summary_id)
            .order_by(report_prints.c.ordinal)
            .limit(limit)
        ).all()

    def print(self, print_id: str) -> ReportPrint | None:
        """The print with this id."""
        return self._session.get(ReportPrint, print_id)

    def print_for_update(self, print_id: str) -> ReportPrint | None:
        """The print, locked until the end of the transaction."""
        return self._session.scalar(
            select(ReportPrint)
            .where(report_prints.c.id == print_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def ahead_of(self, made: ReportPrint) -> int:
        """How many prints were asked for earlier and are not over."""
        return int(
            self._session.execute(
                select(func.count()).where(
                    report_prints.c.state.in_([PrintState.WAITING, PrintState.SETTING]),
                    report_prints.c.asked_at < made.asked_at,
                )
            ).scalar_one()
        )

    def stuck_prints(self, before: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids of prints asked for before the instant given that are still not over."""
        return self._session.scalars(
            select(report_prints.c.id)
            .where(
                report_prints.c.state.in_([PrintState.WAITING, PrintState.SETTING]), report_prints.c.asked_at < before
            )
            .order_by(report_prints.c.asked_at)
            .limit(limit)
        ).all()

    def keep_file(self, made: ReportPrint, body: bytes) -> None:
        """Keep the file of a print; set again, it takes the place of the one before."""
        self._session.execute(delete(report_files).where(report_files.c.print_id == made.id))
        self._session.execute(insert(report_files).values(print_id=made.id, body=body, keep_until=made.keep_until))

    def file_of(self, print_id: str) -> bytes | None:
        """The file of a print, None once it was let go."""
        return self._session.scalar(select(report_files.c.body).where(report_files.c.print_id == print_id))

    def forget_files(self, now: datetime) -> int:
        """Let go of files that are kept no longer; how many."""
        gone = self._session.execute(
            delete(report_files).where(report_files.c.keep_until < now).returning(report_files.c.print_id)
        )
        return len(gone.all())
