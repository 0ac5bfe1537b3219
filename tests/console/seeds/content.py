"""Lists of every state, messages of the hospital's systems with some set aside, and codes that wait for a meaning."""

from db.users import Role
from interop.lists.applying import apply_import
from tests.integration.api.house import Asking, House
from tests.support.feeds import adt, ago, bring, obx, oru, pid
from tests.support.lists import SURROUNDINGS, as_csv, as_xlsx, discharge

LONG_NAME = "阿卜杜拉赫曼·买买提依明·库尔班江"


def seed(house: House) -> None:
    """Fill it."""
    registrar = house.caller(Role.REGISTRAR)
    written = send(registrar, as_xlsx([discharge(place) for place in range(60)]), "出院名单.xlsx")
    registrar.post(f"/imports/{written}/apply")
    apply_import(house.units, written, SURROUNDINGS)
    rows = [discharge(100 + place) for place in range(40)]
    rows[3] = discharge(103, 联系电话="12")
    rows[4] = discharge(104, 姓名=LONG_NAME, 联系电话="010 8888 6666")
    rows[5] = discharge(105, 出院日期="昨天")
    rows[6] = discharge(106, 姓名="")
    rows[7] = discharge(107, 姓名="测试1", 联系电话="13800000001")
    send(registrar, as_xlsx(rows), "心血管内科与心脏康复中心出院患者名单（第四十七周，含转科）.xlsx")
    send(
        registrar,
        as_csv([["X1", "李一", "13800009999", "心内科"]], header=("一", "二", "三", "四")),
        "columns.csv",
        "east",
    )
    bring(
        house.units,
        adt("A04", "c0", at=ago(hours=9), person=pid("C0"), visit=""),
        oru("c1", obx("4548-4", "7.2", "%"), at=ago(hours=8), person=pid("C1")),
        oru("c2", obx("4548-4", "7.2", "%"), at=ago(hours=7), person=pid("C2")),
        *(
            oru(f"u{place}", obx(f"HOUSE-{place % 3}", f"{place}.5", "U"), at=ago(hours=6), person=pid("C0"))
            for place in range(6)
        ),
    )


def send(asking: Asking, content: bytes, name: str, source: str = "HIS") -> str:
    """A list sent in; its id."""
    sent = asking.post(f"/imports?kind=discharge&source={source}&file_name={name}", None, content=content)
    assert sent.status_code == 201, sent.text
    made: str = sent.json()["id"]
    return made
