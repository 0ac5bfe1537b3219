"""What messages are applied with in this hospital."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from runtime.content.library import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDesk:
    """Content and settings that the applying of messages goes by."""

    content: Content
    zone: ZoneInfo
    area_code: str = ""
    region: str = "CN"
    synthetic: bool = False  # people of the demo
