"""What a column may hold, and which one it probably is: headers of hospitals' systems, Chinese and English."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import cache

from followup.imports import ListKind
from interop.lists.reading import HEADER_WITHIN, Line, ListRefusedError, RawList


class ListField(StrEnum):
    """What the columns of lists are read for."""

    RECORD_NUMBER = "record_number"
    NAME = "name"
    ID_CARD = "id_card"
    INSURANCE = "insurance"
    PASSPORT = "passport"
    MEDICAL_RECORD = "medical_record"  # a further record number
    SEX = "sex"
    BORN = "born"
    PHONE = "phone"
    RELATIVE_PHONE = "relative_phone"
    RELATION = "relation"
    DEPARTMENT = "department"
    WARD = "ward"
    DOCTOR = "doctor"
    DATE = "date"
    TIME = "time"
    VISIT_NUMBER = "visit_number"
    LANGUAGE = "language"
    DIALECT = "dialect"
    ZONE = "zone"
    TEMPLATE = "template"
    CONSENT = "consent"
    CONSENT_AUTOMATED = "consent_automated"
    RESULT = "result"  # of an exam: the header names what was measured, perhaps with its unit
    ITEM = "item"  # of a list with a result in each row: what was measured
    ITEM_CODE = "item_code"
    VALUE = "value"
    UNIT = "unit"
    REFERENCE = "reference"
    SAMPLE_NUMBER = "sample_number"
    REPORTED = "reported"  # when the laboratory gave it out
    MEDICINE = "medicine"  # of a list of medicines: its name
    ATC = "atc"
    MEDICINE_CODE = "medicine_code"  # the hospital's own
    DOSE = "dose"
    SCHEDULE = "schedule"
    DAYS = "days"  # how long what was handed out lasts
    DISPENSE_NUMBER = "dispense_number"  # tells what was handed out from another time
    UNTIL = "until"  # when it is or was stopped


IGNORED = ""
"""What a column is mapped to that is not read."""

ERRORS_HEADER = "错误/errors"

REPEATABLE = frozenset({ListField.PHONE, ListField.RELATIVE_PHONE, ListField.MEDICAL_RECORD, ListField.RESULT})
IDENTIFYING = frozenset(
    {
        ListField.RECORD_NUMBER,
        ListField.ID_CARD,
        ListField.INSURANCE,
        ListField.PASSPORT,
        ListField.MEDICAL_RECORD,
    }
)

_HEADERS: Mapping[ListField, str] = {
    ListField.RECORD_NUMBER: (
        "病案号 病历号 患者id 病人id 患者编号 病人编号 患者号 病人号 档案号 登记号 住院号 "
        "record_number mrn medical_record_number patient_id patient_number patient_no record_no"
    ),
    ListField.MEDICAL_RECORD: "门诊号 健康卡号 就诊卡号 卡号 outpatient_number card_number",
    ListField.NAME: "姓名 患者姓名 病人姓名 名字 患者 name patient_name full_name patient",
    ListField.ID_CARD: (
        "身份证号 身份证 身份证号码 证件号 证件号码 公民身份号码 居民身份证号 "
        "id_card id_number national_id id_no idcard"
    ),
    ListField.INSURANCE: (
        "医保号 医保卡号 社保号 社保卡号 医保编号 医疗保险号 insurance insurance_number insurance_no nhs_number"
    ),
    ListField.PASSPORT: "护照 护照号 护照号码 passport passport_number passport_no",
    ListField.SEX: "性别 sex gender",
    ListField.BORN: "出生日期 出生年月日 生日 出生年月 born birth_date date_of_birth dob birthday",
    ListField.PHONE: (
        "电话 手机 手机号 手机号码 电话号码 联系电话 联系方式 本人电话 患者电话 移动电话 家庭电话 固定电话 号码 "
        "phone mobile telephone phone_number mobile_number tel cell contact_number number"
    ),
    ListField.RELATIVE_PHONE: (
        "家属电话 联系人电话 家属手机 联系人手机 家属联系电话 紧急联系人电话 联系人联系电话 家属号码 "
        "relative_phone contact_phone next_of_kin_phone emergency_contact_phone emergency_phone"
    ),
    ListField.RELATION: "关系 与患者关系 联系人关系 家属关系 relation relationship",
    ListField.DEPARTMENT: (
        "科室 出院科室 科室名称 就诊科室 预约科室 科别 专科 department dept clinic specialty discharge_department"
    ),
    ListField.WARD: "病区 病房 出院病区 ward unit",
    ListField.DOCTOR: "医生 主管医生 主治医生 经治医生 医师 主管医师 预约医生 doctor physician attending",
    ListField.DATE: (
        "出院日期 出院时间 预约日期 就诊日期 日期 预约时间 就诊时间 复诊日期 复诊时间 检查日期 "
        "date discharge_date discharged_at discharge_time appointment_date appointment_time appointment occurred_at"
    ),
    ListField.TIME: "时间 时刻 钟点 time hour start_time",
    ListField.VISIT_NUMBER: (
        "住院流水号 就诊流水号 就诊号 预约号 预约编号 流水号 住院次数号 "
        "visit_number encounter_id visit_id appointment_id admission_number visit_no"
    ),
    ListField.LANGUAGE: "语言 语种 language lang",
    ListField.DIALECT: "方言 dialect",
    ListField.ZONE: "时区 zone time_zone timezone",
    ListField.TEMPLATE: "随访方案 随访计划 方案 模板 计划模板 template plan plan_template",
    ListField.CONSENT: "同意随访 随访同意 同意电话随访 知情同意 同意 consent consent_phone agrees",
    ListField.CONSENT_AUTOMATED: "同意自动外呼 同意自动电话 同意智能外呼 consent_automated automated_calls",
}

_EXAM_HEADERS: Mapping[ListField, str] = {
    ListField.DATE: (
        "检验日期 检验时间 采样时间 采样日期 采集时间 体检日期 体检时间 检查时间 检测日期 检测时间 测量时间 "
        "exam_date sample_date collected_at collection_time taken_at test_date"
    ),
    ListField.REPORTED: "报告时间 报告日期 审核时间 发布时间 reported_at report_date report_time",
    ListField.ITEM: (
        "项目 项目名称 检验项目 检查项目 检验项目名称 检查项目名称 指标 指标名称 item item_name test test_name analyte"
    ),
    ListField.ITEM_CODE: "项目代码 项目编码 项目编号 检验项目代码 指标代码 item_code test_code loinc code",
    ListField.VALUE: "结果 检验结果 检查结果 结果值 检测结果 测量值 数值 result value result_value",
    ListField.UNIT: "单位 结果单位 计量单位 unit units",
    ListField.REFERENCE: "参考范围 参考值 正常范围 参考区间 reference reference_range normal_range ref_range",
    ListField.SAMPLE_NUMBER: (
        "标本号 样本号 条码号 条形码 报告号 检验单号 申请单号 体检号 体检编号 sample_number specimen_number barcode "
        "order_number accession_number"
    ),
}

_MEDICINE_HEADERS: Mapping[ListField, str] = {
    ListField.DATE: (
        "发药日期 发药时间 取药日期 取药时间 配药日期 配药时间 购药日期 开药日期 开药时间 开方日期 开方时间 "
        "处方日期 处方时间 开立时间 "
        "dispensed_on dispense_date dispensed_at supply_date fill_date prescribed_on prescription_date"
    ),
    ListField.MEDICINE: (
        "药品 药品名称 药名 药物 药物名称 通用名 通用名称 药品通用名 商品名 "
        "drug drug_name medicine medicine_name medication medication_name generic_name"
    ),
    ListField.ATC: "atc atc编码 atc代码 atc码 atc_code",
    ListField.MEDICINE_CODE: (
        "药品编码 药品代码 药品编号 药品码 药物编码 药物代码 国家药品编码 药品本位码 "
        "drug_code medicine_code medication_code code"
    ),
    ListField.DOSE: "剂量 用量 单次剂量 单次用量 每次剂量 每次用量 dose dosage single_dose",
    ListField.SCHEDULE: (
        "用法 用法用量 频次 频率 用药频次 给药频次 服用方法 用药方法 schedule frequency sig directions instructions"
    ),
    ListField.DAYS: (
        "天数 用药天数 处方天数 开药天数 供药天数 发药天数 可用天数 服药天数 days days_supply days_supplied supply_days"
    ),
    ListField.DISPENSE_NUMBER: (
        "发药单号 发药号 取药号 取药号码 处方号 处方号码 处方编号 处方明细号 处方流水号 "
        "dispense_number dispense_id prescription_number prescription_id rx_number"
    ),
    ListField.UNTIL: "停药日期 停药时间 停用日期 停止日期 结束日期 until stopped_on stop_date end_date",
}

_OWN_HEADERS = {ListKind.EXAM: _EXAM_HEADERS, ListKind.MEDICINE: _MEDICINE_HEADERS}

_NOT_READ = frozenset({"错误errors", "序号", "编号", "no", "age", "年龄", "生产日期", "有效日期", "失效日期"})

Mapped = dict[str, str]


def tidy(header: str) -> str:
    """A header without width, case, blanks, brackets and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


