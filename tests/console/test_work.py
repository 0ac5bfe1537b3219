"""The workspace: a follow-up from the queue to the signed note by keys alone, and what is done when it goes wrong."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from db.users import Role
from followup.attempts import AttemptState
from followup.notes import NoteState
from followup.outcomes import AttemptOutcome
from followup.plans import Task, TaskState
from followup.queues import DialStyle
from tests.console.browser import LARGE, page_of, pictures_folder, violations
from tests.console.keys import Keyboard, answer_everything
from tests.console.scheduling import scheduled
from tests.console.seeds import work
from tests.integration.api.house import House, Person
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.loopback_bench import IS_BUSY, loopback_node, put_on_headset
from tests.support.relayed_events import relayed_events
from tests.support.waiting import until

BUSY = "+8613900001111"


@pytest.fixture
def at_work(house: House, database_url: str, broker_url: str, tmp_path: Path) -> Iterator[tuple[Person, list[Task]]]:
    """An agent at her desk; the first patient's line is busy, the second picks up."""
    person = house.person(Role.AGENT)
    with loopback_node(house.units, database_url, tmp_path, {BUSY: IS_BUSY}) as place:
        with house.rows() as uow:
            queue = a_queue(uow, style=DialStyle.PREVIEW)
            busy = a_patient(uow, name="张敏", born=date(1961, 4, 9))
            busy.contact_points[0].number = BUSY
            known = work.a_known_patient(uow)
            tasks = [a_task(uow, busy, queue, priority=20), work.a_planned_task(uow, known, queue)]
            desk = uow.queues.agent_for_update(person.user_id)
            assert desk is not None
            desk.queues = [queue.id]
        put_on_headset(place, person.user_id, "desk-1")
        with relayed_events(house.units, broker_url), scheduled(house):
            yield person, tasks


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_follow_up_is_done_by_keys_alone_and_one_that_reaches_nobody_needs_none(
    browser: Browser, address: str, house: House, at_work: tuple[Person, list[Task]], language: str
) -> None:
    person, (busy, task) = at_work
    page = page_of(browser, address, person, language=language)
    keys = Keyboard(page)
    page.goto("/work")
    said = page.get_by_text
    dial = page.get_by_role("button", name=re.compile("拨号|Dial"))
    expect(dial).to_be_enabled(timeout=15_000)
    keys.press("Alt+a")
    # Nobody: what was noted and decided is shown, and the next patient comes up without a key.
    notice = page.locator(".nobody")
    expect(notice).to_contain_text(re.compile("占线|Busy"), timeout=30_000)
    expect(notice).to_contain_text(re.compile("系统将再次呼叫|will be called again"))
    expect(page.locator(".patient .banner")).to_contain_text("李*", timeout=15_000)
    assert keys.pressed == 1
    # Somebody: who he is, every question, the note, the outcome.
    expect(dial).to_be_enabled()
    keys.press("Alt+a")
    expect(page.get_by_role("region", name=re.compile("核对身份|Who is on the line"))).to_be_focused(timeout=30_000)
    expect(page.locator(".patient")).not_to_contain_text("青霉素")
    keys.press("1")
    keys.press("2")
    expect(page.locator(".identity.passed")).to_be_visible()
    expect(page.locator(".patient")).to_contain_text("青霉素")
    expect(page.locator("[data-question]").first).to_be_focused()
    asked = answer_everything(keys)
    assert asked > 8
    expect(page.locator("#work-notes")).to_be_focused()
    keys.write("ok")
    expect(page.locator(".saved.good")).to_be_visible()
    keys.press("Alt+h")
    strip = page.get_by_role("group", name=re.compile("通话小结|Wrap-up"))
    expect(strip).to_be_visible(timeout=10_000)
    expect(strip.get_by_role("radio", checked=True)).to_have_text(re.compile("完成|Completed"))
    expect(page.locator(".note-preview .note")).to_contain_text("ok")
    keys.press("Control+Enter")
    expect(strip.get_by_role("status")).to_be_visible()
    keys.press("Control+Enter")
    expect(said(re.compile("记录已签署|the note is signed"))).to_be_visible(timeout=10_000)
    print(f"{language}: {keys.pressed} keys for {asked} answers, one call that reached nobody and one that did")

    def completed() -> bool:
        with house.units() as uow:
            stored = uow.plans.task(task.id)
            return stored is not None and stored.state is TaskState.COMPLETED

    until(completed, timeout=10, what="the task is completed")
    with house.units() as uow:
        attempt = uow.attempts.of_task(task.id)[-1]
        note = uow.notes.of_attempt(attempt.id)
        assert note is not None
        assert (attempt.state, attempt.outcome) == (AttemptState.CLOSED, AttemptOutcome.CONNECTED_PATIENT)
        assert (note.state, note.signed_by) == (NoteState.SIGNED, person.user_id)
        assert note.text.endswith("ok")
        assert uow.attempts.of_task(busy.id)[0].outcome is AttemptOutcome.BUSY
    page.context.close()


def test_what_the_system_decided_is_taken_back_with_one_key(
    browser: Browser, address: str, house: House, at_work: tuple[Person, list[Task]]
) -> None:
    person, (busy, _) = at_work
    page = page_of(browser, address, person)
    page.goto("/work")
    expect(page.get_by_role("button", name=re.compile("拨号"))).to_be_enabled(timeout=15_000)
    page.keyboard.press("Alt+a")
    expect(page.locator(".nobody")).to_contain_text("系统将再次呼叫", timeout=30_000)
    page.keyboard.press("z")
    expect(page.get_by_text("已撤销，任务等待人工处理")).to_be_visible()

    def undone() -> bool:
        with house.units() as uow:
            return any(each.undone_by == person.user_id for each in uow.decisions.of_task(busy.id))

    until(undone, timeout=5, what="the decision is undone")
    page.context.close()


