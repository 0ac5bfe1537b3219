"""Administration in a browser: no part has a barrier in either language, and what an administrator does holds."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from db.audit import AuditSearch
from db.users import Role
from tests.console.browser import LARGE, SMALL, admin_room, page_of, violations
from tests.console.seeds.administration import seed
from tests.integration.api.house import House

PARTS = (
    "users",
    "skills",
    "log_ins",
    "queues",
    "calendar",
    "windows",
    "duty",
    "trunks",
    "retention",
    "holds",
    "audit",
    "health",
)


def dialog(page: Page) -> str:
    """What axe says while a dialog is open; empty is as it should be."""
    expect(page.get_by_role("dialog")).to_be_visible()
    return "\n".join(violations(page))


@pytest.mark.parametrize(("language", "size"), [("zh", SMALL), ("en", LARGE)])
def test_no_part_has_a_barrier_or_is_wider_than_the_screen(
    browser: Browser, house: House, address: str, language: str, size: object
) -> None:
    seed(house)
    page = page_of(browser, address, house.person(*Role), language=language, size=size)  # type: ignore[arg-type]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto("/admin")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    failures += violations(page)
    for part in PARTS:
        admin_room(page, part)
        if language == "zh":  # the same elements in English
            failures += [f"{part}: {each}" for each in violations(page)]
        if page.evaluate("document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth"):
            failures.append(f"{part} is wider than the screen")
        if language == "en":
            shown = page.locator(".admin-room h1, .admin-room th, .admin-room button").all_inner_texts()
            failures += [f"{part}: {each} is not in English" for each in shown if re.search(r"[\u4e00-\u9fff]", each)]
    assert failures == []
    page.context.close()


def test_an_administrator_makes_a_user_who_logs_in_and_locks_her_out_again(
    browser: Browser, house: House, address: str
) -> None:
    page = page_of(browser, address, house.person(Role.ADMIN))
    admin_room(page, "users")
    page.get_by_role("button", name="新增用户").click()
    assert dialog(page) == ""
    form = page.get_by_role("dialog")
    form.get_by_label("登录名").fill("zhao.min")
    form.get_by_label("姓名").fill("赵敏")
    form.get_by_label("初始密码").fill("a first password")
    form.get_by_role("button", name="保存").click()
    row = page.get_by_role("row", name=re.compile("赵敏"))
    expect(row).to_be_visible()
    log_in = {"login": "zhao.min", "password": "a first password"}
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 201
    page.reload()
    row.get_by_role("button", name="赵敏的更多操作").click()
    page.get_by_role("menuitem", name="锁定").click()
    expect(row).to_have_count(0)
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 401
    page.context.close()


def test_a_queue_is_stopped_with_a_reason_and_changed_with_one(browser: Browser, house: House, address: str) -> None:
    seed(house)
    page = page_of(browser, address, house.person(Role.SUPERVISOR, Role.ADMIN))
    admin_room(page, "queues")
    row = page.get_by_role("row", name=re.compile("^出院随访"))
    row.get_by_role("button", name="暂停").click()
    assert dialog(page) == ""
    page.get_by_label("原因").fill("线路检修")
    page.get_by_role("dialog").get_by_role("button", name="暂停").click()
    expect(row).to_contain_text("线路检修")
    row.get_by_role("button", name="修改").click()
    assert dialog(page) == ""
    page.get_by_role("tab", name="通话规则").click()
    page.get_by_label("振铃秒数").fill("45")
    page.get_by_label("修改原因").fill("患者反映接得慢")
    page.get_by_role("dialog").get_by_role("button", name="保存").click()
    expect(row).to_contain_text("45 秒")
    with house.units() as uow:
        queue = next(each for each in uow.queues.all() if each.name == "出院随访")
        assert queue.paused
        assert queue.ring_seconds == 45
    page.context.close()


def test_the_log_is_searched_by_whose_record_and_its_chain_checked(
    browser: Browser, house: House, address: str
) -> None:
    seed(house)
    page = page_of(browser, address, house.person(Role.ADMIN))
    admin_room(page, "audit")
    page.get_by_role("button", name="检查整条链").click()
    expect(page.get_by_text(re.compile("日志完整：\\d+ 行"))).to_be_visible()
    with house.units() as uow:
        viewed = next(iter(uow.audit.search(AuditSearch(action="record_viewed"), before=None, limit=1)))
        patient = uow.patients.get(viewed.patient_id)
        assert patient is not None
    page.get_by_label("患者病案号").fill(patient.record_number)
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("cell", name="查看病历")).to_have_count(49)  # and the hold, which is newer
    page.get_by_role("button", name="较早").click()
    expect(page.get_by_role("cell", name="查看病历")).to_have_count(11)
    page.context.close()


def own_password(page: Page, present: str) -> None:
    page.get_by_label("现在的密码").fill(present)
    page.get_by_label("新密码", exact=True).fill("another long password")
    page.get_by_label("再输一次新密码").fill("another long password")
    page.get_by_role("dialog").get_by_role("button", name="修改").click()


def test_a_user_changes_a_shortcut_and_her_password(browser: Browser, house: House, address: str) -> None:
    nurse = house.person(Role.REGISTRAR)
    page = page_of(browser, address, nurse)
    page.goto("/guide")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Alt+/")
    assert dialog(page) == ""
    page.get_by_role("button", name="修改：静音").click()
    page.keyboard.press("Alt+h")
    expect(page.get_by_role("status").filter(has_text="已用于：挂断")).to_be_visible()
    page.keyboard.press("Alt+Shift+M")
    expect(page.get_by_role("row", name=re.compile("^静音"))).to_contain_text("Alt+Shift+M")
    expect(page.get_by_text("快捷键已保存")).to_be_visible()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Alt+/")
    expect(page.get_by_role("row", name=re.compile("^静音"))).to_contain_text("Alt+Shift+M")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="王敏").click()
    page.get_by_role("menuitem", name="修改密码").click()
    assert dialog(page) == ""
    own_password(page, "a wrong password")
    expect(page.get_by_text("现在的密码不对")).to_be_visible()
    own_password(page, "correct horse battery")
    expect(page.get_by_text("密码已修改")).to_be_visible()
    page.context.close()
    with house.units() as uow:
        kept = uow.preferences.of(nurse.user_id)
        assert kept is not None
        assert kept.shortcuts == {"mute": "alt+shift+m"}


def test_a_supervisor_finds_only_what_is_hers(browser: Browser, house: House, address: str) -> None:
    page = page_of(browser, address, house.person(Role.SUPERVISOR))
    page.goto("/admin")
    expect(page.get_by_role("link", name="队列", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="审计日志")).to_have_count(0)
    page.goto("/admin/audit")
    expect(page.get_by_text("您的角色不能打开此页")).to_be_visible()
    page.goto("/admin/no_such_part")
    expect(page.get_by_text("没有这个页面")).to_be_visible()
    page.context.close()