@cache
def _known() -> Mapping[str, ListField]:
    known: dict[str, ListField] = {}
    for field, names in _HEADERS.items():
        for name in names.split():
            known.setdefault(tidy(name), field)
    return known


def named_headers(cells: Sequence[str]) -> list[str]:
    """Headers that can be told apart: an empty one gets its column's place, one that comes again a count."""
    seen: dict[str, int] = {}
    named: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = re.sub(r"[\s\x00]+", " ", cell).strip()[:100] or f"#{place}"
        seen[name] = seen.get(name, 0) + 1
        named.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return named


@cache
def _known_of(kind: ListKind | None) -> Mapping[str, ListField]:
    own = _OWN_HEADERS.get(kind, {}) if kind is not None else {}
    return {**_known(), **{tidy(name): field for field, names in own.items() for name in names.split()}}


def _nothing_is_measured(_header: str) -> bool:
    return False


def guess(
    header: Sequence[str],
    kind: ListKind,
    remembered: Mapping[str, str],
    measured: Callable[[str], bool] = _nothing_is_measured,
) -> Mapped:
    """Header → field: as remembered, else by name; each field once but for those of which there may be several.

    Of an exam's list a header that is `measured` is a result.
    """
    mapping: Mapped = {name: remembered[name] for name in header if name in remembered}
    for exactly in (True, False):
        for name in header:
            if mapping.get(name, IGNORED) == IGNORED and name not in remembered:
                field = _guessed(name, exactly=exactly, kind=kind)
                if exactly and field is None and kind is ListKind.EXAM and measured(name):
                    field = ListField.RESULT
                if field is not None and (field in REPEATABLE or field.value not in mapping.values()):
                    mapping[name] = field.value
                elif field is ListField.RECORD_NUMBER and exactly:
                    mapping[name] = _second_record_number(name, kind, mapping)
    return {name: mapping.get(name, IGNORED) for name in header}


