"""Five years of a made-up hospital as its systems tell of them: people, visits and laboratory orders, always the same.

Of each person: registered, admitted, discharged, and then an order of twelve results every half year, or every year.
One order in a hundred holds a code that nobody can place.
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from tests.support.feeds import adt, obx, oru, pid, segment

ORDERS = 10
RESULTS = 12
ADMITTING = 3
MESSAGES = ADMITTING + ORDERS
BEGAN = datetime(2021, 10, 1, 1, tzinfo=UTC)
UNPLACED_EACH = 100

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈"
_GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉华飞红建国文辉力志永健世广"
_DEPARTMENTS = ("心内科", "内分泌科", "肾内科", "神经内科", "呼吸科", "全科", "骨科", "产科")
_DIAGNOSES = (("I10", "原发性高血压"), ("E11.9", "2型糖尿病"), ("N18.3", "慢性肾脏病3期"), ("I25.1", "冠心病"))
_MEASURED = (
    # LOINC, name, unit, lowest, highest, decimals
    ("8480-6", "收缩压", "mm[Hg]", 105, 178, 0),
    ("8462-4", "舒张压", "mm[Hg]", 60, 104, 0),
    ("8867-4", "心率", "/min", 54, 100, 0),
    ("29463-7", "体重", "kg", 45, 98, 1),
    ("4548-4", "糖化血红蛋白", "%", 4.9, 10.2, 1),
    ("2160-0", "肌酐", "umol/L", 48, 180, 0),
    ("2823-3", "钾", "mmol/L", 3.4, 5.4, 2),
    ("2951-2", "钠", "mmol/L", 134, 146, 0),
    ("718-7", "血红蛋白", "g/L", 95, 165, 0),
    ("FPG", "空腹血糖", "mmol/L", 4.1, 12.4, 1),
    ("TC", "总胆固醇", "mmol/L", 2.9, 7.4, 2),
    ("LDL-C", "低密度脂蛋白胆固醇", "mmol/L", 1.1, 5.2, 2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is told of each person: who he is, with or without his stay, and which of the orders."""

    stays: bool = True
    orders: range = range(ORDERS)

    @property
    def messages(self) -> int:
        """How many messages of each person."""
        return (ADMITTING if self.stays else 1) + len(self.orders)

    @property
    def results(self) -> int:
        """How many results of each person."""
        return len(self.orders) * RESULTS


WHOLE = Past()
EACH_YEAR = range(0, ORDERS, 2)


def record_number(person: int) -> str:
    """What the hospital calls a person."""
    return f"L{person:07d}"


def messages_of(people: range, *, by_time: bool = True, past: Past = WHOLE) -> Iterator[str]:
    """Every message of these people: first who they are, then the orders, of all by time or of one after the other."""
    for person in people:
        yield from islice(admitting_messages(person), None if past.stays else 1)
    if by_time:
        for order in past.orders:
            for person in people:
                yield order_message(person, order)
        return
    for person in people:
        for order in past.orders:
            yield order_message(person, order)


def admitting_messages(person: int) -> Iterator[str]:
    """Registered, admitted, discharged: five years ago, so that nobody is called for it."""
    dice = random.Random(person)  # noqa: S311 not for secrets
    department = dice.choice(_DEPARTMENTS)
    code, name = dice.choice(_DIAGNOSES)
    begins = BEGAN + timedelta(hours=dice.randrange(24 * 60))
    who = _pid(person, dice)
    illness = segment("DG1", {1: "1", 3: f"{code}^{name}^I10", 6: "F", 15: "1"})
    ends = begins + timedelta(days=dice.randrange(3, 12))
    yield adt("A04", f"R{person}", at=begins - timedelta(hours=2), person=who, visit=f"O{person}", patient_class="O")
    yield adt("A01", f"A{person}", at=begins, person=who, visit=f"V{person}", department=department, admitted=begins)
    yield adt(
        "A03",
        f"D{person}",
        at=ends,
        person=who,
        visit=f"V{person}",
        department=department,
        admitted=begins,
        discharged=ends,
        others=[illness],
    )


def order_message(person: int, order: int) -> str:
    """The results of one half year."""
    at, values = _measured(person, order)
    lines = [
        obx(code, value, unit, line=line, name=name)
        for line, ((code, name, unit, *_), value) in enumerate(zip(_MEASURED, values, strict=True), start=1)
    ]
    if (person * ORDERS + order) % UNPLACED_EACH == 0:
        lines[-1] = obx("LAB-77", values[-1], "mmol/L", line=RESULTS, name="院内代码77")
    who = f"PID|1||{record_number(person)}^^^HAILAN^MR||{name_of(person)}"
    return oru(f"L{person}-{order}", *lines, at=at, person=who, order=f"{person}-{order}")


def numbers_of_results(people: range, *, past: Past = WHOLE) -> tuple[int, int]:
    """How many results of these people have a place, and how many wait for somebody's word."""
    waiting = sum((person * ORDERS + order) % UNPLACED_EACH == 0 for person in people for order in past.orders)
    return len(people) * past.results - waiting, waiting


def write_messages(file: Path, people: range, *, by_time: bool = True, past: Past = WHOLE) -> int:
    """The messages one behind the other, as an interface engine exports them; how many."""
    count = 0
    with file.open("w", encoding="utf-8", newline="") as written:
        for text in messages_of(people, by_time=by_time, past=past):
            written.write(text)
            written.write("\n")
            count += 1
    return count


def write_exams(file: Path, people: range, *, orders: range) -> int:
    """A list of exams, a person and an order in each row with a column for each result; how many rows."""
    headers = ["病案号", "姓名", "出生日期", "性别", "体检日期", "体检号"]
    headers += [f"{name}({unit.replace('mm[Hg]', 'mmHg')})" for _, name, unit, *_ in _MEASURED]
    rows = 0
    with file.open("w", encoding="utf-8", newline="") as written:
        table = csv.writer(written)
        table.writerow(headers)
        for order in orders:
            for person in people:
                at, values = _measured(person, order)
                born, male = _birth(person)
                sex = "男" if male else "女"
                who = [record_number(person), name_of(person), born.replace("/", "-"), sex]
                table.writerow([*who, f"{at:%Y-%m-%d %H:%M}", f"T{person}-{order}", *values])
                rows += 1
    return rows


def name_of(person: int) -> str:
    """A name that several others have too."""
    dice = random.Random(f"name {person}")  # noqa: S311 not for secrets
    return dice.choice(_SURNAMES) + "".join(dice.choices(_GIVEN, k=dice.choice((1, 2, 2))))


def _pid(person: int, dice: random.Random) -> str:
    born, male = _birth(person)
    phone = f"1{dice.choice('3578')}{person:09d}"[:11]
    return pid(
        record_number(person),
        name=name_of(person),
        born=born.replace("/", ""),
        sex="M" if male else "F",
        phone=phone,
    )


def _birth(person: int) -> tuple[str, bool]:
    dice = random.Random(f"birth {person}")  # noqa: S311 not for secrets
    return f"{dice.randrange(1936, 1990)}/{dice.randrange(1, 13):02d}/{dice.randrange(1, 29):02d}", dice.random() < 0.5


def _measured(person: int, order: int) -> tuple[datetime, list[str]]:
    dice = random.Random(f"order {person} {order}")  # noqa: S311 not for secrets
    at = BEGAN + timedelta(days=90 + order * 180, minutes=dice.randrange(60 * 24 * 60))
    # The last half year ends before today, and so long before that nobody is alarmed.
    values = [f"{dice.uniform(low, high):.{decimals}f}" for *_, low, high, decimals in _MEASURED]
    return at, values
