"""From a document's words to a PDF: set by Typst with our template and embedded fonts, the same bytes each time."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import typst

from reports.fonts import font_folders, missing_characters

TEMPLATE = Path(__file__).with_name("stage_summary.typ")
_STANDARD: Literal["a-2u"] = "a-2u"
"""PDF/A-2u: everything embedded, every glyph with its character; what archives take."""


class NotPrintableError(Exception):
    """The document cannot be set; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDocument:
    """A finished PDF."""

    body: bytes
    pages: int

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.body).hexdigest()


def typeset(document: Mapping[str, Any], *, at: datetime, further_fonts: Iterable[Path] = ()) -> SetDocument:
    """Set a document, dated `at`. A name whose characters no font has is refused: boxes are no name."""
    folders = font_folders(further_fonts)
    refuse_unprintable("".join(_texts({**document, "qr": ""})), further_fonts)
    inputs = {"document": json.dumps(_without_controls(document), ensure_ascii=False)}
    compiler = typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=list(folders), ignore_system_fonts=True, sys_inputs=inputs
    )
    try:
        body = compiler.compile(format="pdf", pdf_standards=[_STANDARD], timestamp=int(at.timestamp()))
        pages = compiler.query("<end>", field="value", one=True)
    except typst.TypstError as error:
        raise NotPrintableError(f"the template does not fit the document: {error.message}") from error
    if not isinstance(body, bytes):
        raise NotPrintableError("the template made no single PDF; take reports/stage_summary.typ as it was shipped")
    return SetDocument(body=body, pages=int(json.loads(pages)))


def refuse_unprintable(text: str, further_fonts: Iterable[Path] = ()) -> None:
    """NotPrintableError if the text has characters that no font has."""
    missing = missing_characters(text, font_folders(further_fonts))
    if missing:
        codes = ", ".join(f"{each} (U+{ord(each):04X})" for each in missing[:10])
        raise NotPrintableError(
            f"no font has {codes}: write something else, or put a font that has it into a folder and name the folder "
            "in SUIFANG_FONT_FOLDERS (Debian: fonts-hanazono or fonts-babelstone-han)"
        )


def _without_controls(part: Any) -> Any:
    """The same without characters that steer terminals and stand for nothing on paper; line ends stay."""
    if isinstance(part, str):
        return "".join(each for each in part if each == "\n" or unicodedata.category(each) != "Cc")
    if isinstance(part, Mapping):
        return {key: _without_controls(each) for key, each in part.items()}
    if isinstance(part, (list, tuple)):
        return [_without_controls(each) for each in part]
    return part


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from _texts(each)
    elif isinstance(part, (list, tuple)):
        for each in part:
            yield from _texts(each)
