"""Asking for a print, and setting it: the row first, so that every print is counted whatever becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from care.report_prints import KEPT_FOR, PrintKind, PrintSize, ReportPrint
from care.summaries import StageSummary, SummaryState
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import DomainEvent, EventKind
from reports.document import Letterhead, document_of, kind_of
from reports.fonts import FontsMissingError
from reports.qr_code import qr_svg
from reports.signing import is_untouched, token_of
from reports.typesetting import NotPrintableError, typeset
from runtime.content.reports import ReportDocument
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

STUCK_AFTER = timedelta(minutes=15)
"""A print that is not over by then is one whose task was lost: it is asked for again by whoever wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintShop:
    """What prints of this installation are made with."""

    content: ReportDocument
    head: Letterhead
    public_url: str
    keys: Sequence[str]
    fonts: Sequence[Path] = ()


def ask_for_print(
    uow: UnitOfWork,
    summary: StageSummary,
    *,
    language: str,
    size: PrintSize,
    by: str,
    name: str,
    electronic: bool = False,
    kept_for: timedelta = KEPT_FOR,
) -> ReportPrint:
    """Note the print and tell the workers of it. The summary is locked by the caller: ordinals have no gap."""
    on_paper = uow.summaries.was_on_paper(summary.id)
    made = ReportPrint(
        id=new_id(),
        summary_id=summary.id,
        ordinal=uow.summaries.next_ordinal(summary.id),
        kind=kind_of(summary.state, printed_before=on_paper, electronic=electronic),
        language=language,
        size=size,
        asked_at=uow.now,
        asked_by=by,
        asked_name=name,
        keep_until=uow.now + kept_for,
    )
    uow.summaries.add_print(made)
    uow.audit.note(
        user_id=by,
        action="report_printed",
        subject_kind="summary",
        subject=summary.id,
        patient_id=summary.patient_id,
        detail={
            "print": made.id,
            "number": summary.number,
            "ordinal": made.ordinal,
            "kind": made.kind.value,
            "language": language,
            "size": size.value,
        },
    )
    uow.emit(_event(EventKind.PRINT_ASKED, made, summary))
    return made


def set_print(units: UnitsOfWork, print_id: str, shop: PrintShop) -> None:
    """Set one print and keep its file. Done before, or its summary gone on, it does what is left to do."""
    with units() as uow:
        made = uow.summaries.print_for_update(print_id)
        if made is None or made.over:
            log.info("print_not_wanted", print=print_id)
            return
        made.begin(uow.now)
        uow.summaries.forget_files(uow.now)
        summary = uow.summaries.get(made.summary_id)
        uow.commit()
    if summary is None:
        raise LookupError(f"summary {made.summary_id} of print {print_id} is not there")
    if reason := overtaken(summary, made):
        _fail(units, print_id, reason)
        return
    # Setting takes a second of a processor: no transaction stands open meanwhile.
    try:
        finished = typeset(_document(summary, made, shop), at=made.asked_at, further_fonts=shop.fonts)
    except (NotPrintableError, FontsMissingError) as error:
        _fail(units, print_id, str(error))
        return
    with units() as uow:
        kept = uow.summaries.print_for_update(print_id)
        if kept is None or kept.over:
            return
        now_it_is = uow.summaries.get(kept.summary_id)
        if now_it_is is not None and (reason := overtaken(now_it_is, kept)):
            kept.fail(reason, uow.now)
            uow.emit(_event(EventKind.PRINT_CHANGED, kept, summary))
            uow.commit()
            return
        uow.summaries.keep_file(kept, finished.body)
        kept.finish(pages=finished.pages, size_bytes=len(finished.body), sha256=finished.sha256, at=uow.now)
        uow.emit(_event(EventKind.PRINT_CHANGED, kept, summary))
        uow.commit()
    log.info("print_set", print=print_id, pages=finished.pages, bytes=len(finished.body))


def overtaken(summary: StageSummary, made: ReportPrint) -> str:
    """Why a print is not of what the summary is now: its watermark and code would say something untrue."""
    meant = {PrintKind.DRAFT: SummaryState.DRAFT, PrintKind.WITHDRAWN: SummaryState.WITHDRAWN}.get(
        made.kind, SummaryState.SIGNED
    )
    if summary.state is meant:
        return ""
    return (
        f"the summary is {summary.state.value} now and was {meant.value} when the print was asked for: print it again"
    )


def _document(summary: StageSummary, made: ReportPrint, shop: PrintShop) -> dict[str, object]:
    address = ""
    if summary.state is SummaryState.SIGNED and made.kind is not PrintKind.DRAFT:
        if not is_untouched(summary):
            raise NotPrintableError(
                f"the content of {summary.number} is not what was signed: somebody changed it in the database; "
                "keep the database as it is and tell whoever answers for it"
            )
        address = f"{shop.public_url.rstrip('/')}/v/{token_of(summary, made.ordinal, shop.keys)}"
    return document_of(
        summary, made, shop.content, shop.head, check_address=address, qr=qr_svg(address) if address else ""
    )


def _fail(units: UnitsOfWork, print_id: str, reason: str) -> None:
    with units() as uow:
        made = uow.summaries.print_for_update(print_id)
        if made is None or made.over:
            return
        made.fail(reason, uow.now)
        uow.emit(DomainEvent(kind=EventKind.PRINT_CHANGED, subject=made.id, ids={"summary": made.summary_id}))
        uow.commit()
    log.warning("print_failed", print=print_id, reason=reason)


def waits_too_long(made: ReportPrint, now: datetime) -> bool:
    """True if nobody will finish it any more."""
    return not made.over and now - made.asked_at > STUCK_AFTER


def _event(kind: EventKind, made: ReportPrint, summary: StageSummary) -> DomainEvent:
    return DomainEvent(kind=kind, subject=made.id, ids={"summary": summary.id, "patient": summary.patient_id})
