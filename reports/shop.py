"""With what an installation prints."""

from reports.document import Letterhead
from reports.keys import report_keys
from reports.printing import PrintShop
from runtime.content.library import Content
from runtime.settings import Settings

STAGE_SUMMARY = "stage_summary"


def print_shop(settings: Settings, content: Content) -> PrintShop:
    """Words, letterhead, keys and fonts as they are set."""
    return PrintShop(
        content=content.reports[STAGE_SUMMARY],
        head=Letterhead(
            hospital=settings.hospital_name,
            hospital_en=settings.hospital_name_en,
            number=settings.call_back_number,
        ),
        public_url=settings.public_url,
        keys=report_keys(settings),
        fonts=settings.font_folders,
    )
