"""Patients' records in the console: found, read part by part, opened with a reason; and the patient's own form."""

from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect

from db.users import Role
from tests.console.browser import page_of, violations
from tests.console.seeds.record import people
from tests.integration.api.house import House
from tests.support.builders import a_patient, a_queue, a_task

PARTS = ("timeline", "results", "tags", "plans", "people")


def test_a_doctor_finds_a_patient_by_initials_and_reads_every_part(
    house: House, address: str, browser: Browser
) -> None:
    known = people(house)["known"]
    page = page_of(browser, address, house.person(Role.DOCTOR, Role.SUPERVISOR), language="en")
    page.goto("/patients")
    page.get_by_role("searchbox", name="Find a patient").fill("lw")
    page.get_by_role("link", name="李伟").click()
    expect(page.get_by_role("heading", name="李伟", level=1)).to_be_visible()
    expect(page.get_by_text("Allergies:")).to_contain_text("青霉素")
    assert "lw" not in page.url
    _nothing_wrong(page)
    for part in PARTS:
        page.goto(f"/patients/{known}?part={part}")
        expect(page.get_by_role("heading", name="李伟", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        _nothing_wrong(page)
    page.goto(f"/patients/{known}?part=results")
    expect(page.get_by_role("img", name="Systolic blood pressure")).to_be_visible()


def test_what_is_changed_asks_why_and_is_seen_at_once(house: House, address: str, browser: Browser) -> None:
    known = people(house)["known"]
    page = page_of(browser, address, house.person(Role.SUPERVISOR))
    page.goto(f"/patients/{known}?part=plans")
    page.get_by_role("button", name="暂停").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="暂停").click()
    expect(dialog.get_by_text("请写明原因")).to_be_visible()
    _nothing_wrong(page)
    dialog.get_by_label("原因").fill("患者住院中")
    dialog.get_by_role("button", name="暂停").click()
    expect(page.get_by_text("已暂停").first).to_be_visible()
    expect(page.get_by_role("button", name="恢复")).to_be_visible()


def test_a_record_outside_of_ones_care_opens_with_a_reason(house: House, address: str, browser: Browser) -> None:
    elsewhere = people(house)["elsewhere"]
    agent = house.person(Role.AGENT)
    house.caller(Role.ADMIN).post(f"/users/{agent.user_id}/departments", {"departments": ["心内科"]})
    page = page_of(browser, address, agent)
    page.goto(f"/patients/{elsewhere}")
    expect(page.get_by_text("不在您的诊疗范围内")).to_be_visible()
    expect(page.get_by_text("欧阳震华")).to_have_count(0)
    _nothing_wrong(page)
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="说明原因并查看").click()
    expect(page.get_by_role("heading", name="欧阳震华", level=1)).to_be_visible()
    expect(page.get_by_text("紧急查看").first).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_patients_form_reads_large_and_needs_no_script(
    house: House, address: str, browser: Browser, language: str
) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow, born=date(1950, 3, 7), language=language), a_queue(uow))
    nurse = house.caller(Role.AGENT, Role.SUPERVISOR)
    response = nurse.put(f"/tasks/{task.id}/responses/satisfaction").json()
    link = nurse.post(f"/responses/{response['id']}/links", {"language": language}).json()["address"]
    path = "/f/" + link.split("/f/")[1]
    plain = browser.new_context(base_url=address, java_script_enabled=False).new_page()
    plain.goto(path)
    plain.locator("select").nth(0).select_option("3")
    plain.locator("select").nth(1).select_option("7")
    plain.locator("button").first.click()
    expect(plain.locator("h2").first).to_be_visible()
    seen = browser.new_context(base_url=address, storage_state=plain.context.storage_state()).new_page()
    seen.goto(plain.url)
    assert violations(seen) == []
    assert seen.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 20


def _nothing_wrong(page: Page) -> None:
    assert violations(page) == []
    assert page.evaluate("document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth")
