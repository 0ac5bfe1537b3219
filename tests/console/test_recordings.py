"""Recordings in the browser: found by a word, heard from its second, commented, corrected, and nothing wrong by axe."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db.users import Role
from followup.recordings import Recording, RecordingState
from runtime.embedded import Engines
from tests.console.browser import LARGE, page_of, violations
from tests.console.seeds.recordings import CHINESE, SPOKEN_WORD, RecordedHouse, a_red_flag
from tests.integration.api.house import House, Person, open_house
from tests.support.served_house import served
from tests.support.spoken_calls import spoken_call

NOW_HEARD = """() => {
  window.heard = {};
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () { window.sound = this; return play.call(this); };
}"""
CLICK_TO_SOUND = """async button => {
  const begun = performance.now();
  button.click();
  const moving = () => window.sound && !window.sound.paused && window.sound.readyState >= 3;
  while (!moving()) await new Promise(go => setTimeout(go, 5));
  const from = window.sound.currentTime;
  while (window.sound.currentTime === from) await new Promise(go => setTimeout(go, 5));
  return performance.now() - begun;
}"""
SECOND = "() => window.sound.currentTime"


class Recorded:
    """A house with a few recordings, and who listens."""

    def __init__(self, house: House, folder: Path, address: str) -> None:
        self.house = house
        self.address = address
        self.place = RecordedHouse(house, folder)
        spoken = spoken_call(CHINESE)
        self.second = round(spoken.said[3].start, 2)
        self.recording: Recording = self.place.recorded(spoken)
        with house.rows() as uow:
            a_red_flag(uow, self.recording, 17.0)
        self.supervisor = house.person(Role.SUPERVISOR)


@pytest.fixture(scope="module")
def recorded(
    engines: Engines, module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorded]:
    """One house for all tests here."""
    folder = tmp_path_factory.mktemp("house")
    with (
        open_house(module_database_url, engines.broker_url, folder) as house,
        served(house) as address,
    ):
        yield Recorded(house, folder / "state", address)


def opened(
    browser: Browser, recorded: Recorded, path: str, person: Person | None = None, *, language: str = "zh"
) -> Page:
    page = page_of(browser, recorded.address, person or recorded.supervisor, language=language)
    page.add_init_script(f"({NOW_HEARD})()")
    page.goto(path)
    return page


def test_a_word_that_was_said_is_found_and_heard_from_its_second(browser: Browser, recorded: Recorded) -> None:
    page = opened(browser, recorded, "/recordings")
    expect(page.get_by_label("搜索通话内容")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("yinxing")
    page.keyboard.press("Enter")
    hit = page.get_by_role("list").get_by_role("link")
    expect(hit).to_have_count(1, timeout=20_000)  # the first search reads the dictionary
    expect(page.locator("mark")).to_have_text("银杏")
    assert violations(page) == []
    assert "yinxing" not in page.url
    hit.click()
    expect(page.get_by_role("slider", name="播放位置")).to_have_attribute("aria-valuenow", str(int(recorded.second)))
    assert re.search(r"[?&]t=\d+", page.url)
    expect(page.locator("li[aria-current]")).to_contain_text(SPOKEN_WORD)
    expect(page.locator("mark.found-now")).to_have_text("银杏")
    assert page.evaluate("() => window.sound === undefined")  # it opens paused
    turn = page.get_by_role("button", name="从0:14播放")
    took = page.evaluate(CLICK_TO_SOUND, turn.element_handle())
    print(f"from the click on a turn to sound that moves: {took:.0f} ms")
    assert page.evaluate(SECOND) >= recorded.second
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="播放 Space")).to_be_visible()


def test_keys_move_the_player_and_silence_is_left_out(browser: Browser, recorded: Recorded) -> None:
    page = opened(browser, recorded, f"/recordings/{recorded.recording.id}")
    slider = page.get_by_role("slider", name="播放位置")
    expect(page.get_by_text("银杏").first).to_be_visible()
    expect(slider).to_have_attribute("aria-valuemax", str(int(recorded.recording.seconds or 0)))
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0:05，共0:40")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("li[aria-current]")).to_contain_text("秋天")
    page.keyboard.press("]")
    expect(page.get_by_text("1.25×", exact=True).first).to_be_visible()
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "0:40，共0:40")
    page.keyboard.press("Home")
    page.get_by_role("heading").click()
    page.keyboard.press("s")
    page.keyboard.press("Space")
    page.wait_for_function("() => window.sound && window.sound.currentTime > 5.2")
    page.keyboard.press("Space")
    assert page.evaluate("() => window.sound.playbackRate === 1.25 && window.sound.preservesPitch")
    page.get_by_text("仅患者").click()
    assert violations(page) == []


def test_a_comment_and_a_correction_are_made_by_keys_and_stay(browser: Browser, recorded: Recorded) -> None:
    page = opened(browser, recorded, f"/recordings/{recorded.recording.id}?t=9")
    expect(page.get_by_role("slider", name="播放位置")).to_have_attribute("aria-valuenow", "9")
    page.keyboard.press("c")
    page.get_by_label("批注 0:09").fill("没有说明录音")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("已保存0:09的批注")).to_be_visible()
    expect(page.get_by_role("tab", name="批注 1")).to_be_visible()
    page.get_by_role("button", name="更正0:14的文字").click()
    expect(page.get_by_text("已保存0:09的批注")).to_be_hidden()  # while it fades its colors are no judgement
    page.mouse.move(0, 0)
    assert violations(page) == []
    page.get_by_label("更正文字").fill("树叶渐渐变红，路旁的梧桐树也开始落叶。")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("已更正，原识别文字保留")).to_be_visible()
    page.get_by_text(re.compile("王敏于.*更正")).click()
    expect(page.get_by_text("原识别：树叶渐渐变红，街道旁的银杏树也开始落叶。")).to_be_visible()
    page.get_by_role("tab", name="访问记录").click()
    expect(page.get_by_role("cell", name="更正文字")).to_be_visible()
    assert violations(page) == []


def test_what_cannot_be_heard_says_why(browser: Browser, recorded: Recorded) -> None:
    gone = recorded.place.recorded(spoken_call(CHINESE[:2]), ago=timedelta(days=2))
    recorded.place.vault.delete(gone.uri or "")
    expired = recorded.place.unplayable(RecordingState.EXPIRED, ago=timedelta(days=900))
    page = opened(browser, recorded, f"/recordings/{gone.id}")
    page.get_by_role("button", name="播放 Space").click()
    expect(page.locator(".ant-alert-error")).to_contain_text("录音已不在")
    expect(page.get_by_text("秋天总是那么富有诗意")).to_be_visible()
    page.goto(f"/recordings/{expired.id}")
    expect(page.get_by_text("保存期限已到")).to_be_visible()
    assert violations(page) == []


def test_a_reviewer_hears_released_copies_and_nothing_else(browser: Browser, recorded: Recorded) -> None:
    page = opened(browser, recorded, f"/recordings/{recorded.recording.id}", language="en")
    page.get_by_role("button", name="Release a redacted copy").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Teaching round")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_text("The redacted copy is released")).to_be_visible()
    reviewer = recorded.house.person(Role.REVIEWER)
    copies = opened(browser, recorded, "/recordings", reviewer, language="en")
    copies.get_by_role("row").nth(1).get_by_role("link").click()
    expect(copies.get_by_text("秋天总是那么富有诗意")).to_be_visible()
    assert "欧阳建国" not in copies.content()
    copies.get_by_role("button", name="Play Space").click()
    copies.wait_for_function("() => window.sound && window.sound.currentTime > 0.2")
    assert violations(copies) == []
    copies.goto(f"/recordings/{recorded.recording.id}")
    expect(copies.locator(".ant-alert-error")).to_contain_text("Your role may not do this")


def test_the_pages_fit_a_small_and_a_large_screen_in_both_languages(browser: Browser, recorded: Recorded) -> None:
    for language in ("zh", "en"):
        page = opened(browser, recorded, "/recordings", language=language)
        for path in ("/recordings", f"/recordings/{recorded.recording.id}"):
            page.goto(path)
            expect(page.get_by_text("欧阳建国").first).to_be_visible()
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            assert violations(page) == []
            page.set_viewport_size(LARGE)
            assert violations(page) == []
            page.set_viewport_size({"width": 1366, "height": 768})
