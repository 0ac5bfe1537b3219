"""Scenario S7: a card is opened, three years of results come from three sources, and a signed report lies on paper.

P4 is the man of the scenarios; every number of his comes over an interface: the counter, two lists of exams, HL7.
"""

import re
import string
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest
import zxingcpp

from db.users import Role
from runtime.embedded import Engines
from runtime.settings import Settings
from tests.integration.api.house import Asking
from tests.support.feeds import Sender, adt, hl7_time, message, msh, obx, pid, segment
from tests.support.lists import as_csv, as_xlsx
from tests.support.scenario import Scenario, in_hospital_time, scenario
from tests.support.working_hospital import HOSPITAL_NAME, settings_of, settle, working

ID_NUMBER = "990101196801011032"
CARD = "K-000123"
P4 = pid("M-000004", name="赵卫东", born="19680101", sex="M", phone="19900000004", card=ID_NUMBER)
P1 = pid("M-000001", name="王建国", born="19580412", sex="M", phone="19900000001", card="990101195804123019")
COLLECTED, REPORTED, CORRECTED = "2026-11-18 08:10", "2026-11-18 15:00", "2026-11-20 11:30"
HEADER_2024 = ("身份证号", "姓名", "体检日期", "空腹血糖(mg/dL)", "总胆固醇(mmol/L)", "腰围(cm)")
ROW_2024 = (ID_NUMBER, "赵卫东", "2024-11-12", "104", "5.6", "92")
HEADER_2025 = ("身份证号", "姓名", "体检日期", "空腹血糖(mmol/L)", "总胆固醇(mmol/L)", "血压")
ROW_2025 = (ID_NUMBER, "赵卫东", "2025-11-14", "6.0", "5.4", "144/86")
STATED = {"treated": True, "north": True, "urban": True, "family_ascvd": False}


