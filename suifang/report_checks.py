"""Can reports be printed here: the fonts, a page as a trial, and whether a telephone finds the address of its code."""

from urllib.parse import urlsplit

from reports.fonts import FontsMissingError, font_folders, missing_characters
from runtime.settings import Settings
from runtime.this_machine import is_loopback
from suifang.findings import Finding, good, note, wrong

_OF_NAMES = "𠮷䶮㛃㵘䲜𬭎"
"""Rare characters that names are written with."""


def check_reports(settings: Settings) -> Finding:
    """A name that cannot be printed is found now, not in front of the patient."""
    strangers = [str(folder) for folder in settings.font_folders if not folder.is_dir()]
    if strangers:
        return wrong("reports", f"{', '.join(strangers)} is no folder", "correct SUIFANG_FONT_FOLDERS")
    try:
        folders = font_folders(settings.font_folders)
        missing = missing_characters(_OF_NAMES, folders)
    except FontsMissingError as error:
        return wrong("reports", str(error), "then run `suifang doctor` again")
    if missing:
        return wrong(
            "reports", f"no font has {missing}", "pip install manimgx-fonts-cjk, which has the rare characters of names"
        )
    seen = f"fonts in {', '.join(map(str, folders))}"
    if is_loopback(urlsplit(settings.public_url).hostname or ""):
        return note(
            "reports",
            f"{seen}; the code on a print leads to {settings.public_url}",
            "set SUIFANG_PUBLIC_URL to an address that patients' telephones reach",
        )
    named = bool(settings.report_keys.get_secret_value())
    if not named and settings.database_url is not None:
        return note(
            "reports",
            f"{seen}; prints are signed with a key of this machine alone",
            "set SUIFANG_REPORT_KEYS to the same value on every machine, or prints of one are strangers to the other",
        )
    return good("reports", seen)