def _second_record_number(name: str, kind: ListKind, mapping: Mapped) -> str:
    # 住院号 beside a record number counts one stay in many hospitals, so it is the visit's, never the person's.
    if tidy(name) == "住院号":
        free = kind.tells_of_a_visit and ListField.VISIT_NUMBER.value not in mapping.values()
        return ListField.VISIT_NUMBER.value if free else IGNORED
    return ListField.MEDICAL_RECORD.value


def _guessed(header: str, *, exactly: bool, kind: ListKind | None = None) -> ListField | None:
    name = tidy(re.sub(r" \(\d+\)$", "", header))
    if name in _NOT_READ:
        return None
    if exactly:
        known = _known_of(kind)
        return known.get(re.sub(r"\d+$", "", name)) or known.get(name)
    within = [known for known in _known() if len(known) > 1 and known in name and not known.isascii()]
    # 家属联系电话 holds 电话 too: the longest known word within a header says most.
    return _known()[max(within, key=len)] if within else None


def find_header(lines: Sequence[Line]) -> int:
    """Where among the lines the headers stand: the first of those with most known ones; 0 if none has two."""
    scores = [
        len({field for cell in line.cells if (field := _guessed(cell, exactly=True)) is not None})
        for line in lines[:HEADER_WITHIN]
    ]
    best = max(scores)
    return scores.index(best) if best >= 2 else 0


def best_list(found: Sequence[RawList]) -> RawList:
    """Of several sheets the one whose headers say most."""

    def known(raw: RawList) -> int:
        header = raw.lines[find_header(raw.lines)]
        return len({_guessed(cell, exactly=True) for cell in header.cells} - {None})

    return max(found, key=known)


def checked_mapping(header: Sequence[str], asked: Mapping[str, str]) -> Mapped:
    """A mapping as somebody wants it, for every header; ListRefusedError in words if it cannot be."""
    fields = {field.value for field in ListField}
    for name, field in asked.items():
        if name not in header:
            raise ListRefusedError(f"there is no column {name!r}; the columns are: {', '.join(header)}")
        if field not in fields and field != IGNORED:
            raise ListRefusedError(f"{field!r} is nothing a list is read for; choose of: {', '.join(sorted(fields))}")
    chosen = [field for field in asked.values() if field != IGNORED]
    for field in set(chosen):
        if chosen.count(field) > 1 and ListField(field) not in REPEATABLE:
            raise ListRefusedError(f"two columns are mapped to {field}; only one can be")
    return {name: asked.get(name, IGNORED) for name in header}


def missing(mapping: Mapping[str, str], kind: ListKind) -> list[str]:
    """What must have a column and has none."""
    mapped = set(mapping.values())
    wanted = [] if ListField.NAME in mapped else [ListField.NAME.value]
    if kind.tells_of_a_visit:
        wanted += [field.value for field in (ListField.DATE, ListField.DEPARTMENT) if field not in mapped]
    elif kind is ListKind.EXAM:
        wanted += _missing_of_exam(mapped)
    elif kind is ListKind.MEDICINE:
        wanted += [field.value for field in (ListField.MEDICINE, ListField.DATE) if field not in mapped]
    elif not mapped & {ListField.PHONE, ListField.RELATIVE_PHONE}:
        wanted.append(ListField.PHONE.value)
    if not mapped & {*IDENTIFYING, ListField.PHONE, ListField.RELATIVE_PHONE}:
        wanted.append(ListField.RECORD_NUMBER.value)
    return wanted


def _missing_of_exam(mapped: Collection[str]) -> list[str]:
    wanted = [] if ListField.DATE in mapped else [ListField.DATE.value]
    if ListField.RESULT in mapped:
        return wanted
    if ListField.VALUE not in mapped:
        return [*wanted, ListField.RESULT.value]
    named = ListField.ITEM in mapped or ListField.ITEM_CODE in mapped
    return wanted if named else [*wanted, ListField.ITEM.value]
