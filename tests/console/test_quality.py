"""The pages of quality: doubts, a call judged beside its sound, an agent's answer, graders compared."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.console.browser import LARGE, SMALL, page_of, pictures_folder, violations
from tests.console.seeds.quality import Judged, seed
from tests.integration.api.house import House

EVERY_PAGE = ("/quality", "/quality/samples", "/quality/scores", "/quality/rounds", "/quality/trends")


def settled(page: Page, path: str) -> None:
    """The page at this address, once it has what it shows."""
    page.goto(path)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator(".ant-skeleton")).to_have_count(0)


def kept(page: Page, name: str) -> None:
    """A picture, if somebody wants them."""
    folder = pictures_folder()
    if folder is not None:
        page.screenshot(path=str(Path(folder) / f"quality-{name}.png"))


def test_a_supervisor_looks_at_doubts_judges_a_call_and_every_page_is_clean(
    browser: Browser, house: House, address: str
) -> None:
    made = seed(house)
    page = page_of(browser, address, made.supervisor.person)
    _doubts(page)
    _judging(page, made)
    _pages(browser, address, made)
    _answering(browser, address, made)


def _doubts(page: Page) -> None:
    settled(page, "/quality")
    rows = page.locator("tbody tr.ant-table-row")
    expect(rows).to_have_count(5)
    expect(page.get_by_text("记录 128, 录音 152")).to_be_visible()
    page.get_by_text(re.compile("通话不足 30 秒 1")).click()
    expect(rows).to_have_count(1)
    rows.get_by_role("button", name="写核查结果").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_text("请写明依据")).to_be_visible()
    dialog.get_by_label("有合理解释").check()
    dialog.get_by_label("依据").fill("患者正在开车，另约下午再打。")
    assert violations(page) == []
    dialog.get_by_role("button", name="保存").click()
    expect(rows).to_have_count(0)
    page.get_by_label("包括已核实的").check()
    expect(page.get_by_text("患者正在开车，另约下午再打。")).to_be_visible()


def _judging(page: Page, made: Judged) -> None:
    settled(page, f"/quality/scores/{made.draft_id}")
    give = page.get_by_role("button", name="提交评分")
    expect(give).to_be_disabled()
    expect(page.get_by_text("还有 6 项未评")).to_be_visible()
    for item in ("开场规范", "问题完整", "记录与所说一致", "健康指导恰当", "倾听与语气"):
        page.get_by_role("group", name=re.compile(item)).get_by_text("达标", exact=True).click()
    closing = page.get_by_role("group", name=re.compile("结束规范"))
    closing.get_by_text("未达标").click()
    expect(page.get_by_text("未达标项须有证据位置或说明：结束规范")).to_be_visible()
    closing.get_by_role("button", name="结束规范：取当前播放位置").click()
    expect(page.get_by_text(re.compile("已保存"))).to_be_visible()
    expect(page.locator(".quality-total strong")).to_have_text("95")
    kept(page, "judging")
    page.reload()
    expect(page.locator(".quality-total strong")).to_have_text("95")
    give.click()
    expect(page.get_by_text("待坐席确认").first).to_be_visible()
    assert violations(page) == []


def _pages(browser: Browser, address: str, made: Judged) -> None:
    paths = (*EVERY_PAGE, f"/quality/samples/{made.sample_id}", f"/quality/rounds/{made.round_id}")
    for language, size in (("zh", LARGE), ("en", SMALL)):
        page = page_of(browser, address, made.supervisor.person, language=language, size=size)
        for path in paths:
            settled(page, path)
            assert violations(page) == [], (path, language, size)
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, (path, language, size)
            kept(page, f"{path.split('/')[2] if path != '/quality' else 'doubts'}-{language}-{size['width']}")
        page.context.close()


def _answering(browser: Browser, address: str, made: Judged) -> None:
    agent = page_of(browser, address, made.agents[1].person)
    settled(agent, "/quality")
    expect(agent.get_by_role("tab", name="抽样")).to_have_count(0)
    settled(agent, f"/quality/scores/{made.given_id}")
    agent.get_by_role("button", name="申诉").click()
    dialog = agent.get_by_role("dialog")
    dialog.get_by_label("申诉理由").fill("患者听力不好，我放慢了语速。")
    assert violations(agent) == []
    dialog.get_by_role("button", name="申诉").click()
    expect(agent.get_by_text("已申诉").first).to_be_visible()
    second = page_of(browser, address, made.second.person)
    settled(second, f"/quality/scores/{made.given_id}")
    second.get_by_label("处理意见").fill("语速确实合适。")
    second.get_by_label("修改评分项").check()
    second.get_by_role("group", name=re.compile("倾听与语气")).get_by_text("达标", exact=True).click()
    assert violations(second) == []
    second.get_by_role("button", name="改判并保存评分").click()
    expect(second.get_by_text("已改判").first).to_be_visible()
    expect(second.get_by_text("原 85 分")).to_be_visible()
