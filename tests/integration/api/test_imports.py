"""Lists by the API: sent, previewed, mapped, decided, applied, corrected, taken back; and who may do that."""

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from db.users import Role
from interop.lists.applying import apply_import
from interop.lists.undoing import undo_import
from tests.integration.api.house import Asking, House
from tests.support.lists import HEADER, SURROUNDINGS, as_csv, as_xlsx, discharge, id_number


@pytest.fixture
def registrar(house: House) -> Asking:
    return house.caller(Role.REGISTRAR)


def send(asking: Asking, content: bytes, query: str = "kind=discharge", *, key: str | None = "new") -> Any:
    return asking.post(f"/imports?{query}", None, content=content, key=key)


def test_a_list_goes_from_file_to_patients_and_back(house: House, registrar: Asking, agent: Asking) -> None:
    card = id_number(3)
    rows = [discharge(place) for place in range(4)] + [discharge(9, 联系电话="12")]
    rows[1] = discharge(1, 身份证号=card)
    sent = send(registrar, as_xlsx(rows), "kind=discharge&source=HIS&file_name=list.xlsx")
    assert sent.status_code == 201, sent.text
    made = sent.json()
    assert (made["state"], made["total"], made["counts"]["ready"], made["counts"]["bad"]) == ("checked", 5, 4, 1)
    assert made["columns"][4] == {"header": "联系电话", "field": "phone"}

    seen = registrar.get(f"/imports/{made['id']}/preview").json()
    assert seen["rows"][1]["understood"]["identifiers"] == {"id_card": "*" * 14 + card[-4:]}
    assert card not in str(seen)
    assert seen["rows"][4]["faults"][0]["code"] == "number_short"
    assert agent.post("/patients/search", {"containing": "测试"}).json()["patients"] == []

    told = registrar.post(f"/imports/{made['id']}/apply").json()
    assert (told["state"], told["percent"]) == ("applying", 0)
    assert registrar.post(f"/imports/{made['id']}/apply").json()["code"] == "not_possible_now"
    apply_import(house.units, made["id"], SURROUNDINGS)
    done = registrar.get(f"/imports/{made['id']}").json()
    assert (done["state"], done["percent"], done["counts"]["applied"], done["counts"]["bad"]) == ("applied", 100, 4, 1)
    assert len(agent.post("/patients/search", {"containing": "测试"}).json()["patients"]) == 4

    file = registrar.get(f"/imports/{made['id']}/errors")
    sheet = openpyxl.load_workbook(io.BytesIO(file.content)).worksheets[0]
    told_rows = list(sheet.iter_rows(values_only=True))
    assert told_rows[0] == (*HEADER, "错误/errors")
    assert told_rows[1][4] == "12"
    corrected = [["" if cell is None else str(cell) for cell in told_rows[1]]]
    corrected[0][4] = "13800000009"
    again = send(registrar, as_xlsx(corrected, header=[str(cell) for cell in told_rows[0]])).json()
    assert again["counts"]["ready"] == 1

    assert registrar.post(f"/imports/{made['id']}/undo").json()["state"] == "undoing"
    undo_import(house.units, made["id"])
    assert registrar.get(f"/imports/{made['id']}").json()["counts"]["undone"] == 4
    assert agent.post("/patients/search", {"containing": "测试"}).json()["patients"] == []
    with house.units.engine.connect() as connection:
        actions = connection.execute(
            text("SELECT DISTINCT action FROM audit_log WHERE subject_kind = 'import' AND subject = :id"),
            {"id": made["id"]},
        ).scalars()
        assert set(actions) == {
            "import_received",
            "import_viewed",
            "import_applied",
            "import_errors_taken",
            "import_undone",
        }


def test_columns_are_mapped_by_hand_and_remembered_for_the_source(registrar: Asking) -> None:
    header = ("一", "二", "三", "四", "五")
    rows = [["A1", "李一", "13800000001", "心内科", "2026-11-20"]]
    made = send(registrar, as_csv(rows, header=header), "kind=discharge&source=east").json()
    assert (made["state"], made["missing"]) == ("read", ["name", "date", "department", "record_number"])
    assert registrar.post(f"/imports/{made['id']}/apply").json()["code"] == "not_possible_now"
    address = f"/imports/{made['id']}/mapping"
    mapping = dict(zip(header, ("record_number", "name", "phone", "department", "date"), strict=True))
    assert "no column" in registrar.put(address, {"mapping": {"六": "name"}}).json()["reason"]
    assert "choose of" in registrar.put(address, {"mapping": {"一": "shoe_size"}}).json()["reason"]
    assert "only one" in registrar.put(address, {"mapping": {"一": "name", "二": "name"}}).json()["reason"]
    mapped = registrar.put(address, {"mapping": mapping}).json()
    assert (mapped["state"], mapped["counts"]["ready"]) == ("checked", 1)
    again = send(registrar, as_csv(rows, header=header), "kind=discharge&source=east").json()
    assert again["counts"]["ready"] == 1
    elsewhere = send(registrar, as_csv(rows, header=header), "kind=discharge&source=west").json()
    assert elsewhere["state"] == "read"


