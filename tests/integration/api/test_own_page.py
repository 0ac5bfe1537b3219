"""The patient's own page: opened once after a birthday, read-only, what is his to read and nothing else; audited."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from care.patient_links import WRONG_ANSWERS_LIMIT
from care.patients import Patient
from care.relatives import Matter
from db.users import Role
from reports.document import Letterhead
from reports.printing import PrintShop, set_print
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, REPORT_KEYS, Asking, House, open_house
from tests.support.builders import a_patient
from tests.support.own_pages import BIRTHDAY, NAME, SECRETS, signed_summary, told_patient

SHOP = PrintShop(
    content=CONTENT.reports["stage_summary"],
    head=Letterhead(hospital="海澜市第一人民医院", hospital_en="", number="0595-5550100"),
    public_url="https://suifang.example",
    keys=REPORT_KEYS,
)
SECTIONS = (
    "appointments",
    "contacts",
    "results",
    "medicines",
    "goals",
    "advice",
    "answers",
    "summaries",
    "listeners",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A house with one patient of whom everything is known, and those who care for her."""

    house: House
    nurse: Asking
    doctor: Asking
    desk: Asking
    patient: Patient

    def link(self, **ask: Any) -> str:
        """A new link to her page, handed over."""
        made = self.nurse.post(f"/patients/{self.patient.id}/record-links", {"deliver": False, **ask})
        assert made.status_code == 201, made.text
        return f"/p/{made.json()['address'].rsplit('/', 1)[-1]}"

    def browser(self) -> TestClient:
        """A browser of its own."""
        return TestClient(self.house.app, raise_server_exceptions=False)

    def relative(self, *scope: Matter, **more: Any) -> str:
        """A relative with this scope, by the patient's word at the desk."""
        told = {
            "name": "林伟",
            "relation": "儿子",
            "scope": list(scope),
            "proof_kind": "patients_word",
            "proof": "当面",
            **more,
        }
        told["proof"] = "当面"
        made = self.desk.post(f"/patients/{self.patient.id}/relatives", told)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