@pytest.fixture(scope="module")
def played(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("s7")
    with scenario(module_database_url, engines.broker_url, folder, starts="2026-11-20 09:00") as hospital:
        yield hospital


@pytest.fixture(scope="module")
def settings(played: Scenario, engines: Engines) -> Settings:
    return settings_of(played, engines)


@pytest.fixture(scope="module")
def laboratory(played: Scenario, settings: Settings) -> Iterator[Sender]:
    """The hospital's systems, on the wire."""
    with working(played, settings) as sender:
        yield sender


@pytest.fixture(scope="module")
def clerk(played: Scenario) -> Asking:
    return played.ask(Role.REGISTRAR)


@pytest.fixture(scope="module")
def nurse(played: Scenario) -> Asking:
    return played.ask(Role.AGENT)


@pytest.fixture(scope="module")
def patient_id(clerk: Asking) -> str:
    """P4 at the counter of the check-up center."""
    opened = clerk.post(
        "/cards",
        {
            "name": "赵卫东",
            "synthetic": True,
            "identifiers": [{"kind": "id_card", "value": ID_NUMBER}],
            "contact_points": [{"number": "+8619900000004"}],
            "consents": [{"purpose": "care", "scope": scope, "granted": True} for scope in ("phone", "sms")],
            "card": {"number": CARD},
        },
    )
    assert opened.status_code == 201, opened.text
    told = opened.json()
    assert (told["card"]["number"], told["card"]["state"], told["was_known"]) == (CARD, "active", False)
    return str(told["patient_id"])


def brought(clerk: Asking, played: Scenario, settings: Settings, content: bytes, name: str) -> dict[str, Any]:
    """A list of exams, sent, previewed and written by the worker."""
    sent = clerk.post(f"/imports?kind=exam&source=check-up&file_name={name}", None, content=content)
    assert sent.status_code == 201, sent.text
    made = sent.json()
    (row,) = clerk.get(f"/imports/{made['id']}/preview").json()["rows"]
    assert row["understood"]["identifiers"] == {"id_card": "*" * 14 + ID_NUMBER[-4:]}, "the number stayed text"
    assert clerk.post(f"/imports/{made['id']}/apply").status_code == 202
    settle(played, settings)
    done: dict[str, Any] = clerk.get(f"/imports/{made['id']}").json()
    assert (done["state"], done["counts"].get("bad", 0)) == ("applied", 0)
    return done


def check_up(control: str, *results: str, person: str = P4, reported: str = REPORTED, order: str = "L2026-1") -> str:
    """The results of one order."""
    taken, told = (hl7_time(in_hospital_time(at)) for at in (COLLECTED, reported))
    obr = segment("OBR", {1: "1", 3: order, 4: "CHECK^体检", 7: taken, 22: told})
    head = msh("ORU^R01", control, at=in_hospital_time(reported), sender="LIS")
    return message(head, person, obr, *results)


def lipids(state: str, cholesterol: str) -> tuple[str, str]:
    """Cholesterol of the order in one state (OBX-11)."""
    return (
        obx("14647-2", cholesterol, "mmol/L", line=3, state=state, reference="<5.2"),
        obx("14646-4", "1.1", "mmol/L", line=4, state=state),
    )


RESULTS_2026 = (
    obx("8480-6", "148", "mm[Hg]", line=1),
    obx("8462-4", "88", "mm[Hg]", line=2),
    *lipids("F", "5.2"),
    obx("8280-0", "94", "cm", line=5),
    obx("14771-0", "6.2", "mmol/L", line=6),
)


@pytest.fixture(scope="module")
def three_years(
    played: Scenario, settings: Settings, laboratory: Sender, clerk: Asking, nurse: Asking, patient_id: str
) -> str:
    """P4 with the results of three years from three sources, and what he said himself; his id."""
    csv_2024 = as_csv([ROW_2024], header=HEADER_2024, encoding="gb18030")
    assert brought(clerk, played, settings, csv_2024, "2024.csv")["encoding"] == "gb18030"
    brought(clerk, played, settings, as_xlsx([ROW_2025], header=HEADER_2025), "2025.xlsx")
    visit = adt(
        "A04",
        "HIS-4",
        at=in_hospital_time(COLLECTED),
        person=P4,
        visit="TJ2026-4",
        department="体检中心",
        patient_class="O",
        others=("DG1|1||I10.x00^高血压病^I10|||F",),
    )
    assert laboratory.ask(visit) == "AA HIS-4"
    assert laboratory.ask(check_up("LIS-1", *RESULTS_2026)) == "AA LIS-1"
    settle(played, settings)
    measured = {
        "taken_at": played.now.isoformat(),
        "setting": "told",
        "results": [{"code": "smoker", "value": 1}],
    }
    assert nurse.post(f"/patients/{patient_id}/observations", measured).status_code in {200, 201}
    assert nurse.post(f"/patients/{patient_id}/risk-facts", {"facts": STATED}).status_code == 201
    settle(played, settings)
    return patient_id


def read(asking: Asking, path: str) -> dict[str, Any]:
    answer = asking.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def trend(asking: Asking, patient_id: str, code: str) -> list[tuple[str, float, str, str]]:
    """The line of one code: day, value, source and what was sent."""
    (found,) = read(asking, f"/patients/{patient_id}/trends?code={code}")["trends"]
    assert found["unit"] == "mmol/L"
    return [
        (each["taken_at"][:10], each["value"], each["source"], f"{each['sent_value']} {each['sent_unit']}")
        for each in found["results"]
    ]


def assess(asking: Asking, patient_id: str, model: str) -> Any:
    return asking.post(f"/patients/{patient_id}/risk-assessments", {"model": model})


def newest_risk(asking: Asking, patient_id: str) -> dict[str, Any]:
    kept = read(asking, f"/patients/{patient_id}/risk-assessments?model=china-par")["assessments"]
    newest: dict[str, Any] = kept[0]
    return newest


def everything(asking: Asking, patient_id: str) -> dict[str, Any]:
    """What the record says of results, tags, scores and the person, without what looking at it leaves behind."""
    record = read(asking, f"/patients/{patient_id}/record")
    return {
        **{key: record[key] for key in ("patient", "differing", "groups", "latest_results", "standing", "counts")},
        "results": read(asking, f"/patients/{patient_id}/results")["results"],
        "risks": read(asking, f"/patients/{patient_id}/risk-assessments")["assessments"],
        "requests": read(asking, f"/requests?patient_id={patient_id}")["requests"],
    }


def printed(played: Scenario, settings: Settings, doctor: Asking, summary_id: str) -> bytes:
    """The paper, as the worker set it."""
    asked = doctor.post(f"/summaries/{summary_id}/prints", {"language": "zh", "size": "normal"})
    assert asked.status_code == 202, asked.text
    settle(played, settings)
    made = read(doctor, f"/prints/{asked.json()['id']}")
    assert (made["state"], made["kind"]) == ("ready", "original")
    body: bytes = doctor.get(f"/prints/{made['id']}/file").content
    return body


def test_three_sources_are_one_line_in_one_unit_with_classes_and_the_card_number_stays_text(
    clerk: Asking, nurse: Asking, three_years: str
) -> None:
    assert trend(nurse, three_years, "glucose_fasting") == [
        ("2024-11-12", 5.77, "list:check-up", "104 mg/dL"),
        ("2025-11-14", 6.0, "list:check-up", "6.0 mmol/L"),
        ("2026-11-18", 6.2, "hl7:LIS", "6.2 mmol/L"),
    ]
    classes = {
        each["subject"]: (each["code"], each["name"]["zh"])
        for each in read(nurse, f"/patients/{three_years}/result-classes")["classes"]
    }
    assert classes["blood_pressure"] == ("grade1", "1级高血压")
    assert classes["waist"] == ("central", "中心型肥胖")
    for typed in (CARD, ID_NUMBER, "zwd"):
        (found,) = nurse.post("/patients/search", {"containing": typed}).json()["patients"]
        assert found["id"] == three_years
    (card,) = read(clerk, f"/patients/{three_years}/cards")["cards"]
    assert card["number"] == CARD


def test_advice_comes_from_the_vetted_library_only(nurse: Asking, three_years: str) -> None:
    library = {each["id"]: each for each in read(nurse, "/advice-articles")["articles"]}
    chosen = read(nurse, f"/patients/{three_years}/advice")["advice"]
    for each in chosen:
        vetted = library[each["article"]]
        assert each["version"] == vetted["version"]
        assert vetted["author"]
        assert vetted["reviewer"]
        assert each["text"] in (None, vetted["text"])
    told = {each["article"]: each for each in chosen if each["text"]}
    assert "result:systolic=148 (2026-11-18)" in told["diet_salt"]["because"]
    assert told["exercise_moderate"]["because"]
    assert told["habits_smoking"]["because"]
    own = nurse.post(f"/patients/{three_years}/advice", {"article": "my own idea", "way": "call"})
    assert own.status_code in {404, 422}


def test_a_score_a_signature_and_a_correction_that_comes_after_both(
    played: Scenario, settings: Settings, laboratory: Sender, clerk: Asking, nurse: Asking, three_years: str
) -> None:
    # The score.
    first = assess(nurse, three_years, "china-par").json()
    assert (first["value"], first["band"], first["band_title"]["zh"]) == (
        pytest.approx(15.85, abs=0.01),
        "high",
        "高危",
    )
    settle(played, settings)
    # Tags by rule, each with what speaks for it.
    tags = {each["code"]: each for each in read(nurse, f"/patients/{three_years}/tags")["tags"]}
    assert set(tags) == {"CVD-high-risk", "HTN-uncontrolled", "obese"}
    assert [each["value"] for each in tags["obese"]["evidence"]] == ["central"]
    assert [(each["what"], each["value"]) for each in tags["CVD-high-risk"]["evidence"]] == [("china-par", "high")]
    assert {148.0, 88.0} <= {each["value"] for each in tags["HTN-uncontrolled"]["evidence"]}
    # The summary: a draft that nobody but a doctor signs.
    doctor = played.ask(Role.DOCTOR)
    assert nurse.post(f"/patients/{three_years}/advice", {"article": "diet_salt", "way": "paper"}).status_code == 201
    draft = nurse.post(f"/patients/{three_years}/summaries", {"since": "2024-01-01", "until": "2026-11-20"}).json()
    words = {"version": 1, "conclusion": "血压1级升高,中心型肥胖,心血管病风险高。", "next_steps": "戒烟,三个月后复查。"}
    assert nurse.put(f"/summaries/{draft['id']}", words).status_code == 200
    assert nurse.post(f"/summaries/{draft['id']}/sign", {"version": 2}).status_code == 403
    assert nurse.post(f"/summaries/{draft['id']}/send", {}).status_code == 409
    signed = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2}).json()
    assert signed["state"] == "signed"
    assert_paper(played, printed(played, settings, doctor, draft["id"]), draft["number"])
    # The correction.
    played.move_to(CORRECTED)
    corrected = check_up("LIS-2", lipids("C", "4.2")[0], reported=CORRECTED)
    assert laboratory.ask(corrected) == "AA LIS-2"
    settle(played, settings)
    (now,) = [each for each in trend(nurse, three_years, "total_cholesterol") if each[0] == "2026-11-18"]
    assert now == ("2026-11-18", 4.2, "hl7:LIS", "4.2 mmol/L")
    results = read(nurse, f"/patients/{three_years}/results")["results"]
    (cholesterol,) = [each for each in results if each["code"] == "total_cholesterol" and each["value"] == 4.2]
    versions = read(nurse, f"/results/{cholesterol['id']}/versions")["versions"]
    assert sorted((each["value"], each["status"], each["superseded_at"] is None) for each in versions) == [
        (4.2, "corrected", True),
        (5.2, "final", False),
    ]
    second = newest_risk(nurse, three_years)
    assert second["replaces"] == first["id"]
    assert second["changes"] == ["total_cholesterol"]
    assert second["value"] < first["value"]
    assert read(nurse, f"/risk-assessments/{first['id']}")["value"] == first["value"], (
        "the old one stays as it was told"
    )
    # Somebody tells the patient.
    request = read(nurse, f"/requests/{second['request_id']}")
    assert "15.85" in request["text"]
    assert (request["patient_id"], request["owner_id"], request["overdue"]) == (three_years, nurse.user_id, False)
    # The signed report says what was signed; the next one has the new number.
    again = read(doctor, f"/summaries/{draft['id']}")
    assert (again["state"], again["facts"]) == ("signed", signed["facts"])
    # Everything comes once more: as it was, and anew under other numbers.
    before = everything(nurse, three_years)
    brought(clerk, played, settings, as_csv([ROW_2024], header=HEADER_2024, encoding="gb18030"), "2024.csv")
    brought(clerk, played, settings, as_xlsx([ROW_2025], header=HEADER_2025), "2025.xlsx")
    for text in (check_up("LIS-1", *RESULTS_2026), corrected, check_up("LIS-9", *RESULTS_2026)):
        assert laboratory.ask(text).startswith("AA ")
    settle(played, settings)
    assert everything(nurse, three_years) == before


