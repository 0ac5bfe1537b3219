"""Checking a print: is the token ours, is the content what was signed, does it still stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from care.report_prints import ReportPrint
from care.summaries import StageSummary
from db.unit_of_work import UnitOfWork
from reports.signing import is_of, read_token


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReport:
    """A genuine print and the summary it is of."""

    summary: StageSummary
    made: ReportPrint

    @property
    def later_addenda(self) -> int:
        """How many later words were written after it was printed."""
        return sum(addendum.written_at > self.made.asked_at for addendum in self.summary.addenda)


def check(uow: UnitOfWork, keys: Sequence[str], token: str) -> CheckedReport | None:
    """The print that the token was made for, None if we did not make it or the content is another now."""
    read = read_token(token, keys)
    summary = uow.summaries.by_number(read.number) if read is not None else None
    if read is None or summary is None or not is_of(read, summary):
        return None
    made = uow.summaries.print_numbered(summary.id, read.ordinal)
    return None if made is None else CheckedReport(summary=summary, made=made)
