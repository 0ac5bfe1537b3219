"""Which format a file has: told by its first bytes, never by its name."""

from interop.lists.columns import best_list
from interop.lists.reading import LARGEST_FILE, ListRefusedError, RawList
from interop.lists.text_files import read_text
from interop.lists.workbooks import read_xls, read_xlsx

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_list(content: bytes) -> RawList:
    """The lines of a list; of a workbook the sheet whose headers say most."""
    if len(content) > LARGEST_FILE:
        raise ListRefusedError(f"the file is larger than {LARGEST_FILE // 2**20} MB; send it in parts")
    if not content.strip():
        raise ListRefusedError("the file is empty")
    if content.startswith(_ZIP):
        return best_list(read_xlsx(content))
    if content.startswith(_OLE):
        return best_list(read_xls(content))
    if content.lstrip()[:14].lower().startswith((b"<html", b"<!doctype html", b"<table", b"%pdf", b"{\\rtf")):
        raise ListRefusedError("this is a web page or document, not a list; save it as xlsx or CSV")
    return read_text(content)
