"""What stands on a printed stage summary, word by word: the signed facts and texts in one language, ready to be set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from care.report_prints import PrintKind, PrintSize, ReportPrint
from care.stage_facts import ConditionLine, Mark, ResultLine, ResultPoint, StageFacts
from care.summaries import StageSummary, SummaryState
from reports.charts import chart_of
from runtime.content.reports import ReportDocument

_POINTS = {PrintSize.NORMAL: 10.5, PrintSize.LARGE: 16.0}
"""Size of the letters: five (五号) as in Chinese documents, three (三号) for those who see badly."""
_WATERMARKS = {
    PrintKind.DRAFT: "watermark_draft",
    PrintKind.COPY: "watermark_copy",
    PrintKind.ELECTRONIC: "watermark_electronic",
    PrintKind.WITHDRAWN: "watermark_withdrawn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Whose paper it is."""

    hospital: str
    hospital_en: str
    number: str  # the published telephone

    def name(self, language: str) -> str:
        """The hospital's name in a language."""
        return self.hospital if language == "zh" or not self.hospital_en else self.hospital_en


def kind_of(state: SummaryState, *, printed_before: bool, electronic: bool) -> PrintKind:
    """What a print that is asked for now will be."""
    if state is SummaryState.SIGNED:
        if electronic:
            return PrintKind.ELECTRONIC
        return PrintKind.COPY if printed_before else PrintKind.ORIGINAL
    return PrintKind.DRAFT if state is SummaryState.DRAFT else PrintKind.WITHDRAWN


def document_of(
    summary: StageSummary, made: ReportPrint, content: ReportDocument, head: Letterhead, *, check_address: str, qr: str
) -> dict[str, Any]:
    """Everything that the template sets. Nothing in it depends on when it is set: the same print is the same again."""
    return _Writer(summary, made, content, head).whole(check_address=check_address, qr=qr)


