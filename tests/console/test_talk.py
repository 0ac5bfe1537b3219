"""The call bar and what opens from it: panels, callers, red flags, the check before calls, a second tab."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from db.users import Role
from tests.console.browser import LARGE, page_of, pictures_folder, violations
from tests.console.seeds import talk
from tests.integration.api.house import House, Person
from tests.support.relayed_events import relayed_events

BAR = re.compile("通话栏|Call bar")


@pytest.fixture
def desks(house: House, broker_url: str) -> Iterator[dict[str, Person]]:
    """Who sits at which desk; what happens is told to their pages."""
    with relayed_events(house.units, broker_url):
        yield talk.desks(house)


def looked_at(page: Page, name: str) -> None:
    """Nothing is cut off, axe finds nothing; a picture for who wants one."""
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    folder = pictures_folder()
    if folder is not None:
        page.screenshot(path=str(folder / f"talk-{name}.png"))
    assert wide <= 0, f"{name} scrolls sideways by {wide} px"
    assert violations(page) == [], name


def test_what_opens_from_the_call_bar_is_reached_by_keys_and_clean_in_both_languages(
    browser: Browser, address: str, house: House, desks: dict[str, Person]
) -> None:
    for language, size in (("zh", None), ("en", LARGE)):
        page = page_of(browser, address, desks["talking"], language=language, size=size)
        page.goto("/guide")
        bar = page.get_by_role("region", name=BAR)
        expect(bar).to_contain_text("****")
        looked_at(page, f"bar-{language}")
        for key, name in (("d", "keypad"), ("t", "transfer"), ("w", "red_flag")):
            page.keyboard.press(f"Alt+{key}")
            panel = bar.get_by_role("dialog")
            expect(panel).to_be_focused()
            if name == "transfer":
                expect(panel.get_by_role("button", name=re.compile("诸葛瑾瑜"))).to_be_enabled()
                expect(panel.get_by_role("button", name=re.compile("阿依古丽"))).to_be_disabled()
                expect(panel.get_by_role("button", name=re.compile(r"\*\*\*\*1234"))).to_be_enabled()
            if name == "red_flag":
                expect(panel.get_by_role("button").nth(3)).to_be_visible()
            looked_at(page, f"{name}-{language}")
            page.keyboard.press("Escape")
            expect(panel).to_have_count(0)
        bar.get_by_role("button", name=re.compile("实时字幕|Live captions")).click()
        log = page.get_by_role("log")
        expect(log).to_contain_text("胸口有点闷")
        assert log.get_attribute("aria-live") == "off"
        looked_at(page, f"captions-{language}")
        # Esc closes what is open and never ends a call.
        page.keyboard.press("Escape")
        expect(bar.get_by_role("button", name=re.compile("挂断|Hang up"))).to_be_enabled()
        page.get_by_role("button", name=re.compile("警示|Alerts")).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        looked_at(page, f"alerts-{language}")
        page.context.close()


def test_an_automatic_red_flag_comes_up_without_taking_the_focus_and_the_agent_takes_care_of_it(
    browser: Browser, address: str, house: House, desks: dict[str, Person]
) -> None:
    page = page_of(browser, address, desks["talking"])
    page.goto("/guide")
    expect(page.get_by_role("region", name=BAR)).to_be_visible()
    page.keyboard.press("Alt+d")
    panel = page.get_by_role("region", name=BAR).get_by_role("dialog")
    expect(panel).to_be_focused()
    with house.rows() as uow:
        attempt = uow.attempts.live_of_agent(desks["talking"].user_id)
        assert attempt is not None
        talk.raise_alert_of(uow, attempt)
    pop_up = page.get_by_role("complementary", name="发现危险信号")
    expect(pop_up).to_contain_text("请立即拨打120", timeout=10_000)
    expect(panel).to_be_focused()
    expect(page.get_by_role("alert").filter(has_text="发现危险信号").first).to_be_attached()
    expect(pop_up).to_contain_text(re.compile(r"请在 [45]:\d\d 内确认"))
    expect(pop_up.get_by_role("button", name="转值班医生：诸葛瑾瑜")).to_be_enabled()
    looked_at(page, "red-flag-pop-up")
    pop_up.get_by_role("button", name="我来处理").click()
    expect(pop_up).to_contain_text("由您处理")
    page.context.close()


def test_a_caller_is_shown_with_everybody_he_may_be_and_becomes_a_call_when_he_has_said_who_he_is(
    browser: Browser, address: str, house: House, desks: dict[str, Person]
) -> None:
    page = page_of(browser, address, desks["offered"])
    page.goto("/guide")
    caller = page.get_by_role("region", name="来电")
    expect(caller).to_contain_text("2 位患者使用此号码")
    expect(caller).not_to_contain_text("王建国")
    assert page.evaluate("() => document.activeElement === document.body"), "the focus stays where it was"
    looked_at(page, "caller-offered")
    page.keyboard.press("Alt+a")
    expect(caller.get_by_role("button", name=re.compile("接听"))).to_have_class(re.compile("loading"))
    page.context.close()

    page = page_of(browser, address, desks["answering"])
    page.goto("/guide")
    caller = page.get_by_role("region", name="来电")
    confirm = caller.get_by_role("button", name="身份已确认")
    expect(confirm).to_be_disabled()
    caller.get_by_role("radio").first.check()
    caller.get_by_role("checkbox", name="姓名").check()
    expect(confirm).to_be_disabled()
    caller.get_by_role("checkbox", name="出生日期").check()
    looked_at(page, "caller-identity")
    confirm.click()
    expect(page.get_by_role("region", name=BAR)).to_contain_text("通话中", timeout=10_000)
    page.context.close()

    page = page_of(browser, address, desks["gone"])
    page.goto("/guide")
    note = page.get_by_role("textbox", name="来电人想要什么")
    note.fill("问复诊时间，已告知预约办法")
    looked_at(page, "caller-note")
    page.keyboard.press("Control+Enter")
    expect(note).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^空闲"))).to_be_visible()
    page.context.close()


def test_a_second_tab_shows_and_does_nothing_until_it_takes_over(
    browser: Browser, address: str, desks: dict[str, Person]
) -> None:
    first = page_of(browser, address, desks["talking"])
    first.goto("/guide")
    bar = first.get_by_role("region", name=BAR)
    expect(bar.get_by_role("button", name=re.compile("^保持"))).to_be_enabled()
    second = first.context.new_page()
    second.goto("/guide")
    expect(second.get_by_text("此页只能查看")).to_be_visible(timeout=10_000)
    expect(second.get_by_role("region", name=BAR).get_by_role("button", name=re.compile("^保持"))).to_be_disabled()
    refused = second.get_by_role("region", name=BAR).get_by_role("button", name=re.compile("^挂断"))
    refused.click()
    expect(second.get_by_text("另一个标签页正在使用")).to_be_visible()
    looked_at(second, "second-tab")
    second.get_by_role("button", name="在此接管").click()
    expect(second.get_by_role("region", name=BAR).get_by_role("button", name=re.compile("^保持"))).to_be_enabled()
    expect(first.get_by_text("此页只能查看")).to_be_visible()
    first.context.close()


def test_the_check_before_calls_is_clean_and_a_break_asked_for_in_a_call_waits_for_its_wrap_up(
    browser: Browser, address: str, house: House, desks: dict[str, Person]
) -> None:
    for language, size in (("zh", None), ("en", LARGE)):
        page = page_of(browser, address, desks["free"], language=language, size=size)
        page.goto("/guide")
        page.get_by_role("button", name=re.compile("检查耳机|Check headset|线路|Line")).first.click()
        expect(page.get_by_role("dialog")).to_contain_text(re.compile("麦克风|Microphone"))
        expect(page.get_by_role("button", name=re.compile("开始接听|Become available"))).to_be_disabled()
        looked_at(page, f"pre-flight-{language}")
        page.context.close()

    page = page_of(browser, address, desks["talking"])
    page.goto("/guide")
    state = page.get_by_role("button", name=re.compile("^通话中"))
    expect(state).to_be_visible()
    page.keyboard.press("Alt+s")
    page.get_by_role("menuitem", name="小结后培训").click()
    expect(state).to_contain_text("→ 培训")
    page.context.close()

    supervisor = house.person(Role.SUPERVISOR)
    page = page_of(browser, address, supervisor)
    page.goto("/guide")
    page.get_by_title("检查耳机与线路").click()
    expect(page.get_by_role("button", name="连接耳机")).to_be_visible()
    page.context.close()