def looked_at(page: Page, name: str) -> None:
    """Nothing is cut off, axe finds nothing; a picture for who wants one."""
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    folder = pictures_folder()
    if folder is not None:
        page.screenshot(path=str(folder / f"work-{name}.png"))
    assert wide <= 0, f"{name} scrolls sideways by {wide} px"
    assert violations(page) == [], name


def test_every_state_and_dialog_is_clean_in_both_languages(browser: Browser, address: str, house: House) -> None:
    with house.rows() as uow:
        queue = work.a_worklist(uow)
    shown = {
        "free": (("", ".rows"), ("Alt+k", ".ant-modal"), ("Alt+c", ".ant-modal")),
        "preview": (("", ".preview"),),
        "calling": (("", ".identity"), ("Alt+j", ".ant-modal"), ("Alt+b", ".ant-modal"), ("Alt+x", ".neutral")),
        "identified": (("", "[data-question]"),),
        "wrap_up": (("1", ".note-preview .note"),),
        "busy_tray": (("Alt+y", ".tray .draft"),),
    }
    for language, size in (("zh", None), ("en", LARGE)):
        for state, steps in shown.items():
            page = page_of(browser, address, work.a_desk(house, queue, state), language=language, size=size)
            page.goto("/work")
            expect(page.locator(".rows .row").first).to_be_visible(timeout=15_000)
            if state == "wrap_up":
                expect(page.locator(".wrap-up")).to_be_focused()
            for key, there in steps:
                if key:
                    page.keyboard.press(key)
                expect(page.locator(there).first).to_be_visible()
                looked_at(page, f"{state}-{key.replace('+', '')}-{language}")
                if there == ".ant-modal":
                    page.keyboard.press("Escape")
                    expect(page.locator(".ant-modal")).to_have_count(0)
            page.context.close()


def test_answers_that_cannot_be_sent_are_kept_here_over_a_reload_and_sent_then(
    browser: Browser, address: str, house: House
) -> None:
    with house.rows() as uow:
        queue = work.a_worklist(uow, 3)
    person = work.a_desk(house, queue, "identified")
    page = page_of(browser, address, person)
    cut: list[bool] = [True]

    def gone(route: Route) -> None:
        if cut[0]:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/attempts/*/answers/**", gone)
    page.goto("/work")
    page.keyboard.press("Alt+f")
    first = page.locator("[data-question]").first
    expect(first).to_be_focused(timeout=15_000)
    page.keyboard.press("1")
    expect(page.locator(".saved.amber")).to_contain_text("1 项未保存")
    page.reload()
    expect(first.get_by_role("radio", checked=True)).to_have_text(re.compile("好转"), timeout=30_000)
    cut[0] = False
    expect(page.locator(".saved.good")).to_be_visible(timeout=10_000)
    with house.units() as uow:
        attempt = uow.attempts.live_of_agent(person.user_id)
        assert attempt is not None
        assert attempt.answers == {"feeling": "better"}
    page.context.close()


def test_a_wrong_person_hears_neutral_words_and_a_relative_what_he_may(
    browser: Browser, address: str, house: House
) -> None:
    with house.rows() as uow:
        queue = work.a_worklist(uow, 3)
    page = page_of(browser, address, work.a_desk(house, queue, "calling"))
    page.goto("/work")
    gate = page.get_by_role("region", name="核对身份")
    expect(gate).to_be_focused(timeout=15_000)
    for key in ("1", "1", "Enter"):
        page.keyboard.press(key)
    expect(gate.locator("small.outside")).to_be_visible(timeout=15_000)
    expect(gate).to_be_focused(timeout=15_000)
    for key in ("1", "1", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".neutral")).to_contain_text("打扰您了", timeout=15_000)
    expect(page.locator("[data-question]")).to_have_count(0)
    page.context.close()

    page = page_of(browser, address, work.a_desk(house, queue, "calling"))
    page.goto("/work")
    expect(page.get_by_role("region", name="核对身份")).to_be_focused(timeout=15_000)
    page.keyboard.press("Alt+j")
    expect(page.get_by_role("button", name=re.compile("李娜"))).to_be_focused()
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name=re.compile("李娜"))).to_be_visible()
    expect(page.get_by_role("region", name="核对身份")).to_be_focused()
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator(".identity.passed")).to_contain_text("家属在线")
    page.context.close()


def test_a_submitted_wrap_up_is_taken_back_and_grave_outcomes_are_said_twice(
    browser: Browser, address: str, house: House
) -> None:
    with house.rows() as uow:
        queue = work.a_worklist(uow, 3)
    person = work.a_desk(house, queue, "wrap_up")
    page = page_of(browser, address, person)
    page.goto("/work")
    strip = page.get_by_role("group", name="通话小结")
    expect(strip).to_be_focused(timeout=15_000)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("请先选择结果")).to_be_visible()
    page.keyboard.press("7")
    page.keyboard.press("Control+Enter")
    expect(strip.get_by_role("alert")).to_contain_text("不再呼叫此人")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(strip.get_by_label("回拨时间")).not_to_have_value("")
    page.keyboard.press("Control+Enter")
    expect(strip.get_by_role("status")).to_contain_text("约定回拨")
    page.keyboard.press("z")
    expect(strip.get_by_role("status")).to_have_count(0)
    expect(strip.get_by_role("button", name=re.compile("提交"))).to_be_enabled()
    with house.units() as uow:
        attempt = uow.attempts.live_of_agent(person.user_id)
        assert attempt is not None
        assert attempt.state is AttemptState.WRAP_UP
    page.context.close()
