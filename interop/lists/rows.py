"""What one row says, or why it cannot be taken: a pure reading of its cells under the list's mapping."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import available_timezones

from care.consent import ConsentScope
from care.identifiers import IdCard, IdentifierKind, IdNumberRefusedError, id_card
from care.patients import NumberOwner
from db.listed_people import RECORD_NUMBER, Key
from followup.imports import ListKind
from interop.lists.columns import IGNORED, ListField
from interop.lists.dates import DateRefusedError, WrittenDate, read_date, read_time
from interop.lists.faults import Code, Fault, fault
from interop.lists.listed import (
    ListedExam,
    ListedMedicine,
    ListedNumber,
    ListedPerson,
    ListedResult,
    ListedVisit,
    ListRules,
)
from interop.lists.supplies import ATC, days_supplied
from runtime.phone_numbers import NumberFault, read_numbers

T = TypeVar("T")

_YEAR = timedelta(days=366)
_SLACK = timedelta(days=1)
_NOON = time(12)  # of a discharge whose hour is not written
_OLDEST = date(1900, 1, 1)
_ROUNDED = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
_CELL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"})
_IN_BRACKETS = re.compile(r"(?P<name>[^(\[【]+)[(\[【](?P<within>[^)\]】]+)[)\]】](?: \(\d+\))?")
_NOTHING = frozenset({"", "无", "不详", "未知", "暂无", "-", "--", "/", "n/a", "na", "null", "none", "nil"})
_SELF = frozenset(
    {"", "本人", "患者", "患者本人", "自己", "self", "patient", "手机", "mobile", "电话", "phone", "tel", "家", "home"}
)
_SEXES = {
    "男": "male", "男性": "male", "m": "male", "male": "male", "1": "male",
    "女": "female", "女性": "female", "f": "female", "female": "female", "2": "female",
    "其他": "other", "other": "other", "未知": "unknown", "unknown": "unknown", "0": "unknown", "9": "unknown",
}  # fmt: skip
_LANGUAGES = {
    "zh": "zh", "zh-cn": "zh", "中文": "zh", "汉语": "zh", "普通话": "zh", "国语": "zh", "chinese": "zh",
    "mandarin": "zh",
    "en": "en", "英文": "en", "英语": "en", "english": "en",
}  # fmt: skip
_YES = frozenset({"是", "同意", "y", "yes", "true", "1", "已同意", "√"})
_NO = frozenset({"否", "不同意", "拒绝", "n", "no", "false", "0", "×"})
_NUMBER_FAULTS = {
    NumberFault.LOST_DIGITS: Code.LOST_DIGITS,
    NumberFault.SHORT: Code.NUMBER_SHORT,
    NumberFault.AREA_CODE: Code.NUMBER_AREA_CODE,
    NumberFault.INVALID: Code.NUMBER_INVALID,
}
_ID_FAULTS = {
    "lost_digits": Code.LOST_DIGITS,
    "form": Code.ID_FORM,
    "birth": Code.ID_BIRTH,
    "checksum": Code.ID_CHECKSUM,
}
_DATE_FAULTS = {
    "unknown_form": Code.DATE_FORM,
    "ambiguous": Code.DATE_AMBIGUOUS,
    "no_such_day": Code.NO_SUCH_DAY,
    "no_such_time": Code.NO_SUCH_TIME,
}
_LENGTHS = {
    ListField.NAME: 200,
    ListField.DEPARTMENT: 100,
    ListField.WARD: 100,
    ListField.DOCTOR: 100,
    ListField.DIALECT: 40,
    ListField.MEDICINE: 120,
    ListField.DOSE: 200,
    ListField.SCHEDULE: 300,
}
_IDENTIFIER_KINDS = {
    ListField.INSURANCE: IdentifierKind.INSURANCE,
    ListField.PASSPORT: IdentifierKind.PASSPORT,
    ListField.MEDICAL_RECORD: IdentifierKind.MEDICAL_RECORD,
}


def understand(line: int, cells: Sequence[str], rules: ListRules) -> ListedPerson | tuple[Fault, ...]:
    """The person and visit of a row, or every reason why it cannot be taken."""
    return _Reading(line, cells, rules).read()


def name_and_unit(header: str) -> tuple[str, str]:
    """What a column's header names, and what stands in brackets behind it: the unit, as a rule."""
    match = _IN_BRACKETS.fullmatch(unicodedata.normalize("NFKC", header).strip())
    return (match["name"].strip(), match["within"].strip()) if match else (header.strip(), "")