def test_rows_of_another_system_come_as_json_and_may_be_applied_at_once(house: House, registrar: Asking) -> None:
    row = {"mrn": "B1", "name": "王五", "phone": "13800000001", "department": "骨科", "date": "2026-11-21 09:00"}
    sent = registrar.post("/imports/rows", {"kind": "discharge", "apply": True, "rows": [row, {**row, "mrn": "B2"}]})
    assert sent.status_code == 201, sent.text
    made = sent.json()
    assert (made["state"], made["counts"]["undecided"]) == ("applying", 1)
    apply_import(house.units, made["id"], SURROUNDINGS)

    (undecided,) = registrar.get(f"/imports/{made['id']}/rows?state=undecided").json()["rows"]
    decide = f"/imports/{made['id']}/rows/{undecided['line']}/decision"
    assert "choose one of" in registrar.put(decide, {"decision": "line:99"}).json()["reason"]
    assert registrar.put(decide, {"decision": "new"}).json()["counts"]["ready"] == 1
    assert registrar.put(decide, {"decision": "new"}).json()["code"] == "not_possible_now"
    assert registrar.put(f"/imports/{made['id']}/rows/77/decision", {"decision": "new"}).json()["code"] == "unknown_row"
    registrar.post(f"/imports/{made['id']}/apply")
    apply_import(house.units, made["id"], SURROUNDINGS)
    assert registrar.get(f"/imports/{made['id']}").json()["counts"]["applied"] == 2


def test_what_is_no_list_is_refused_in_words(registrar: Asking) -> None:
    for content, query, field in (
        (b"", "kind=discharge", "body"),
        (b"<html><table></table></html>", "kind=discharge", "body"),
        (b"PK\x03\x04 nothing", "kind=discharge", "body"),
        (as_csv([discharge(1)]), "kind=discharge&template=NONE", "body"),
        (as_csv([discharge(1)]), "kind=other", "kind"),
        (as_csv([discharge(1)]), "kind=discharge&area_code=x", "area_code"),
    ):
        problem = send(registrar, content, query).json()
        assert (problem["status"], field in problem["field"]) == (422, True), problem


def test_a_list_may_be_large_and_is_sent_once(registrar: Asking) -> None:
    content = as_csv([[*discharge(place), "x" * 25_000] for place in range(50)], header=(*HEADER, "备注"))
    first = send(registrar, content, key="one")
    assert first.status_code == 201
    assert send(registrar, content, key="one").json() == first.json()
    assert len(registrar.get("/imports").json()["imports"]) == 1
    assert send(registrar, b"x" * (33 * 1024 * 1024)).status_code == 413


def test_only_registrars_and_supervisors_bring_lists_in(house: House, agent: Asking, supervisor: Asking) -> None:
    assert send(agent, as_csv([discharge(1)])).status_code == 403
    made = send(supervisor, as_csv([discharge(1)])).json()
    assert agent.get(f"/imports/{made['id']}/preview").status_code == 403
    assert house.caller(Role.REGISTRAR).get("/patients").status_code == 403
    page = supervisor.get(f"/imports?before={made['id']}").json()
    assert page == {"imports": [], "next": None}


def test_medicines_come_as_rows_of_a_pharmacys_system_and_cover_days(house: House, registrar: Asking) -> None:
    with house.units() as uow:
        day = (uow.now - timedelta(days=60)).date().isoformat()
    row = {"mrn": "D1", "name": "测试", "drug_name": "阿托伐他汀", "atc": "C10AA05", "date": day, "days": "30"}
    ask = {"kind": "medicine", "source": "pharmacy", "apply": True, "rows": [{**row, "sig": "20 mg qn"}]}
    sent = registrar.post("/imports/rows", ask)
    assert sent.status_code == 201, sent.text
    (seen,) = registrar.get(f"/imports/{sent.json()['id']}/preview").json()["rows"]
    assert (seen["understood"]["medicine"]["days"], seen["understood"]["medicine"]["schedule"]) == (30, "20 mg qn")
    apply_import(house.units, sent.json()["id"], SURROUNDINGS)
    (written,) = registrar.get(f"/imports/{sent.json()['id']}/rows").json()["rows"]
    kept = house.caller(Role.AGENT).get(f"/patients/{written['patient_id']}/medicines").json()
    assert [(each["basis"], each["source"]) for each in kept["medicines"]] == [("prescribed", "list:pharmacy")]
    assert kept["coverage"][0]["days_covered"] == 30