@pytest.fixture(scope="module")
def clinic(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("own")
    with open_house(
        module_database_url,
        engines.broker_url,
        folder,
        hospital_name="海澜市第一人民医院",
        call_back_number="0595-5550100",
    ) as house:
        nurse = house.caller(Role.AGENT)
        yield Clinic(
            house=house,
            nurse=nurse,
            doctor=house.caller(Role.DOCTOR),
            desk=house.caller(Role.SUPERVISOR),
            patient=told_patient(house, nurse),
        )


def sections_of(page: str) -> list[str]:
    return re.findall(r"<section id=(\w+)>", page)


def section(page: str, name: str) -> str:
    return page.split(f"<section id={name}>")[1].split("</section>")[0]


def test_nothing_is_shown_before_the_birthday_and_everything_that_is_hers_after_it(clinic: Clinic) -> None:
    path, browser = clinic.link(), clinic.browser()
    door = browser.get(path)
    assert "出生月份" in door.text
    assert NAME not in door.text
    assert "不对" in browser.post(f"{path}/identity", data={"month": "3", "day": "3"}).text
    page = browser.post(f"{path}/identity", data=BIRTHDAY).text
    assert sections_of(page) == list(SECTIONS)
    assert f"{NAME}的健康资料" in page
    assert "心内科门诊" in section(page, "appointments")
    assert "陈医生" in section(page, "appointments")
    assert "服药情况" in section(page, "contacts")
    assert section(page, "contacts").count("<li>") == 1, "a call because of an alert is not announced"
    assert re.search(r"146</span> mmHg.*偏高.*参考范围:90–139 mmHg.*家用设备", section(page, "results"))
    assert re.search(r"4\.21</span> mmol/L</p><p>参考范围:3\.50–5\.30 mmol/L", section(page, "results"))
    assert "不高于3.40" in section(page, "results")
    assert "151" not in section(page, "results")
    assert "苯磺酸氨氯地平片" in section(page, "medicines")
    assert "5 mg 每天早上一次" in section(page, "medicines")
    assert "收缩压 &lt; 140 mmHg，连续3天" in section(page, "goals")
    assert CONTENT.advice.articles["diet_salt"].title["zh"] in section(page, "advice")
    lesson = CONTENT.education["hypertension_at_home"].lessons[0]
    assert lesson.title["zh"] in section(page, "advice")
    assert "过去7天漏服了几天?</dt><dd>2 天" in section(page, "answers")
    assert "说得对吗" not in page, "how staff judged what she told back is not hers to read"
    for secret in SECRETS:
        assert secret not in page, secret


def test_the_page_has_no_script_and_no_ids_and_is_kept_by_nobody(clinic: Clinic) -> None:
    path, browser = clinic.link(), clinic.browser()
    answer = browser.post(f"{path}/identity", data=BIRTHDAY)
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "http" not in answer.text
    assert NAME not in re.search(r"<title>(.*)</title>", answer.text)[1]  # type: ignore[index]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", answer.text)
    assert set(re.findall(r"action='([^']*)'", answer.text)) == {f"{path}/language"}


def test_the_other_language_is_one_press_away(clinic: Clinic) -> None:
    path, browser = clinic.link(), clinic.browser()
    browser.post(f"{path}/identity", data=BIRTHDAY)
    page = browser.post(f"{path}/language").text
    assert f"Health page of {NAME}" in page
    assert sections_of(page) == list(SECTIONS)
    assert "Systolic" in section(page, "results")
    assert "Reference: 90–139 mmHg" in section(page, "results")
    assert "of the last 7 days" in section(page, "answers")


def test_a_second_browser_and_whoever_comes_after_the_visit_are_refused(clinic: Clinic) -> None:
    path, browser = clinic.link(), clinic.browser()
    assert NAME in browser.post(f"{path}/identity", data=BIRTHDAY).text
    second = clinic.browser()
    for answer in (second.get(path), second.post(f"{path}/identity", data=BIRTHDAY)):
        assert (answer.status_code, "失效" in answer.text, NAME in answer.text) == (404, True, False)
    assert NAME in browser.get(path).text
    with clinic.house.rows() as uow:
        link = uow.links.to_record(clinic.patient.id)[-1]
        link.visit_until = uow.now - timedelta(seconds=1)
    assert browser.get(path).status_code == 404


def test_expired_replaced_ended_guessed_and_made_up_links_show_one_and_the_same_page(clinic: Clinic) -> None:
    replaced, expired = clinic.link(), clinic.link()
    with clinic.house.rows() as uow:
        uow.links.to_record(clinic.patient.id)[-1].expires_at = uow.now
    ended = clinic.link()
    clinic.nurse.post(f"/patients/{clinic.patient.id}/record-links/end")
    guessed, browser = clinic.link(), clinic.browser()
    for day in range(10, 10 + WRONG_ANSWERS_LIMIT):
        browser.post(f"{guessed}/identity", data={"month": "12", "day": str(day)})
    shut = [browser.get(path) for path in (replaced, expired, ended, guessed, "/p/made-up")]
    assert {answer.status_code for answer in shut} == {404}
    assert len({answer.text for answer in shut}) == 1
    assert browser.post(f"{guessed}/identity", data=BIRTHDAY).status_code == 404
    reasons = [
        each["end_reason"] for each in clinic.nurse.get(f"/patients/{clinic.patient.id}/record-links").json()["links"]
    ]
    assert reasons[-4:] == ["replaced", "replaced", "ended", "identity-failed"]


def test_no_address_of_one_patients_link_returns_anything_of_another(clinic: Clinic) -> None:
    house = clinic.house
    with house.rows() as uow:
        other = a_patient(uow, name="张建国", born=date(1954, 3, 2))
    theirs = signed_summary(clinic.nurse, clinic.doctor, other, date(2026, 1, 1))
    path, browser = clinic.link(), clinic.browser()
    browser.post(f"{path}/identity", data=BIRTHDAY)
    for tail in (
        f"/summaries/{theirs['id']}",
        "/summaries/99",
        "/summaries/0",
        "/summaries/-1",
        f"?patient_id={other.id}",
        f"/{other.id}",
        "/file",
    ):
        for method in ("GET", "POST"):
            answer = browser.request(method, path + tail)
            assert "张建国" not in answer.text, tail
            assert str(theirs["number"]) not in answer.text, tail
    # The token of one kind of link opens no other kind of door.
    token = path.rsplit("/", 1)[-1]
    for door in ("f", "r"):
        assert browser.get(f"/{door}/{token}").status_code == 404
    assert browser.get(f"/api/v1/patients/{clinic.patient.id}").status_code == 401


def test_every_look_is_audited(clinic: Clinic) -> None:
    path, browser = clinic.link(), clinic.browser()
    browser.get(path)
    browser.post(f"{path}/identity", data={"month": "1", "day": "1"})
    browser.post(f"{path}/identity", data=BIRTHDAY)
    browser.get(path)
    with clinic.house.units() as uow:
        link = uow.links.to_record(clinic.patient.id)[-1]
        lines = uow.audit.of_subject("record_link", link.id)
    assert [line.action for line in lines] == [
        "record_link_made",
        "identity_failed",
        "identity_confirmed",
        "own_page_viewed",
        "own_page_viewed",
    ]
    assert {line.patient_id for line in lines} == {clinic.patient.id}


def test_a_relative_reads_what_the_patient_lets_him_hear_and_only_while_she_does(clinic: Clinic) -> None:
    son = clinic.relative(Matter.APPOINTMENTS, Matter.MEDICINES)
    path, browser = clinic.link(relative_id=son), clinic.browser()
    page = browser.post(f"{path}/identity", data=BIRTHDAY).text
    assert sections_of(page) == ["appointments", "contacts", "medicines", "answers"]
    assert "“儿子”" in page
    assert "心内科门诊" in page
    assert "服药" not in section(page, "contacts"), "what the call is about is not an appointment"
    assert "漏服" in section(page, "answers")
    assert "感觉" not in section(page, "answers")
    for hidden in ("146", "血压达标", CONTENT.advice.articles["diet_salt"].title["zh"], *SECRETS):
        assert hidden not in page, hidden
    assert browser.post(f"{path}/summaries/1").url.path == path
    assert clinic.desk.post(f"/relatives/{son}/end").status_code == 200
    assert browser.get(path).status_code == 404


def test_whoever_may_hear_nothing_that_stands_there_gets_no_link(clinic: Clinic) -> None:
    post, links = clinic.nurse.post, f"/patients/{clinic.patient.id}/record-links"
    mind = clinic.relative(Matter.PSYCHOLOGY)
    assert post(links, {"deliver": False, "relative_id": mind}).json()["field"] == "relative_id"
    daughter = clinic.relative(Matter.RESULTS)
    assert post(links, {"relative_id": daughter}).json()["field"] == "deliver"
    assert post(links, {"deliver": False, "relative_id": new_id()}).status_code == 404
    with clinic.house.rows() as uow:
        child = a_patient(uow, name="林小宝", born=uow.now.date() - timedelta(days=6 * 365))
        nobody = a_patient(uow, name="无生日", born=None)
    assert "guardian" in post(f"/patients/{child.id}/record-links", {"deliver": False}).json()["reason"]
    assert post(f"/patients/{nobody.id}/record-links", {"deliver": False}).json()["field"] == "born"
    stranger = post(f"/patients/{nobody.id}/record-links", {"deliver": False, "relative_id": daughter})
    assert stranger.status_code in (404, 409)


def test_a_guardian_reads_a_childs_page(clinic: Clinic) -> None:
    with clinic.house.rows() as uow:
        child = a_patient(uow, name="林小宝", born=date(2020, 5, 6))
    told = {"name": "林伟", "relation": "父亲", "proof_kind": "birth_certificate", "proof": "D350000001"}
    guardian = clinic.desk.post(f"/patients/{child.id}/guardians", told)
    assert guardian.status_code == 201, guardian.text
    ask = {"deliver": False, "relative_id": guardian.json()["id"]}
    made = clinic.nurse.post(f"/patients/{child.id}/record-links", ask).json()
    path = f"/p/{made['address'].rsplit('/', 1)[-1]}"
    page = clinic.browser().post(f"{path}/identity", data={"month": "5", "day": "6"}).text
    assert "林小宝的健康资料" in page
    assert sections_of(page) == sorted(made["parts"], key=SECTIONS.index)
    assert "listeners" not in made["parts"]


def test_the_link_goes_out_in_neutral_words_to_whoever_agreed_to_messages(clinic: Clinic) -> None:
    made = clinic.nurse.post(f"/patients/{clinic.patient.id}/record-links", {})
    assert made.status_code == 201, made.text
    assert made.json()["address"] is None
    with clinic.house.rows() as uow:
        message = uow.messages.get(made.json()["message_id"])
        silent = a_patient(uow, name="无短信", born=date(1960, 1, 1))
    assert message is not None
    assert CONTENT.health_words.found_in(message.text) == ()
    found = re.search(r"/p/[\w-]+", message.text)
    assert found is not None
    assert "出生月份" in clinic.browser().get(found[0]).text
    refused = clinic.nurse.post(f"/patients/{silent.id}/record-links", {})
    assert (refused.status_code, "consent" in refused.json()["reason"]) == (409, True)
    assert clinic.nurse.get(f"/patients/{silent.id}/record-links").json()["links"] == []


def test_signed_summaries_are_opened_from_the_page_and_what_tells_of_the_mind_is_not(clinic: Clinic) -> None:
    today = datetime.now(UTC).date()
    with clinic.house.rows() as uow:
        patient = a_patient(uow, name="赵总结", born=date(1950, 3, 2))
    summary = signed_summary(clinic.nurse, clinic.doctor, patient, today - timedelta(days=90))
    clinic.nurse.post(f"/patients/{patient.id}/summaries", {"since": "2026-01-01", "until": "2026-01-31"})
    made = clinic.nurse.post(f"/patients/{patient.id}/record-links", {"deliver": False}).json()
    path, browser = f"/p/{made['address'].rsplit('/', 1)[-1]}", clinic.browser()
    page = browser.post(f"{path}/identity", data=BIRTHDAY).text
    assert section(page, "summaries").count("<form") == 1, "a draft is nothing to read"
    assert str(summary["number"]) in page
    assert "正在生成" in browser.post(f"{path}/summaries/1").text
    assert "正在生成" in browser.post(f"{path}/summaries/1").text
    (print_of_it,) = clinic.nurse.get(f"/summaries/{summary['id']}/prints").json()["prints"]
    assert (print_of_it["kind"], print_of_it["asked_name"]) == ("electronic", "本人查看")
    set_print(clinic.house.units, print_of_it["id"], SHOP)
    body = browser.get(f"{path}/summaries/1")
    assert body.headers["content-type"] == "application/pdf"
    assert body.content.startswith(b"%PDF")
    assert clinic.browser().get(f"{path}/summaries/1").status_code == 404
    clinic.doctor.post(f"/summaries/{summary['id']}/withdraw", {"reason": "写错了"})
    assert browser.get(f"{path}/summaries/1").status_code == 404
    assert section(browser.get(path).text, "summaries").count("<form") == 0


def test_who_has_died_has_no_page_any_more(clinic: Clinic) -> None:
    with clinic.house.rows() as uow:
        patient = a_patient(uow, name="赵先生", born=date(1950, 3, 2))
    made = clinic.nurse.post(f"/patients/{patient.id}/record-links", {"deliver": False}).json()
    with clinic.house.rows() as uow:
        held = uow.patients.get(patient.id)
        assert held is not None
        held.deceased_at = uow.now
    assert clinic.browser().get(f"/p/{made['address'].rsplit('/', 1)[-1]}").status_code == 404
    again = clinic.nurse.post(f"/patients/{patient.id}/record-links", {"deliver": False})
    assert (again.status_code, "died" in again.json()["reason"]) == (409, True)
