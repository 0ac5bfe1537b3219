"""The words of a report: every number of the facts in both languages, empty parts said to be empty, marks in words."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from care.report_prints import PrintKind, PrintSize
from care.stage_facts import ResultLine, StageFacts, Words
from care.summaries import StageSummary, SummaryAddendum, SummaryState
from reports.document import document_of, kind_of
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.summaries import HEAD, SIGNED_AT, a_print, a_summary, empty_facts, full_facts, points

CONTENT = Content(REPOSITORY / "content")
WORDS = CONTENT.reports["stage_summary"]


def written(summary: StageSummary, **print_changes: Any) -> dict[str, Any]:
    return document_of(summary, a_print(summary, **print_changes), WORDS, HEAD, check_address="", qr="")


def texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for each in part.values():
            yield from texts(each)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from texts(each)


def section(document: dict[str, Any], title: str) -> dict[str, Any]:
    return next(each for each in document["sections"] if each.get("title") == title)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", list(PrintSize))
def test_every_number_of_the_results_stands_with_its_date(language: str, size: PrintSize) -> None:
    summary = a_summary(full_facts())
    document = written(summary, language=language, size=size)
    rows = section(document, WORDS.label("results", language))["rows"]
    assert len(rows) == len(summary.facts.results)
    for row, line in zip(rows, summary.facts.results, strict=True):
        last = row[2]
        assert last["text"].startswith(f"{line.points[-1].value:.{line.decimals}f}")
        assert line.points[-1].at.date().isoformat() in last["small"]
        assert last["mark"] == (line.points[-1].mark.value if line.points[-1].mark in ("high", "low") else "")


def test_a_change_has_its_sign_and_one_value_has_none() -> None:
    rows = section(written(a_summary(full_facts())), "检查与测量结果")["rows"]
    assert [row[3]["text"] for row in rows] == ["−26", "+0.63", "−1.70", "+0.10", "—"]


@pytest.mark.parametrize(
    ("value", "language", "word"),
    [(3.2, "zh", "3.2 ↓ 偏低"), (3.2, "en", "3.2 ↓ low"), (7.1, "zh", "7.1 ↑ 偏高"), (5.0, "zh", "5.0")],
)
def test_what_lies_outside_its_range_is_marked_by_arrow_and_word(value: float, language: str, word: str) -> None:
    line = ResultLine(
        code="x",
        name=Words(zh="甲", en="A"),
        unit="1",
        points=points(value, low=3.9, high=6.1, since=date(2026, 10, 5), every=1, source="hl7:LIS"),
    )
    document = written(a_summary(empty_facts(results=(line,))), language=language)
    (row,) = section(document, WORDS.label("results", language))["rows"]
    assert row[2]["text"] == word


def test_where_nothing_is_known_the_page_says_so() -> None:
    document = written(a_summary(empty_facts(), conclusion="", state=SummaryState.DRAFT), kind=PrintKind.DRAFT)
    everything = "\n".join(texts(document))
    for key in ("conditions", "allergies", "goals", "results", "medicines", "risks", "advice", "contacts"):
        assert WORDS.label(f"{key}_none", "zh") in everything
    assert WORDS.label("conclusion_missing", "zh") in everything
    assert WORDS.label("not_signed", "zh") in document["notices"]
    assert document["watermark"] == "草稿 未签名"
    assert not [each for each in document["sections"] if each["kind"] == "charts"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_place_of_a_text_is_left_unfilled(language: str) -> None:
    for facts in (full_facts(), empty_facts()):
        everything = "\n".join(texts(written(a_summary(facts), language=language)))
        assert "{" not in everything
        assert "None" not in everything


def test_risk_says_that_it_is_no_diagnosis_and_medicines_that_nobody_stops_them_alone() -> None:
    document = written(a_summary(full_facts()))
    assert section(document, "风险评估")["note"] == "仅供参考，不作诊断。"
    assert "不要自己停药" in section(document, "用药")["note"]


@pytest.mark.parametrize(
    ("state", "before", "electronic", "kind"),
    [
        (SummaryState.DRAFT, False, False, PrintKind.DRAFT),
        (SummaryState.DRAFT, True, False, PrintKind.DRAFT),
        (SummaryState.SIGNED, False, False, PrintKind.ORIGINAL),
        (SummaryState.SIGNED, True, False, PrintKind.COPY),
        (SummaryState.SIGNED, False, True, PrintKind.ELECTRONIC),
        (SummaryState.WITHDRAWN, True, False, PrintKind.WITHDRAWN),
    ],
)
def test_what_a_print_is(state: SummaryState, before: bool, electronic: bool, kind: PrintKind) -> None:
    assert kind_of(state, printed_before=before, electronic=electronic) is kind


def test_every_kind_but_the_original_bears_a_watermark() -> None:
    marks = {kind: written(a_summary(full_facts()), kind=kind)["watermark"] for kind in PrintKind}
    assert marks.pop(PrintKind.ORIGINAL) == ""
    assert len(set(marks.values())) == len(marks)
    assert all(marks.values())


def test_a_print_bears_the_later_words_written_before_it_and_no_others() -> None:
    summary = a_summary(full_facts())
    summary.addenda = [
        SummaryAddendum(
            id=str(hours),
            summary_id=summary.id,
            text=f"补充{hours}",
            author_id="d",
            author_name="陈医生",
            written_at=SIGNED_AT + timedelta(hours=hours),
        )
        for hours in (1, 3)
    ]
    everything = "\n".join(texts(written(summary, asked_at=SIGNED_AT + timedelta(hours=2))))
    assert "补充1" in everything
    assert "补充3" not in everything


def test_a_withdrawn_summary_says_when_and_why() -> None:
    facts: StageFacts = full_facts()
    summary = a_summary(
        facts, state=SummaryState.WITHDRAWN, settled_at=SIGNED_AT + timedelta(days=1), settled_because="结果属于他人"
    )
    assert written(summary, kind=PrintKind.WITHDRAWN)["notices"] == ["本文件已于2026-11-21作废：结果属于他人"]
