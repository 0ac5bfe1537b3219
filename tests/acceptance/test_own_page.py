"""The patient's own page in a real browser, on a telephone's screen, with JavaScript switched off."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from db.users import Role
from tests.integration.api.house import House, open_house
from tests.support.headset_browser import CHROMIUM
from tests.support.own_pages import NAME, told_patient
from tests.support.served_house import served

WIDTH = 390
PICTURES = os.environ.get("SUIFANG_TEST_PICTURES", "")
"""A folder for pictures of what was seen, to be looked at by a person; none are made without it."""


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path, hospital_name="海澜市第一人民医院") as opened:
        yield opened


@pytest.fixture
def phone() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": WIDTH, "height": 844}, java_script_enabled=False)
        yield page
        chromium.close()


def look(phone: Page, name: str) -> None:
    body = phone.locator("body").bounding_box()
    assert body is not None
    assert body["width"] <= WIDTH, f"{name}: nobody has to push the page sideways"
    if PICTURES:
        phone.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_a_patient_reads_her_record_on_her_telephone_in_both_languages(house: House, phone: Page) -> None:
    nurse = house.caller(Role.AGENT)
    patient = told_patient(house, nurse)
    with served(house) as url:
        app = house.app
        app.state.wiring = replace(app.state.wiring, public_url=url, call_back_number="0595-5550100")
        made = nurse.post(f"/patients/{patient.id}/record-links", {"deliver": False}).json()
        phone.goto(made["address"])
        look(phone, "door-zh")
        assert NAME not in phone.content()
        phone.select_option("select[name=month]", "3")
        phone.select_option("select[name=day]", "2")
        phone.click("button:has-text('继续')")
        assert NAME in phone.locator("h2").first.inner_text()
        look(phone, "own-zh")
        phone.click("section summary >> nth=0")
        assert "漏服" in phone.locator("section details").first.inner_text()
        look(phone, "own-zh-answers")
        smallest = phone.evaluate("parseFloat(getComputedStyle(document.querySelector('.small')).fontSize)")
        assert smallest >= 20, "large print, the small words too"
        phone.click("button:has-text('English')")
        assert "Medicines you take now" in phone.locator("main").inner_text()
        look(phone, "own-en")
        phone.goto(f"{url}/p/made-up")
        assert "失效" in phone.locator("main").inner_text()
        look(phone, "gone")
