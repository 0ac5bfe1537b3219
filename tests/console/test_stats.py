"""Statistics as a supervisor sees them: figures, definitions by keys, tasks behind a row, a file, a failed card."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from playwright.sync_api import Browser, Page, expect

from db.users import Role
from followup.indicators import month_of
from scheduler.frozen_months import freeze_next
from tests.console.browser import LARGE, page_of, pictures_folder, violations
from tests.console.seeds import stats
from tests.integration.api.house import House

LAST = month_of(month_of(datetime.now(tz=stats.ZONE).date()).first - timedelta(days=1))
PERIOD = f'first="{LAST.first}"&last="{LAST.next.first - timedelta(days=1)}"'

WORDS = {
    "zh": {
        "completion": "随访完成率",
        "definition": "已取消的任务；部分完成不计为完成",
        "table": "表",
        "tasks": f"{stats.DEPARTMENTS[0]}：查看任务",
        "more": "更多",
        "open": "打开档案",
        "export": "导出",
        "purpose": "用途",
        "purpose_missing": "请写明用途（3–200字）",
        "frozen": "已冻结、不再变动",
        "retry": "重试",
        "small": "不足30例",
    },
    "en": {
        "completion": "Completion",
        "definition": "cancelled tasks; partly completed ones are not completed",
        "table": "Table",
        "tasks": f"{stats.DEPARTMENTS[0]}: show tasks",
        "more": "More",
        "open": "Open record",
        "export": "Export",
        "purpose": "Purpose",
        "purpose_missing": "Say what for (3 to 200 characters)",
        "frozen": "Frozen, no longer changing",
        "retry": "Try again",
        "small": "fewer than 30",
    },
}


def looked_at(page: Page, name: str) -> None:
    """Nothing is cut off, axe finds nothing; a picture for who wants one."""
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    folder = pictures_folder()
    if folder is not None:
        page.screenshot(path=str(folder / f"stats-{name}.png"))
    assert wide <= 0, f"{name} scrolls sideways by {wide} px"
    assert violations(page) == [], name


def test_figures_their_definitions_the_tasks_behind_and_the_file_in_both_languages(
    browser: Browser, address: str, house: House
) -> None:
    stats.seed(house)
    supervisor = house.person(Role.SUPERVISOR)
    for language, size in (("zh", None), ("en", LARGE)):
        words = WORDS[language]
        page = page_of(browser, address, supervisor, language=language, size=size)
        page.goto(f"/stats?{PERIOD}")
        expect(page.get_by_text("78.81 %").first).to_be_visible()
        chart = page.get_by_role("img", name=words["completion"])
        expect(chart).to_be_visible()
        expect(chart.locator("canvas")).to_be_visible()
        expect(page.get_by_text(words["small"]).first).to_be_attached()
        looked_at(page, f"chart-{language}")

        page.get_by_role("button", name=words["completion"], exact=True).first.focus()
        expect(page.get_by_text(words["definition"]).first).to_be_visible()
        looked_at(page, f"definition-{language}")
        page.keyboard.press("Tab")

        page.get_by_text(words["table"], exact=True).click()
        page.get_by_role("button", name=words["tasks"]).click()
        drawer = page.get_by_role("dialog")
        expect(drawer.get_by_role("link", name=words["open"]).first).to_be_visible()
        looked_at(page, f"tasks-{language}")
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)

        page.get_by_role("button", name=words["export"]).click()
        asking = page.get_by_role("dialog")
        asking.get_by_role("button", name=words["export"]).click()
        expect(asking.get_by_text(words["purpose_missing"])).to_be_visible()
        looked_at(page, f"file-{language}")
        asking.get_by_label(words["purpose"]).fill("月度例会")
        with page.expect_download() as taken:
            asking.get_by_role("button", name=words["export"]).click()
        assert taken.value.suggested_filename == f"indicators-{LAST.first}-{LAST.next.first - timedelta(days=1)}.xlsx"
        expect(asking).to_have_count(0)
        page.context.close()


def test_a_card_that_fails_is_tried_again_alone_and_a_frozen_month_says_so(
    browser: Browser, address: str, house: House
) -> None:
    stats.seed(house)
    with house.rows() as uow:
        uow.now = LAST.freezes_at(stats.ZONE)
        assert freeze_next(uow, stats.ZONE, "CN") == LAST
    page = page_of(browser, address, house.person(Role.SUPERVISOR))
    with refused(page, "**/api/v1/indicators?*by=plan*"):
        page.goto(f'/stats?{PERIOD}&by="plan"')
        retry = page.get_by_role("button", name=WORDS["zh"]["retry"])
        expect(retry).to_have_count(1)
        expect(page.get_by_text("78.81 %").first).to_be_visible()
        looked_at(page, "failed-card")
    retry.click()
    expect(page.get_by_role("img", name=WORDS["zh"]["completion"])).to_be_visible()
    expect(page.get_by_text(WORDS["zh"]["frozen"])).to_be_visible()
    # What was narrowed down to stands in the address: it is there again after a reload.
    page.get_by_role("combobox", name="科室").click()
    page.get_by_title(stats.DEPARTMENTS[1]).click()
    expect(page.get_by_text("78.57 %").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("78.57 %").first).to_be_visible()
    doctor = page_of(browser, address, house.person(Role.DOCTOR))
    doctor.goto(f"/stats?{PERIOD}")
    expect(doctor.get_by_text("78.81 %").first).to_be_visible()
    expect(doctor.get_by_role("combobox", name="坐席")).to_have_count(0)
    for opened in (page, doctor):
        opened.context.close()


@contextmanager
def refused(page: Page, pattern: str) -> Iterator[None]:
    """Meanwhile the server cannot be reached for these."""
    page.route(pattern, lambda route: route.fulfill(status=500, body="broken"))
    yield
    page.unroute(pattern)