class _Writer:
    def __init__(self, summary: StageSummary, made: ReportPrint, content: ReportDocument, head: Letterhead) -> None:
        self.summary, self.made, self.content, self.head = summary, made, content, head
        self.facts: StageFacts = summary.facts
        self.language = made.language
        self.zone = ZoneInfo(self.facts.zone)
        self.large = made.size is PrintSize.LARGE

    def whole(self, *, check_address: str, qr: str) -> dict[str, Any]:
        person = self.facts.person
        pages = self.word("page", page="\x00", pages="\x00").split("\x00")
        return {
            "language": self.language,
            "points": _POINTS[self.made.size],
            "large": self.large,
            "title": self.word("title"),
            "period": self.word("period", since=self.day(self.facts.since), until=self.day(self.facts.until)),
            "header": {
                "hospital": self.head.name(self.language) or self.word("hospital_unnamed"),
                "person": f"{person.name}　{self.word('record_number')} {person.record_number}",
                "number": f"{self.word('number')} {self.summary.number}",
            },
            "footer": {
                "printed": self.word(
                    "printed",
                    ordinal=self.made.ordinal,
                    at=self.instant(self.made.asked_at),
                    name=self.made.asked_name,
                ),
                "page": pages,
            },
            "watermark": self.word(_WATERMARKS[self.made.kind]) if self.made.kind in _WATERMARKS else "",
            "notices": self.notices(),
            "person": self.person(),
            "sections": self.sections(),
            "signature": self.signature(),
            "qr": qr,
            "check": {"text": self.word("verify"), "address": check_address} if qr else None,
            "closing": self.closing(),
        }

    def word(self, key: str, **values: object) -> str:
        return self.content.label(key, self.language, **values)

    def day(self, day: date | None) -> str:
        return self.word("none") if day is None else day.isoformat()

    def instant(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def day_of(self, at: datetime) -> str:
        return self.day(at.astimezone(self.zone).date())

    def notices(self) -> list[str]:
        if self.summary.state is SummaryState.WITHDRAWN and self.summary.settled_at:
            return [
                self.word("withdrawn", date=self.day_of(self.summary.settled_at), reason=self.summary.settled_because)
            ]
        return [] if self.summary.signed_at else [self.word("not_signed")]

    def person(self) -> list[list[str]]:
        person = self.facts.person
        age = person.age_on(self.facts.until)
        sex = self.word(person.sex) if person.sex in ("male", "female") else self.word("unknown")
        name, sexes = [self.word("name"), person.name], [self.word("sex"), sex]
        years = [self.word("age"), self.word("unknown") if age is None else self.word("years", age=age)]
        record = [self.word("record_number"), person.record_number]
        # In large print two stand in a row, and the long ones below each other.
        return [name, sexes, record, years] if self.large else [name, sexes, years, record]

    def sections(self) -> list[dict[str, Any]]:
        return [
            {
                "kind": "words",
                "title": self.word("conclusion"),
                "strong": True,
                "paragraphs": _paragraphs(self.summary.conclusion) or [self.word("conclusion_missing")],
            },
            *(
                [
                    {
                        "kind": "words",
                        "title": self.word("next_steps"),
                        "strong": True,
                        "paragraphs": _paragraphs(self.summary.next_steps),
                    }
                ]
                if self.summary.next_steps.strip()
                else []
            ),
            self.named("conditions", self.facts.conditions),
            self.named("allergies", self.facts.allergies),
            self.goals(),
            self.results(),
            *self.charts(),
            self.medicines(),
            self.risks(),
            self.advice(),
            self.contacts(),
            *self.addenda(),
        ]

    def named(self, key: str, lines: Sequence[ConditionLine]) -> dict[str, Any]:
        return {
            "kind": "words",
            "title": self.word(key),
            "strong": False,
            "paragraphs": ["；".join(self.condition(line) for line in lines)] if lines else [self.word(f"{key}_none")],
        }

    def condition(self, line: ConditionLine) -> str:
        about = [part for part in (line.code, line.since.isoformat() if line.since else "") if part]
        about.append(self.content.source_of(line.source, self.language))
        return f"{line.name}（{'，'.join(about)}）" if self.language == "zh" else f"{line.name} ({', '.join(about)})"

    def table(
        self, key: str, head: Sequence[str], widths: Sequence[float], rows: Sequence[Sequence[Any]], note: str = ""
    ) -> dict[str, Any]:
        return {
            "kind": "table",
            "title": self.word(key),
            "head": [self.word(each) for each in head],
            "widths": list(widths),
            "rows": [[_cell(cell) for cell in row] for row in rows],
            "empty": self.word(f"{key}_none"),
            "note": note,
        }

    def goals(self) -> dict[str, Any]:
        rows = [
            (
                goal.name.in_language(self.language),
                (goal.target.in_language(self.language), self.until(goal.due_on)),
                (goal.latest or self.word("none"), self.day_of(goal.latest_at) if goal.latest_at else ""),
                (self.word(f"goal_{goal.state.value}"), goal.settled_on.isoformat() if goal.settled_on else ""),
            )
            for goal in self.facts.goals
        ]
        note = self.word("goals_count", count=len(rows), reached=self.facts.goals_reached()) if rows else ""
        return self.table("goals", ("goal", "target", "latest", "state"), (3, 3, 2.4, 2), rows, note)

    def until(self, day: date | None) -> str:
        return "" if day is None else self.word("due", day=day.isoformat())

    def results(self) -> dict[str, Any]:
        head: tuple[str, ...] = ("result", "first", "last", "change", "reference")
        widths: tuple[float, ...] = (3.2, 2.6, 2.9, 1.7, 2.2)
        rows = []
        for line in self.shown():
            first, last = line.points[0], line.points[-1]
            row = [
                (line.name.in_language(self.language), self.content.unit(line.unit, self.language)),
                self.point(line, first) if len(line.points) > 1 else self.word("none"),
                self.point(line, last),
                self.change(line),
                _range(last, line.decimals) or self.word("none"),
            ]
            rows.append(row)
        if self.large:
            # Four columns are as many as letters of this size leave room for; the charts show what changed.
            head, widths = ("result", "first", "last", "reference"), (3, 2.7, 2.9, 2.2)
            rows = [[*row[:3], row[4]] for row in rows]
        note = self.word("gathered_at", at=self.instant(self.facts.gathered_at))
        return self.table("results", head, widths, rows, f"{self.word('every_number')}{note}" if rows else "")

    def shown(self) -> list[ResultLine]:
        return [line for line in self.facts.results if line.points]

    def point(self, line: ResultLine, point: ResultPoint) -> dict[str, str]:
        mark = point.mark
        word = f" {self.word(mark.value)}" if mark in (Mark.HIGH, Mark.LOW) else ""
        return {
            "text": f"{point.written(line.decimals)}{word}",
            "small": ("\n" if self.large or self.language == "en" else " ").join(
                (self.day_of(point.at), self.content.source_of(point.source, self.language))
            ),
            "mark": mark.value if word else "",
        }

    def change(self, line: ResultLine) -> str:
        change = line.change
        if change is None:
            return self.word("none")
        written = f"{abs(change):.{line.decimals}f}"
        sign = "" if not float(written) else ("+" if change > 0 else "−")
        return f"{sign}{written}"

    def charts(self) -> list[dict[str, Any]]:
        drawn = [line for line in self.shown() if len(line.points) > 1]
        if not drawn:
            return []
        most = self.content.most_charts
        left_out = len(drawn) - most
        return [
            {
                "kind": "charts",
                "note": self.word("chart_band"),
                "left_out": self.word("charts_left_out", count=left_out) if left_out > 0 else "",
                "charts": [
                    {
                        "caption": self.word(
                            "chart_caption",
                            name=line.name.in_language(self.language),
                            unit=self.content.unit(line.unit, self.language),
                        ),
                        **asdict(chart_of(line, since=self.facts.since, until=self.facts.until, zone=self.zone)),
                    }
                    for line in drawn[:most]
                ],
            }
        ]

    def medicines(self) -> dict[str, Any]:
        rows = [
            (
                (line.name, self.content.source_of(line.source, self.language)),
                line.dose or self.word("none"),
                self.day(line.since),
                self.word("none") if line.covered is None else f"{line.covered:.0%}",
            )
            for line in self.facts.medicines
        ]
        return self.table(
            "medicines",
            ("medicine", "dose", "since", "covered"),
            (3.4, 3.4, 2, 1.8),
            rows,
            self.word("medicine_warning") if rows else "",
        )

    def risks(self) -> dict[str, Any]:
        rows = [
            (
                line.name.in_language(self.language),
                line.value,
                line.band.in_language(self.language),
                (self.day_of(line.at), line.source),
            )
            for line in self.facts.risks
        ]
        return self.table(
            "risks", ("risk", "value", "band", "rule"), (3.4, 2, 2, 3), rows, self.word("risk_warning") if rows else ""
        )

    def advice(self) -> dict[str, Any]:
        return {
            "kind": "articles",
            "title": self.word("advice"),
            "empty": self.word("advice_none"),
            "articles": [
                {
                    "title": line.title.in_language(self.language),
                    "paragraphs": _paragraphs(line.text.in_language(self.language)),
                    "small": " · ".join(
                        part for part in (line.given_on.isoformat() if line.given_on else "", line.source) if part
                    ),
                }
                for line in self.facts.advice
            ],
        }

    def contacts(self) -> dict[str, Any]:
        lines = sorted(self.facts.contacts, key=lambda line: line.at, reverse=True)
        most = self.content.most_contacts
        rows = [
            (
                self.instant(line.at),
                self.word(f"way_{line.way.value}"),
                self.content.outcome(line.outcome, self.language),
            )
            for line in lines[:most]
        ]
        counts = [
            self.word("contact_count", way=self.word(f"way_{way.value}"), count=count, reached=reached)
            for way, (count, reached) in self.facts.contacts_by_way().items()
        ]
        more = [self.word("contacts_more", count=most)] if len(lines) > most else []
        joined = ("；" if self.language == "zh" else "; ").join([*counts, *more])
        return self.table("contacts", ("date", "way", "outcome"), (2.4, 2.4, 3), rows, joined)

    def addenda(self) -> list[dict[str, Any]]:
        if not self.summary.addenda:
            return []
        return [
            {
                "kind": "articles",
                "title": self.word("addenda"),
                "empty": "",
                "articles": [
                    {
                        "title": "",
                        "paragraphs": _paragraphs(addendum.text),
                        "small": f"{addendum.author_name} · {self.instant(addendum.written_at)}",
                    }
                    for addendum in self.summary.addenda
                    if addendum.written_at <= self.made.asked_at
                ],
            }
        ]

    def signature(self) -> list[list[str]]:
        rows = [[self.word("number"), self.summary.number]]
        if self.summary.signed_at is None:
            return rows
        return [
            [self.word("signed"), self.summary.signer_name],
            [self.word("signed_at"), self.instant(self.summary.signed_at)],
            *rows,
        ]

    def closing(self) -> list[str]:
        lines = [self.word("emergency")]
        if self.head.number:
            lines.append(self.word("hospital_phone", number=self.head.number))
        return lines


def _cell(cell: Any) -> dict[str, str]:
    if isinstance(cell, dict):
        return cell
    if isinstance(cell, tuple):
        return {"text": cell[0], "small": cell[1], "mark": ""}
    return {"text": str(cell), "small": "", "mark": ""}


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.splitlines() if part.strip()]


def _range(point: ResultPoint, decimals: int) -> str:
    low = None if point.low is None else f"{point.low:.{decimals}f}"
    high = None if point.high is None else f"{point.high:.{decimals}f}"
    if low is None:
        return "" if high is None else f"≤ {high}"
    return f"≥ {low}" if high is None else f"{low}–{high}"