def assert_paper(played: Scenario, body: bytes, number: str) -> None:
    """A4 with an embedded Chinese font, the words on it, and a code that verifies and tells nothing of health."""
    document = pypdfium2.PdfDocument(body)
    for page in document:
        assert page.get_size() == pytest.approx((595.28, 841.89), abs=0.5)
    fonts = set(re.findall(rb"/FontName ?/([A-Za-z0-9+,-]+)", body))
    assert fonts
    assert all(re.match(rb"[A-Z]{6}\+NotoSansCJKsc", font) for font in fonts), "embedded, and with Chinese letters"
    words = "\n".join(page.get_textpage().get_text_range() for page in document)
    for word in (HOSPITAL_NAME, "赵卫东", number, "5.77", "6.20", "15.85", "中心型肥胖", "少吃盐", "仅供参考"):
        assert word in words, word
    assert "草稿" not in words
    (code,) = zxingcpp.read_barcodes(document[len(document) - 1].render(scale=2).to_pil())
    address = str(code.text)
    assert address.startswith("https://suifang.example/v/")
    page = played.house.client.get(address.removeprefix("https://suifang.example"))
    assert page.status_code == 200
    assert "真实" in page.text
    assert number in page.text
    for word in ("赵卫东", "血压", "15.85", ID_NUMBER):
        assert word not in page.text
    # The last letter of base64 carries bits that stand for nothing: a forgery hides there best.
    for letter in set(string.ascii_letters + string.digits + "-_") - {address[-1]}:
        forged = address[:-1] + letter
        assert played.house.client.get(forged.removeprefix("https://suifang.example")).status_code == 404


