"""The wall, the exceptions, the campaigns in a browser: what they show, what a click does, that axe finds nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db.users import Role
from followup.queues import AgentState
from tests.console.browser import LARGE, page_of, violations
from tests.console.seeds import wall
from tests.integration.api.house import House, Person


@pytest.fixture
def supervisor(house: House) -> Person:
    """Somebody who oversees a floor at work."""
    wall.seed(house)
    return house.person(Role.SUPERVISOR)


@pytest.fixture
def page(browser: Browser, address: str, supervisor: Person) -> Iterator[Page]:
    """Her page."""
    opened = page_of(browser, address, supervisor)
    yield opened
    opened.context.close()


def fits(page: Page) -> bool:
    """Whether nothing stands out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_wall_shows_who_needs_a_look_takes_help_asks_for_a_reason_and_keeps_its_order_under_the_pointer(
    page: Page, house: House
) -> None:
    page.goto("/live")
    agents = page.get_by_role("region", name="坐席列表")
    expect(agents.get_by_role("row").nth(1)).to_contain_text("▲")
    expect(page.get_by_role("list", name="当前指标")).to_contain_text("上限 3.0%")
    assert violations(page) == []
    assert fits(page)

    page.get_by_role("button", name="我来", exact=True).click()
    expect(page.get_by_text("正在处理")).to_be_visible()
    page.get_by_role("button", name="监听 张伟 的通话").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="进入", exact=True).click()
    expect(dialog.get_by_text("请选择原因")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")

    # A state that changes is seen without a reload, within the second's batch.
    with house.rows() as uow:
        resting = next(agent for agent in uow.queues.agents() if agent.state is AgentState.BREAK)
        user = uow.users.get(resting.id)
        resting.state, resting.state_since = AgentState.TRAINING, uow.now
    assert user is not None
    row = agents.get_by_role("row").filter(has_text=user.display_name)
    expect(row).to_contain_text("培训", timeout=10_000)

    # Whoever comes to need a look does not push the rows away from under the pointer.
    first = agents.get_by_role("row").nth(1)
    name = first.get_by_role("button").inner_text()
    agents.hover()
    expect(page.get_by_text("已停止排序")).to_be_visible()
    with house.rows() as uow:
        calm = next(agent for agent in uow.queues.agents() if agent.state is AgentState.TRAINING)
        calm.state = AgentState.ON_CALL
    expect(agents.get_by_text("有状态无通话")).to_be_visible(timeout=10_000)
    expect(first).to_contain_text(name)


def test_an_exception_is_taken_undone_and_settled_in_words_and_campaigns_read_well(
    browser: Browser, address: str, supervisor: Person
) -> None:
    page = page_of(browser, address, supervisor, language="en", size=LARGE)
    page.goto("/exceptions")
    expect(page.get_by_role("button", name="Window missed 2")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Window missed 2").click()
    page.get_by_role("button", name="I take it").first.click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Settle…").first.click()
    page.get_by_role("dialog").get_by_role("textbox").fill("The patient came to the clinic")
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.get_by_role("button", name="Window missed 1")).to_be_visible()

    page.goto("/campaigns")
    expect(page.get_by_role("row")).to_have_count(3)
    assert violations(page) == []
    page.get_by_role("link", name="十一月复诊提醒").click()
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("The window is long enough")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Start").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Third batch")
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Results (8 people)")).to_be_visible()
    page.get_by_role("button", name="Export xlsx…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("weekly meeting")
    with page.expect_download() as taken:
        page.get_by_role("dialog").get_by_role("button", name="Export xlsx").click()
    assert Path(taken.value.path()).stat().st_size > 2000
    page.context.close()
