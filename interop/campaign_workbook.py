"""A campaign's people as a workbook: who asked for it and what for stands in its first row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from db.campaigns import PersonRow
from followup.campaigns import Group
from interop.text_workbook import text_workbook

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 5000

HEADER = (
    "病案号 / record number",
    "姓名 / name",
    "科室 / department",
    "结果 / group",
    "拨打次数 / attempts",
    "最后一次 / last outcome",
    "按键 / answer",
    "最后拨打 / last called",
    "未拨打原因 / not called because",
)
GROUP_WORDS = {
    Group.CONFIRMED: "已确认",
    Group.CANCELLED: "已取消",
    Group.REBOOK: "要求改期",
    Group.WANTS_PERSON: "要人工",
    Group.ANSWERED: "其他应答",
    Group.MACHINE: "留言机",
    Group.UNREACHED: "未接通",
    Group.REFUSED: "拒绝",
    Group.WRONG_NUMBER: "号码有误",
    Group.CALLED_OFF: "已撤销",
    Group.STILL_OPEN: "进行中",
}


def campaign_workbook(people: Iterable[PersonRow], *, watermark: str, zone: str) -> bytes:
    """The file's bytes; every cell is text, so that nothing is calculated and no number changes."""
    return text_workbook("campaign", ((watermark,), HEADER, *(_line(person, ZoneInfo(zone)) for person in people)))


def _line(person: PersonRow, zone: ZoneInfo) -> Sequence[str]:
    group = f"{GROUP_WORDS[person.group]} / {person.group.value}" if person.group else ""
    return (
        person.record_number,
        person.name,
        person.department,
        group,
        str(person.attempts),
        person.last_outcome.value if person.last_outcome else "",
        person.answer,
        _shown(person.called_at, zone),
        ", ".join(person.reasons),
    )


def _shown(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else ""