def test_a_code_that_nobody_knows_is_parked_seen_and_placed_once_somebody_says_what_it_means(
    played: Scenario, settings: Settings, laboratory: Sender, clerk: Asking, nurse: Asking, patient_id: str
) -> None:
    odd = check_up("LIS-30", obx("GLU0H", "5.4", "mmol/L", name="葡萄糖"), order="L2026-30")
    assert laboratory.ask(odd) == "AA LIS-30"
    settle(played, settings)
    waiting = read(clerk, "/unmapped-results?source=hl7:LIS")
    assert [(each["code"], each["waiting"]) for each in waiting["codes"]] == [("glu0h", 1)]
    said = {
        "source": "hl7:LIS",
        "code": "GLU0H",
        "concept": "glucose_fasting",
        "unit": "mmol/L",
        "reason": "检验科电话",
    }
    assert clerk.post("/code-mappings", said).status_code in {200, 201, 202}
    settle(played, settings)
    assert read(clerk, "/unmapped-results?source=hl7:LIS")["waiting"] == 0
    assert ("2026-11-18", 5.4, "hl7:LIS", "5.4 mmol/L") in trend(nurse, patient_id, "glucose_fasting")


def test_the_same_score_is_refused_for_whoever_had_a_coronary_intervention(
    played: Scenario, settings: Settings, laboratory: Sender, nurse: Asking
) -> None:
    went_home = adt(
        "A03",
        "HIS-1",
        at=in_hospital_time(REPORTED),
        person=P1,
        visit="ZY2026-77",
        discharged=in_hospital_time(REPORTED),
        others=("DG1|1||I25.103^冠状动脉粥样硬化性心脏病^I10|||F", "PR1|1||36.0601^冠状动脉药物洗脱支架置入术"),
    )
    assert laboratory.ask(went_home) == "AA HIS-1"
    assert laboratory.ask(check_up("LIS-20", *RESULTS_2026, person=P1, order="L2026-20")) == "AA LIS-20"
    settle(played, settings)
    (found,) = nurse.post("/patients/search", {"containing": "王建国"}).json()["patients"]
    refused = assess(nurse, found["id"], "china-par")
    assert (refused.status_code, refused.json()["code"]) == (409, "risk_not_applicable")
    assert (refused.json()["field"], refused.json()["reasons"]) == ("known_ascvd", ["known_illness"])