class _Reading:
    """One row being read; faults gather."""

    def __init__(self, line: int, cells: Sequence[str], rules: ListRules) -> None:
        self._line = line
        self._rules = rules
        self._faults: list[Fault] = []
        self._remarks: list[Fault] = []
        self._columns: dict[ListField, list[tuple[str, str]]] = {}
        for header, cell in zip(rules.header, cells, strict=False):
            field = rules.mapping.get(header, IGNORED)
            text = cell.strip()
            if field == IGNORED or text.casefold() in _NOTHING:
                continue
            if text in _CELL_ERRORS:
                self._faults.append(fault(header, Code.CELL_ERROR))
            else:
                self._columns.setdefault(ListField(field), []).append((header, text))

    def read(self) -> ListedPerson | tuple[Fault, ...]:
        """The row."""
        name = self._text(ListField.NAME)
        if name is None:
            self._fault(ListField.NAME, Code.NO_NAME)
        card = self._id_card()
        born, sex = self._born(card), self._sex(card)
        keys = self._keys(card)
        numbers = self._numbers()
        visit = self._visit() if self._rules.kind.tells_of_a_visit else None
        exam = self._exam() if self._rules.kind is ListKind.EXAM else None
        medicine = self._medicine() if self._rules.kind is ListKind.MEDICINE else None
        if not keys and self._rules.kind is not ListKind.NUMBERS and not self._faults:
            self._faults.append(fault("", Code.NO_IDENTITY))
        if self._rules.kind is ListKind.NUMBERS and not numbers and not self._number_faults():
            self._fault(ListField.PHONE, Code.NO_NUMBER)
        language = self._chosen(ListField.LANGUAGE, _LANGUAGES.get, Code.UNKNOWN_LANGUAGE)
        zone = self._one(ListField.ZONE)
        if zone is not None and zone not in available_timezones():
            self._fault(ListField.ZONE, Code.UNKNOWN_ZONE)
        dialect = self._text(ListField.DIALECT)
        template = self._template(visit)
        consents = self._consents()
        if self._faults:
            return tuple(self._faults)
        return ListedPerson(
            line=self._line,
            name=name or "",
            keys=keys,
            born=born,
            sex=sex,
            language=language,
            dialect=dialect,
            zone=zone,
            numbers=numbers,
            visit=visit,
            exam=exam,
            medicine=medicine,
            template_id=template,
            consents=consents,
            remarks=tuple(self._remarks),
        )

    def _fault(self, field: ListField, code: Code) -> None:
        self._faults.append(fault(self._header(field), code))

    def _header(self, field: ListField) -> str:
        return next((header for header, mapped in self._rules.mapping.items() if mapped == field.value), field.value)

    def _one(self, field: ListField) -> str | None:
        found = self._columns.get(field)
        return found[0][1] if found else None

    def _text(self, field: ListField) -> str | None:
        found = self._one(field)
        if found is None:
            return None
        text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", found)).strip()
        if len(text) > _LENGTHS[field]:
            self._fault(field, Code.TOO_LONG)
            return None
        return text or None

    def _chosen(self, field: ListField, choose: Callable[[str], T | None], otherwise: Code) -> T | None:
        text = self._one(field)
        if text is None:
            return None
        choice = choose(unicodedata.normalize("NFKC", text).strip().casefold())
        if choice is None:
            self._fault(field, otherwise)
        return choice

    def _id_card(self) -> IdCard | None:
        text = self._one(ListField.ID_CARD)
        if text is None:
            return None
        try:
            return id_card(unicodedata.normalize("NFKC", text))
        except IdNumberRefusedError as refusal:
            self._fault(ListField.ID_CARD, _ID_FAULTS[refusal.code])
            return None

    def _born(self, card: IdCard | None) -> date | None:
        written = self._date(ListField.BORN)
        born = written.day if written else card.born if card else None
        if born is not None and not _OLDEST <= born <= self._rules.now.astimezone(self._rules.zone).date():
            self._fault(ListField.BORN, Code.BIRTH_IMPOSSIBLE)
        elif written and card and written.day != card.born:
            self._fault(ListField.BORN, Code.BIRTH_DIFFERS)
        return born

    def _sex(self, card: IdCard | None) -> str | None:
        sex = self._chosen(ListField.SEX, _SEXES.get, Code.UNKNOWN_SEX)
        if card and sex in {"male", "female"} and sex != card.sex:
            self._fault(ListField.SEX, Code.SEX_DIFFERS)
        return card.sex if card and sex in {None, "unknown"} else sex

    def _keys(self, card: IdCard | None) -> tuple[Key, ...]:
        keys: list[Key] = []
        if (number := self._number_of(ListField.RECORD_NUMBER)) is not None:
            keys.append((RECORD_NUMBER, number))
        if card is not None:
            keys.append((IdentifierKind.ID_CARD.value, card.number))
        for field, kind in _IDENTIFIER_KINDS.items():
            keys += [
                (kind.value, number)
                for header, text in self._columns.get(field, [])
                if (number := self._written_number(header, text)) is not None
            ]
        return tuple(dict.fromkeys(keys))

    def _number_of(self, field: ListField) -> str | None:
        found = self._columns.get(field)
        return self._written_number(*found[0]) if found else None

    def _written_number(self, header: str, text: str) -> str | None:
        number = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()
        number = re.sub(r"(?<=^\d)(\d*)\.0+$", r"\1", number)
        if _ROUNDED.fullmatch(number):
            self._faults.append(fault(header, Code.LOST_DIGITS))
            return None
        if len(number) > 64:
            self._faults.append(fault(header, Code.TOO_LONG))
            return None
        return number

    def _numbers(self) -> tuple[ListedNumber, ...]:
        found: dict[str, ListedNumber] = {}
        relation = self._one(ListField.RELATION) or ""
        for field in (ListField.PHONE, ListField.RELATIVE_PHONE):
            for header, text in self._columns.get(field, []):
                cell = read_numbers(text, area_code=self._rules.area_code)
                for number in cell.numbers:
                    of_relative = field is ListField.RELATIVE_PHONE
                    words = number.words[:80] or (relation[:80] if of_relative else "")
                    is_self = not of_relative and words.casefold() in _SELF
                    label = " ".join(part for part in (words, number.extension and f"转{number.extension}") if part)
                    found.setdefault(
                        number.number,
                        ListedNumber(
                            number=number.number,
                            owner=NumberOwner.SELF if is_self else NumberOwner.RELATIVE,
                            label=label,
                        ),
                    )
                self._remarks += [fault(header, _NUMBER_FAULTS[each]) for each in cell.faults]
        if not found and self._remarks:
            # Nothing is left to dial: what would be a remark beside another number is why the row cannot be taken.
            self._faults += self._remarks
        return tuple(found.values())

    def _number_faults(self) -> bool:
        return bool(self._remarks)

    def _date(self, field: ListField) -> WrittenDate | None:
        text = self._one(field)
        if text is None:
            return None
        try:
            return read_date(text)
        except DateRefusedError as refusal:
            self._fault(field, _DATE_FAULTS[refusal.code])
            return None

    def _hour(self) -> time | None:
        text = self._one(ListField.TIME)
        if text is None:
            return None
        try:
            return read_time(text)
        except DateRefusedError as refusal:
            self._fault(ListField.TIME, _DATE_FAULTS[refusal.code])
            return None

    def _visit(self) -> ListedVisit | None:
        department = self._text(ListField.DEPARTMENT)
        if department is None:
            self._fault(ListField.DEPARTMENT, Code.NO_DEPARTMENT)
        if self._one(ListField.DATE) is None:
            self._fault(ListField.DATE, Code.NO_DATE)
        written, hour = self._date(ListField.DATE), self._hour()
        number, ward, doctor = (
            self._number_of(ListField.VISIT_NUMBER),
            self._text(ListField.WARD),
            self._text(ListField.DOCTOR),
        )
        if written is None:
            return None
        hour = hour or written.hour
        if hour is None and self._rules.kind is ListKind.APPOINTMENT:
            self._fault(ListField.DATE, Code.NO_HOUR)
        occurred_at = datetime.combine(written.day, hour or _NOON, self._rules.zone)
        if (code := self._impossible(occurred_at)) is not None:
            self._fault(ListField.DATE, code)
        return ListedVisit(
            department=department or "",
            occurred_at=occurred_at,
            on_day=written.day,
            number=number,
            ward=ward,
            doctor=doctor,
        )

    def _exam(self) -> ListedExam | None:
        if self._one(ListField.DATE) is None:
            self._fault(ListField.DATE, Code.NO_DATE)
        written, hour, reported = self._date(ListField.DATE), self._hour(), self._date(ListField.REPORTED)
        results = self._results()
        if not results:
            self._faults.append(fault("", Code.NO_RESULT))
        if written is None:
            return None
        taken_at = datetime.combine(written.day, hour or written.hour or _NOON, self._rules.zone)
        if taken_at > self._rules.now + _SLACK:
            self._fault(ListField.DATE, Code.EXAM_AHEAD)
        if written.day < _OLDEST:
            self._fault(ListField.DATE, Code.LONG_AGO)
        return ListedExam(
            taken_at=taken_at,
            issued_at=datetime.combine(reported.day, reported.hour or _NOON, self._rules.zone) if reported else None,
            sample=self._number_of(ListField.SAMPLE_NUMBER),
            results=results,
        )

    def _results(self) -> tuple[ListedResult, ...]:
        """The row's own result, and those of its columns whose headers are what was measured."""
        found = []
        value, item, code = (self._one(each) for each in (ListField.VALUE, ListField.ITEM, ListField.ITEM_CODE))
        if value is not None and (item or code):
            found.append(
                ListedResult(
                    header=self._header(ListField.VALUE),
                    code=code or "",
                    name=item or "",
                    value=value,
                    unit=self._one(ListField.UNIT) or "",
                    reference=self._one(ListField.REFERENCE) or "",
                )
            )
        for header, text in self._columns.get(ListField.RESULT, []):
            name, within = name_and_unit(header)
            found.append(ListedResult(header=header, code=name, name=header, value=text, unit=within, reference=""))
        return tuple(found)

    def _medicine(self) -> ListedMedicine | None:
        name, dose, schedule = (self._text(each) for each in (ListField.MEDICINE, ListField.DOSE, ListField.SCHEDULE))
        atc, code, number = (
            self._number_of(each) for each in (ListField.ATC, ListField.MEDICINE_CODE, ListField.DISPENSE_NUMBER)
        )
        if name is None and ListField.MEDICINE not in self._columns:
            self._fault(ListField.MEDICINE, Code.NO_MEDICINE)
        if atc is not None and not ATC.fullmatch(atc):
            self._fault(ListField.ATC, Code.ATC_FORM)
        days = self._chosen(ListField.DAYS, days_supplied, Code.DAYS_FORM)
        if self._one(ListField.DATE) is None:
            self._fault(ListField.DATE, Code.NO_DATE)
        written, until = self._date(ListField.DATE), self._date(ListField.UNTIL)
        if written is None:
            return None
        if written.day > self._rules.now.astimezone(self._rules.zone).date():
            self._fault(ListField.DATE, Code.MEDICINE_AHEAD)
        if written.day < _OLDEST:
            self._fault(ListField.DATE, Code.LONG_AGO)
        if until is not None and until.day < written.day:
            self._fault(ListField.UNTIL, Code.ENDS_BEFORE)
        return ListedMedicine(
            name=name or "",
            atc=atc or "",
            code=code or "",
            dose=dose or "",
            schedule=schedule or "",
            on_day=written.day,
            until=until.day if until else None,
            days=days,
            number=number,
        )

    def _impossible(self, occurred_at: datetime) -> Code | None:
        now = self._rules.now
        if self._rules.kind is ListKind.DISCHARGE:
            return Code.NOT_YET if occurred_at > now + _SLACK else Code.TOO_OLD if occurred_at < now - _YEAR else None
        return Code.PAST if occurred_at < now else Code.TOO_FAR if occurred_at > now + 2 * _YEAR else None

    def _template(self, visit: ListedVisit | None) -> str | None:
        template = self._one(ListField.TEMPLATE)
        if template is not None and template not in self._rules.templates:
            self._fault(ListField.TEMPLATE, Code.UNKNOWN_TEMPLATE)
        return (template or self._rules.template_id) if visit else None

    def _consents(self) -> tuple[tuple[ConsentScope, bool], ...]:
        def agreed(text: str) -> bool | None:
            return True if text in _YES else False if text in _NO else None

        said = (
            (ConsentScope.PHONE, self._chosen(ListField.CONSENT, agreed, Code.UNKNOWN_CONSENT)),
            (ConsentScope.AUTOMATED_PHONE, self._chosen(ListField.CONSENT_AUTOMATED, agreed, Code.UNKNOWN_CONSENT)),
        )
        return tuple((scope, granted) for scope, granted in said if granted is not None)
