"""The page behind a patient's link in a real browser, on a telephone's screen, with JavaScript switched off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from db.users import Role
from tests.integration.api.house import House, open_house
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.headset_browser import CHROMIUM
from tests.support.served_house import served

WIDTH = 390


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def phone() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": WIDTH, "height": 844}, java_script_enabled=False)
        yield page
        chromium.close()


def test_a_patient_answers_on_her_telephone_without_javascript(house: House, phone: Page) -> None:
    nurse = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow, name="陈芳", born=date(1996, 6, 20))
        task = a_task(uow, patient, a_queue(uow), form="phq9")
    response_id = nurse.put(f"/tasks/{task.id}/responses/phq9").json()["id"]
    with served(house) as url:
        app = house.app
        app.state.wiring = replace(app.state.wiring, public_url=url, call_back_number="0591-5550100")
        phone.goto(nurse.post(f"/responses/{response_id}/links", {}).json()["address"])
        assert phone.title() == "随访问卷"
        phone.select_option("select[name=month]", "6")
        phone.select_option("select[name=day]", "20")
        phone.click("button:has-text('继续')")
        for _ in range(8):
            assert not phone.locator("a[href^='tel:']").count()
            phone.click("label:has-text('几乎每天')")
            phone.click("button:has-text('下一题')")
        phone.click("label:has-text('好几天')")
        phone.click("button:has-text('下一题')")
        numbers = phone.locator("a[href^='tel:']")
        assert [numbers.nth(each).get_attribute("href") for each in range(3)] == [
            "tel:120",
            "tel:12356",
            "tel:0591-5550100",
        ]
        first = numbers.first.bounding_box()
        assert first is not None
        assert first["y"] < 844, "the numbers stand on the first screen"
        body = phone.locator("body").bounding_box()
        assert body is not None
        assert body["width"] <= WIDTH, "nobody has to push the page sideways"
        phone.click("button:has-text('下一题')")
        phone.click("button:has-text('提交')")
        assert "谢谢" in phone.locator("main").inner_text()
    done = nurse.get(f"/responses/{response_id}").json()
    assert (done["state"], done["completed_mode"], done["scores"][0]["value"]) == ("completed", "link", 25)
