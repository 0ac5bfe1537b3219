"""What is brought in and what is asked, in a browser: lists, feeds, templates, forms, flows, texts."""

import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from db.users import Role
from interop.lists.applying import apply_import
from tests.console.browser import LARGE, SMALL, admin_room, page_of, violations
from tests.console.seeds.content import seed
from tests.integration.api.house import House
from tests.support.lists import SURROUNDINGS, as_xlsx, discharge

PARTS = (
    "imports",
    "feeds",
    "templates",
    "templates?id=T13",
    "forms",
    "forms?id=phq9",
    "flows",
    "flows?id=appointment_reminder",
    "messages",
)


@pytest.mark.parametrize(("language", "size"), [("zh", SMALL), ("en", LARGE)])
def test_no_part_has_a_barrier_or_is_wider_than_the_screen(
    browser: Browser, house: House, address: str, language: str, size: object
) -> None:
    seed(house)
    page = page_of(browser, address, house.person(*Role), language=language, size=size)  # type: ignore[arg-type]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    for part in PARTS:
        admin_room(page, part)
        if language == "zh":  # the same elements in English
            failures += [f"{part}: {each}" for each in violations(page)]
        if page.evaluate("document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth"):
            failures.append(f"{part} is wider than the screen")
        shown = page.locator(".admin-room h1, .admin-room h2, .admin-room th, .admin-room [role=tab]").all_inner_texts()
        if language == "en" and part != "imports":  # whose files bear Chinese names
            failures += [f"{part}: {each} is not in English" for each in shown if re.search(r"[\u4e00-\u9fff]", each)]
    assert failures == []
    page.context.close()


def test_a_list_is_sent_looked_at_written_and_can_be_taken_back(
    browser: Browser, house: House, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "名单.xlsx"
    file.write_bytes(as_xlsx([discharge(1), discharge(2), discharge(3, 联系电话="12")]))
    page = page_of(browser, address, house.person(Role.REGISTRAR))
    admin_room(page, "imports")
    page.get_by_label("选择文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_text("可写入 2 行，有错误 1 行，待判断 0 行。")).to_be_visible()
    expect(page.get_by_role("tab", name="有错误 1")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("link", name="下载错误行（1）")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="写入 2 行").click()
    page.get_by_role("tooltip").get_by_role("button", name="写入 2 行").click()
    expect(page.get_by_text("正在写入")).to_be_visible()
    made = page.url.split("id=")[1].replace("%22", "")
    worker = threading.Thread(target=apply_import, args=(house.units, made, SURROUNDINGS))
    worker.start()
    worker.join()
    page.reload()
    expect(page.get_by_text("已写入 2 行。")).to_be_visible()
    page.get_by_role("button", name="撤销导入").click()
    page.get_by_role("tooltip").get_by_role("button", name="撤销导入").click()
    expect(page.get_by_text("正在撤销")).to_be_visible()
    page.context.close()


def test_a_parked_message_is_let_go_with_a_word_and_a_code_is_mapped(
    browser: Browser, house: House, address: str
) -> None:
    seed(house)
    page = page_of(browser, address, house.person(Role.SUPERVISOR))
    admin_room(page, "feeds")
    page.get_by_role("button", name="打开消息 ORU^R01 c1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("患者尚未建档")).to_be_visible()
    assert violations(page) == []
    dialog.get_by_label("处理说明").fill("不是本院患者")
    dialog.get_by_role("button", name="放弃").click()
    expect(page.get_by_text("消息已放弃，仍会保存")).to_be_visible()
    expect(page.get_by_role("button", name="打开消息 ORU^R01 c1")).to_have_count(0)
    page.get_by_role("tab", name="未对应的编码").click()
    page.get_by_role("button", name="对应编码 HOUSE-1").click()
    dialog.get_by_label("含义").fill("hba1c")
    expect(page.locator(".ant-select-item-option")).to_have_count(1)
    dialog.get_by_label("含义").press("Enter")
    dialog.get_by_label("理由").fill("检验科已确认")
    assert violations(page) == []
    dialog.get_by_role("button", name="对 应").or_(dialog.get_by_role("button", name="对应", exact=True)).click()
    expect(page.get_by_text("已对应，2 个等待的结果正在进入档案")).to_be_visible()
    page.context.close()


def test_a_form_is_tried_and_a_flow_walked_without_a_trace(browser: Browser, house: House, address: str) -> None:
    page = page_of(browser, address, house.person(Role.SUPERVISOR), language="en")
    sent: list[str] = []
    admin_room(page, "forms?id=discharge_core")
    page.on("request", lambda request: sent.append(request.url) if request.method not in {"GET", "HEAD"} else None)
    page.get_by_role("tab", name="Test run").click()
    before = page.locator(".content-run > li").count()
    for question in page.get_by_role("radiogroup").all()[:3]:
        question.get_by_role("radio").first.check()
    expect(page.get_by_text("questions are open")).to_be_visible()
    assert page.locator(".content-run > li").count() >= before
    admin_room(page, "flows?id=appointment_reminder")
    page.get_by_role("tab", name="Test walk").click()
    page.get_by_role("button", name="Press nothing").click()
    page.get_by_role("button", name="Press 1").click()
    page.get_by_role("button", name="Press 2").click()
    expect(page.get_by_text("The call ends:")).to_be_visible()
    assert violations(page) == []
    assert sent == []
    page.context.close()
