"""The PDF itself: another program opens it, letters are embedded, rare characters drawn, a scanner reads its code."""

import io
import re
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
import zxingcpp

from care.report_prints import PrintKind, PrintSize
from care.stage_facts import PersonFacts
from care.summaries import StageSummary, SummaryState
from reports.document import document_of
from reports.fonts import font_folders, missing_characters
from reports.qr_code import qr_svg
from reports.typesetting import NotPrintableError, SetDocument, typeset
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.summaries import HEAD, RARE_NAME, SIGNED_AT, a_print, a_summary, empty_facts, full_facts

WORDS = Content(REPOSITORY / "content").reports["stage_summary"]
ADDRESS = "https://suifang.example/v/SF2026-000017.1.9f2c4e6a8b0d.xJd8s7dkFh3Kd9sLwq2Zp0aMeRtYuIoPaSdFgHjKlZx"


def pdf(summary: StageSummary, *, address: str = ADDRESS, **print_changes: Any) -> SetDocument:
    made = a_print(summary, **print_changes)
    document = document_of(summary, made, WORDS, HEAD, check_address=address, qr=qr_svg(address) if address else "")
    return typeset(document, at=made.asked_at)


def pages_of(finished: SetDocument) -> list[str]:
    document = pypdfium2.PdfDocument(finished.body)
    return [document[place].get_textpage().get_text_range() for place in range(len(document))]


@pytest.fixture(scope="module")
def full() -> SetDocument:
    return pdf(a_summary(full_facts()))


def test_rare_characters_of_a_name_stand_on_every_page_and_are_drawn(full: SetDocument) -> None:
    pages = pages_of(full)
    assert len(pages) == full.pages == 3
    assert all(RARE_NAME in page for page in pages)
    # Text alone may be there without a letter: two rare characters drawn are two pictures, not twice the same box.
    letters = [drawn_name(name) for name in ("𠮷", "䶮", "王")]
    assert len(set(letters)) == len(letters)


def drawn_name(name: str) -> bytes:
    facts = empty_facts(person=PersonFacts(name=name, record_number="1"))
    page = pypdfium2.PdfDocument(pdf(a_summary(facts), address="").body)[0]
    left, top, right, bottom = 1.9, 4.0, 5.0, 7.0  # centimeters of the sheet that hold the name
    picture = page.render(scale=2).to_pil()
    point = 72 / 2.54 * 2
    return bytes(picture.crop((int(left * point), int(top * point), int(right * point), int(bottom * point))).tobytes())


def test_the_paper_is_a4_and_every_page_bears_number_patient_and_page(full: SetDocument) -> None:
    document = pypdfium2.PdfDocument(full.body)
    for place, text in enumerate(pages_of(full), start=1):
        assert document[place - 1].get_size() == pytest.approx((595.28, 841.89), abs=0.5)
        assert "SF2026-000017" in text
        assert "病案号 00012345678" in text
        assert re.search(rf"第 ?{place} ?页，共 ?3 ?页", text)


def test_every_font_is_embedded_and_the_file_is_an_archives(full: SetDocument) -> None:
    fonts = set(re.findall(rb"/FontName ?/([A-Za-z0-9+,-]+)", full.body))
    assert fonts
    assert all(re.match(rb"[A-Z]{6}\+NotoSansCJKsc", font) for font in fonts), fonts
    assert full.body.count(b"/FontFile") >= 1
    assert b"pdfaid:part" in full.body


def test_a_scanner_reads_the_code_on_the_last_page(full: SetDocument) -> None:
    document = pypdfium2.PdfDocument(full.body)
    picture = document[len(document) - 1].render(scale=150 / 72).to_pil()
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [ADDRESS]


def test_a_draft_bears_its_watermark_and_no_code() -> None:
    finished = pdf(a_summary(empty_facts(), state=SummaryState.DRAFT), kind=PrintKind.DRAFT, address="")
    (text,) = pages_of(finished)
    assert "草稿" in text
    assert "尚未经医生签名" in text
    picture = pypdfium2.PdfDocument(finished.body)[0].render(scale=2).to_pil()
    assert not zxingcpp.read_barcodes(picture)


def test_the_same_print_is_the_same_file_and_another_one_is_not(full: SetDocument) -> None:
    summary = a_summary(full_facts())
    assert pdf(summary).body == full.body
    assert pdf(summary, ordinal=2, kind=PrintKind.COPY, asked_at=SIGNED_AT + timedelta(days=1)).body != full.body


def test_large_print_is_large(full: SetDocument) -> None:
    large = pdf(a_summary(full_facts()), size=PrintSize.LARGE)
    assert large.pages > full.pages
    assert height_of_letters(large) == pytest.approx(height_of_letters(full) * 16 / 10.5, rel=0.05)


def height_of_letters(finished: SetDocument) -> float:
    words = pypdfium2.PdfDocument(finished.body)[0].get_textpage()
    place = words.search("血压逐步下降").get_next()
    assert place is not None
    _, bottom, _, top = words.get_charbox(place[0])
    return float(top - bottom)


def test_what_looks_like_markup_is_only_text() -> None:
    hostile = '#panic("x") *b* $ \\ <a> = 标题 // #image("/etc/passwd") @x `'
    summary = a_summary(empty_facts(person=PersonFacts(name="O'Neil <b>", record_number="#1")), conclusion=hostile)
    text = pages_of(pdf(summary))[0]
    assert '#panic("x") *b* $' in text
    assert "O'Neil <b>" in text


def test_a_very_long_text_goes_on_over_pages() -> None:
    finished = pdf(
        a_summary(empty_facts(), conclusion="\n".join(f"第{place}段" + "很长的话" * 60 for place in range(40)))
    )
    pages = pages_of(finished)
    assert len(pages) > 3
    assert "第39段" in "".join(pages).replace(" ", "")


def test_a_character_that_no_font_has_is_refused_by_name() -> None:
    facts = empty_facts(person=PersonFacts(name="王\U0002ebf0", record_number="1"))
    with pytest.raises(NotPrintableError, match=r"U\+2EBF0.*SUIFANG_FONT_FOLDERS"):
        pdf(a_summary(facts))


def test_control_characters_leave_no_trace() -> None:
    text = pages_of(pdf(a_summary(empty_facts(), conclusion="血压\x00\x1b[31m好\x07\u200b")))[0]
    assert "血压[31m好" in text.replace("\u200b", "").replace(" ", "")


def test_the_font_has_the_rare_characters_of_names() -> None:
    assert missing_characters("𠮷䶮㛃㵘䲜𬭎𫟷𬀩𫖯𬱖℃μ²≥≤", font_folders()) == ""


def test_pictures_can_be_made_of_it(full: SetDocument) -> None:
    picture = pypdfium2.PdfDocument(full.body)[1].render(scale=1).to_pil()
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    assert len(set(picture.convert("L").tobytes())) > 10
