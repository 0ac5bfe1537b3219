"""Requests and complaints in a browser: a board by keys, the story of one, nothing closed without a reply."""

from playwright.sync_api import Browser, Page, expect

from db.users import Role
from tests.console.browser import LARGE, SMALL, page_of, violations
from tests.console.seeds import complaints
from tests.integration.api.house import House


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def test_a_complaint_is_moved_by_keys_and_its_story_says_who_did_what(
    browser: Browser, address: str, house: House
) -> None:
    complaints.seed(house)
    page = page_of(browser, address, house.person(Role.SUPERVISOR), size=SMALL)
    page.goto("/complaints")
    cards = page.get_by_role("region", name="新登记").get_by_role("listitem")
    expect(cards).to_have_count(2)
    first = cards.filter(has_text="超声检查")
    first.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="受理")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("受理")
    assert violations(page) == []
    page.get_by_role("dialog").get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存：受理")).to_be_visible()
    assert violations(page) == []
    assert sideways(page) == 0
    first.get_by_role("link").click()
    expect(page.locator("main h1")).to_contain_text("投诉")
    story = page.locator(".ant-timeline")
    expect(story).to_contain_text("登记")
    expect(story).to_contain_text("受理")
    assert violations(page) == []
    page.get_by_role("button", name="添加备注").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("已联系超声科主任")
    page.get_by_role("dialog").get_by_role("button", name="保存").click()
    expect(story).to_contain_text("已联系超声科主任")


def test_the_list_shows_the_same_in_english_and_a_call_leads_to_its_second(
    browser: Browser, address: str, house: House
) -> None:
    complaints.seed(house)
    page = page_of(browser, address, house.person(Role.SUPERVISOR), language="en", size=LARGE)
    page.goto("/complaints")
    page.get_by_text("List", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(6)
    page.get_by_text("All", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(7)
    assert violations(page) == []
    page.get_by_role("link", name="术后伤口").click()
    expect(page.locator("main h1")).to_contain_text("dispute")
    link = page.get_by_role("link", name="Listen")
    expect(link).to_be_visible()
    assert "t=83.5" in (link.get_attribute("href") or "")
    assert violations(page) == []


def test_without_any_the_page_says_what_to_do(browser: Browser, address: str, house: House) -> None:
    page = page_of(browser, address, house.person(Role.AGENT))
    page.goto("/complaints")
    expect(page.get_by_text("没有待办的投诉或需求")).to_be_visible()
    page.get_by_role("button", name="登记").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_text("请填写").first).to_be_visible()
    assert violations(page) == []
