"""From a document's words to a PDF: set by Typst with our template and embedded fonts, the same bytes each time."""

import hashlib
import json
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
    missing = missing_characters("".join(_texts({**document, "qr": ""})), folders)
    if missing:
        codes = ", ".join(f"{each} (U+{ord(each):04X})" for each in missing[:10])
        raise NotPrintableError(
            f"no font has {codes}: put a font that has it into a folder and name the folder in SUIFANG_FONT_FOLDERS "
            "(Debian: fonts-hanazono or fonts-babelstone-han), or correct the record"
        )
    inputs = {"document": json.dumps(document, ensure_ascii=False)}
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


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from _texts(each)
    elif isinstance(part, (list, tuple)):
        for each in part:
            yield from _texts(each)
