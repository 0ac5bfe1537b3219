"""Why a row cannot be taken, or was taken with a reserve: closed codes, each in two languages with its mend."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """What is wrong, or was left out."""

    NO_NAME = "no_name"
    NO_IDENTITY = "no_identity"
    NO_DEPARTMENT = "no_department"
    NO_DATE = "no_date"
    NO_HOUR = "no_hour"
    NO_NUMBER = "no_number"
    TOO_LONG = "too_long"
    CELL_ERROR = "cell_error"
    LOST_DIGITS = "lost_digits"
    ID_FORM = "id_form"
    ID_BIRTH = "id_birth"
    ID_CHECKSUM = "id_checksum"
    BIRTH_DIFFERS = "birth_differs"
    SEX_DIFFERS = "sex_differs"
    DATE_FORM = "date_form"
    DATE_AMBIGUOUS = "date_ambiguous"
    NO_SUCH_DAY = "no_such_day"
    NO_SUCH_TIME = "no_such_time"
    BIRTH_IMPOSSIBLE = "birth_impossible"
    NOT_YET = "not_yet"
    TOO_OLD = "too_old"
    PAST = "past"
    TOO_FAR = "too_far"
    NUMBER_SHORT = "number_short"
    NUMBER_AREA_CODE = "number_area_code"
    NUMBER_INVALID = "number_invalid"
    UNKNOWN_SEX = "unknown_sex"
    UNKNOWN_LANGUAGE = "unknown_language"
    UNKNOWN_ZONE = "unknown_zone"
    UNKNOWN_TEMPLATE = "unknown_template"
    UNKNOWN_CONSENT = "unknown_consent"
    NAME_DIFFERS = "name_differs"
    KNOWN_BIRTH_DIFFERS = "known_birth_differs"
    ID_DIFFERS = "id_differs"
    TWO_PERSONS = "two_persons"
    VISIT_DIFFERS = "visit_differs"
    DECEASED = "deceased"
    REFUSED = "refused"
    STILL_USED = "still_used"
    FILLED_STAYS = "filled_stays"
    PLAN_STAYS = "plan_stays"
    PLAN_STOPS = "plan_stops"
    NO_RESULT = "no_result"
    EXAM_AHEAD = "exam_ahead"
    RESULT_PARKED = "result_parked"
    LONG_AGO = "long_ago"
    NO_MEDICINE = "no_medicine"
    ATC_FORM = "atc_form"
    DAYS_FORM = "days_form"
    MEDICINE_AHEAD = "medicine_ahead"
    ENDS_BEFORE = "ends_before"
    MEDICINE_OLDER = "medicine_older"
    DISPENSE_REPLACED = "dispense_replaced"
    NOTHING_TAKEN_BACK = "nothing_taken_back"


_WORDS: Mapping[Code, tuple[str, str]] = {
    Code.NO_NAME: ("缺少姓名", "the name is missing"),
    Code.NO_IDENTITY: (
        "缺少病案号、身份证号等任何一项身份标识，请至少填写一项",
        "nothing says who this is: give a record number, ID card, insurance or passport number",
    ),
    Code.NO_DEPARTMENT: ("缺少科室", "the department is missing"),
    Code.NO_DATE: ("缺少日期", "the date is missing"),
    Code.NO_HOUR: ("预约必须写明几点", "an appointment needs its hour, such as 2026-11-20 10:00"),
    Code.NO_NUMBER: (
        "新患者没有可用的电话号码，请补充",
        "a person who is new needs a telephone number that can be used",
    ),
    Code.TOO_LONG: ("内容过长", "the text is too long"),
    Code.CELL_ERROR: (
        "单元格是表格公式错误（如 #N/A），请改为实际内容",
        "the cell holds a spreadsheet's error such as #N/A",
    ),
    Code.LOST_DIGITS: (
        "号码被表格软件变成了浮点数，后面的数字已丢失；请把该列设为“文本”格式后从原系统重新导出或重新填写",
        "a spreadsheet made a float of the number and its last digits are lost; format the column as text, export anew",
    ),
    Code.ID_FORM: ("身份证号应为18位（末位可为X）", "an ID card number has 18 places, the last may be X"),
    Code.ID_BIRTH: ("身份证号中的出生日期不存在", "the birth date within the ID card number does not exist"),
    Code.ID_CHECKSUM: (
        "身份证号校验位不符，请核对每一位",
        "the ID card number's check place is wrong; compare every digit",
    ),
    Code.BIRTH_DIFFERS: ("出生日期与身份证号不一致", "the birth date differs from the one within the ID card number"),
    Code.SEX_DIFFERS: ("性别与身份证号不一致", "the sex differs from the one within the ID card number"),
    Code.DATE_FORM: (
        "无法识别的日期，请写成 2026-11-20 或 2026-11-20 10:00",
        "is no date; write it like 2026-11-20 10:00",
    ),
    Code.DATE_AMBIGUOUS: (
        "日与月无法区分，请写成 2026-11-20",
        "day and month could be either; write it like 2026-11-20",
    ),
    Code.NO_SUCH_DAY: ("没有这一天", "there is no such day"),
    Code.NO_SUCH_TIME: ("无法识别的时间，请写成 10:00", "is no time; write it like 10:00"),
    Code.BIRTH_IMPOSSIBLE: ("出生日期在将来或早于1900年", "nobody was born then: it lies ahead or before 1900"),
    Code.NOT_YET: ("出院日期在将来", "the discharge lies ahead"),
    Code.TOO_OLD: ("出院已超过一年", "the discharge is more than a year ago"),
    Code.PAST: ("预约时间已过", "the appointment is over"),
    Code.TOO_FAR: ("预约在两年之后", "the appointment is more than two years ahead"),
    Code.NUMBER_SHORT: ("短号或紧急号码不能拨打", "is a short or emergency number; those are never dialed"),
    Code.NUMBER_AREA_CODE: (
        "座机缺少区号，请补上，如 010-65529988",
        "a landline without its area code; write 010-65529988",
    ),
    Code.NUMBER_INVALID: ("不是存在的电话号码，请核对位数", "is no number that exists; compare its digits"),
    Code.UNKNOWN_SEX: ("性别请写男或女", "write male, female, other or unknown"),
    Code.UNKNOWN_LANGUAGE: ("语言请写 zh（中文）或 en（英文）", "write zh or en"),
    Code.UNKNOWN_ZONE: ("没有这个时区，请写成 Asia/Shanghai", "is no time zone; write it like Asia/Shanghai"),
    Code.UNKNOWN_TEMPLATE: ("没有这个随访方案", "there is no such plan template"),
    Code.UNKNOWN_CONSENT: ("同意一栏请写是或否", "write yes or no"),
    Code.NAME_DIFFERS: (
        "该号码已属于另一个姓名的患者，请核对号码和姓名",
        "this number belongs to a patient of another name; find out which is right",
    ),
    Code.KNOWN_BIRTH_DIFFERS: ("出生日期与已有记录不一致", "the birth date differs from the one on record"),
    Code.ID_DIFFERS: (
        "身份标识与该患者已有记录不一致",
        "the identifier differs from the one on record for this person",
    ),
    Code.TWO_PERSONS: (
        "这些身份标识分别属于两位患者；导入不会合并患者，请核对",
        "these identifiers belong to two patients; a list merges nobody: find out which is right",
    ),
    Code.VISIT_DIFFERS: (
        "该就诊号已有记录但时间不同，请在该次就诊中修改",
        "this visit is known with another time; change it at the visit itself",
    ),
    Code.DECEASED: ("记录显示患者已故，不再安排随访", "the patient is recorded as deceased; nothing is planned"),
    Code.REFUSED: ("数据库拒绝了这一行", "the database refused this row; send it again, or tell an administrator"),
    Code.STILL_USED: ("已被使用，予以保留", "has been used since and stays"),
    Code.PLAN_STOPS: (
        "随访计划尚未拨打的已取消，其记录予以保留",
        "its plan is cancelled unless a call was tried already, and stays on record with visit and person",
    ),
    Code.PLAN_STAYS: (
        "该就诊在导入前已有记录，其随访计划予以保留；不需要时请取消该计划",
        "the visit was known before, and its plan stays; cancel the plan if it is not wanted",
    ),
    Code.NO_RESULT: ("这一行没有任何结果", "the row holds no result"),
    Code.EXAM_AHEAD: ("检查日期在将来", "the exam lies ahead"),
    Code.RESULT_PARKED: (
        "暂时无法归类，将原样保留，请在“未识别结果”中说明",
        "cannot be placed yet; it is kept as it is until somebody says what it means",
    ),
    Code.LONG_AGO: ("日期早于1900年", "the day is before 1900"),
    Code.NO_MEDICINE: ("缺少药品名称", "the medicine's name is missing"),
    Code.ATC_FORM: (
        "不是ATC编码（如 C09CA01）；医院自己的编码请映射为药品编码",
        "is no ATC code such as C09CA01; map a column with the hospital's own codes to medicine_code",
    ),
    Code.DAYS_FORM: (
        "天数应为0至400的整数，如 30 或 30天；0表示已退药",
        "write whole days from 0 to 400, such as 30; 0 says that it was taken back",
    ),
    Code.MEDICINE_AHEAD: ("发药或处方日期在将来", "the day lies ahead"),
    Code.ENDS_BEFORE: ("停药日期早于发药或处方日期", "it ends before it begins"),
    Code.MEDICINE_OLDER: (
        "已有更新的用法记录，未改动用药，仅保留发药",
        "a newer row tells how it is taken; only what was handed out is kept of this one",
    ),
    Code.DISPENSE_REPLACED: (
        "同一发药单号（无单号时为同一天同一药品）已有不同内容，以本行为准",
        "what was handed out under this number (without one: on this day) was told otherwise before; this row counts",
    ),
    Code.NOTHING_TAKEN_BACK: (
        "退药没有对应的发药记录，未作改动",
        "nothing is known of that was handed out under this number or on this day, so nothing was taken back",
    ),
    Code.FILLED_STAYS: ("为已有患者补充的出生日期、性别或方言予以保留", "what was filled in for a known patient stays"),
}

Fault = dict[str, str]


def fault(column: str, code: Code, *, about: str = "") -> Fault:
    """A fault as it is stored and shown; `column` is the header as the list has it, or empty."""
    zh, en = _WORDS[code]
    return {
        "column": column,
        "code": code.value,
        "zh": f"{zh}（{about}）" if about else zh,
        "en": f"{en} ({about})" if about else en,
    }


def in_one_line(faults: tuple[Fault, ...]) -> str:
    """The faults of a row for the column `错误/errors`."""
    return "; ".join(f"{each['column'] + ': ' if each['column'] else ''}{each['zh']} / {each['en']}" for each in faults)
