"""A golden day by keys alone: an agent's two calls with real sound, a supervisor's whisper, one found by a word."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from db.users import Role
from followup.attempts import AttemptState
from followup.notes import NoteState
from followup.plans import Task
from followup.queues import DialStyle
from followup.recordings import Channel
from tests.console.browser import page_of
from tests.console.keys import Keyboard, answer_everything
from tests.console.scheduling import scheduled
from tests.console.seeds import work
from tests.integration.api.house import PASSWORD
from tests.support.builders import a_queue
from tests.support.golden_day import GoldenDay, golden_day, write_microphone
from tests.support.headset_browser import Desk, write_tone
from tests.support.heard_sound import PHONE_RATE, heard_since
from tests.support.waiting import until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1500)]

LI_WEI, ZHANG_MIN = "+8613900000301", "+8613900000302"
AGENT_SAYS, PATIENT_SAYS = "zh_az_05", "zh_az_02"
OF_AGENT = ("散步", "季节", "宁静", "满足")
OF_PATIENT = {"变红": "bianhong", "街道": "jiedao", "开始": "kaishi", "落叶": "luoye", "树叶": "shuye"}
"""Words, and what a supervisor types for them without an input method; the small model hears most of them."""
SUPERVISOR_HERTZ = 1300.0
HEARD_DECIBELS, NOT_HEARD_DECIBELS = -50.0, -70.0
SILENCE = 0.002  # what G.711 makes of nothing is below
LINE_MS = 60_000


@pytest.fixture
def day(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[GoldenDay]:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    speaks = f"ring-200.answer-500.wait-4000.say-{PATIENT_SAYS}"
    with (
        golden_day(tmp_path, door, database_url, broker_url, {LI_WEI: speaks, ZHANG_MIN: speaks}) as opened,
        scheduled(opened.house),
    ):
        yield opened


@contextmanager
def at_a_desk(browser: Browser, address: str, microphone: Path, *, language: str = "zh") -> Iterator[Desk]:
    """A browser of her own with this sound as her microphone, and nobody logged in."""
    own = browser.browser_type.launch(
        executable_path="/usr/bin/chromium",
        args=[
            "--no-sandbox",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
            "--autoplay-policy=no-user-gesture-required",
        ],
    )
    try:
        page = page_of(own, address, None, language=language)
        yield Desk(page)
    finally:
        own.close()


def log_in(keys: Keyboard, login: str) -> None:
    """By typing."""
    page = keys.page
    page.goto("/")
    expect(page.get_by_label(re.compile("用户名|User name"))).to_be_focused(timeout=LINE_MS)
    keys.write(login)
    keys.press("Tab")
    keys.write(PASSWORD)
    keys.press("Enter")


def check_and_begin(keys: Keyboard, desk: Desk) -> None:
    """The pre-flight, until she is available."""
    page = keys.page
    expect(page.get_by_role("button", name=re.compile("未上班|离线|Off"))).to_be_visible(timeout=LINE_MS)
    keys.press("Alt+s")
    expect(page.get_by_role("menuitem", name=re.compile("空闲|Available"))).to_be_focused(timeout=20_000)
    keys.press("Enter")
    keys.choose(page.get_by_role("button", name=re.compile("连接耳机|Connect")))
    expect(page.get_by_text(re.compile("线路已接通|line is up", re.IGNORECASE)).last).to_be_visible(timeout=LINE_MS)
    keys.choose(page.get_by_role("button", name=re.compile("开始接听|Start|Become|Take calls")))
    until(lambda: desk.state() == "on", timeout=10, what="the headset is on")


def dial_and_identify(keys: Keyboard) -> None:
    """The patient that is shown, until he is known."""
    page = keys.page
    expect(page.get_by_role("button", name=re.compile("拨号|Dial"))).to_be_enabled(timeout=LINE_MS)
    keys.press("Alt+a")
    expect(page.get_by_role("region", name=re.compile("核对身份|Who is on the line"))).to_be_focused(timeout=LINE_MS)
    keys.press("1")
    keys.press("2")
    expect(page.locator(".identity.passed")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-question]").first).to_be_focused(timeout=20_000)


def hang_up_and_sign(keys: Keyboard) -> None:
    """The note is looked at and signed; then the next."""
    page = keys.page
    keys.press("Alt+h")
    strip = page.get_by_role("group", name=re.compile("通话小结|Wrap-up"))
    expect(strip).to_be_visible(timeout=20_000)
    expect(strip.get_by_role("radio", checked=True)).to_have_text(re.compile("完成|Completed"))
    keys.press("Control+Enter")
    expect(strip.get_by_role("status")).to_be_visible(timeout=20_000)
    keys.press("Control+Enter")
    expect(page.get_by_text(re.compile("记录已签署|the note is signed"))).to_be_visible(timeout=20_000)


def two_tasks(day: GoldenDay, agent_id: str) -> list[Task]:
    """李伟 first, 张敏 next, in a queue that shows before it dials."""
    with day.house.rows() as uow:
        queue = a_queue(uow, style=DialStyle.PREVIEW)
        tasks = []
        for name, number, priority in (("李伟", LI_WEI, 20), ("张敏", ZHANG_MIN, 50)):
            patient = work.a_known_patient(uow, name)
            patient.contact_points[0].number = number
            task = work.a_planned_task(uow, patient, queue)
            task.priority = priority
            tasks.append(task)
        desk = uow.queues.agent_for_update(agent_id)
        assert desk is not None
        desk.queues = [queue.id]
        return tasks


def call_of(day: GoldenDay, task: Task) -> tuple[str, str]:
    """The task's only attempt and its call."""
    with day.house.units() as uow:
        (attempt,) = uow.attempts.of_task(task.id)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        return attempt.id, call.id


def has_said_all(day: GoldenDay, call_id: str, seconds: float) -> None:
    """Both have had the time to say their sentence."""

    def long_enough() -> bool:
        call = day.place.call(call_id)
        with day.house.units() as uow:
            return call.answered_at is not None and (uow.now - call.answered_at).total_seconds() > seconds

    until(long_enough, timeout=seconds + 20, what="both have spoken", every=0.2)


def test_an_agent_and_a_supervisor_work_a_golden_day_by_keys_alone(
    browser: Browser, day: GoldenDay, tmp_path: Path
) -> None:
    agent_id, agent_login = day.newcomer(Role.AGENT, "王敏")
    _, supervisor_login = day.newcomer(Role.SUPERVISOR, "赵磊")
    first, second = two_tasks(day, agent_id)
    voice = write_microphone(tmp_path / "agent.wav", [AGENT_SAYS])
    tone = write_tone(tmp_path / "supervisor.wav", SUPERVISOR_HERTZ)
    with at_a_desk(browser, day.address, voice) as desk, at_a_desk(browser, day.address, tone) as overseer:
        keys, hers = Keyboard(desk.page), Keyboard(overseer.page)
        log_in(keys, agent_login)
        check_and_begin(keys, desk)
        print(f"soak: logged in, checked and available: {keys.pressed} keys")

        dial_and_identify(keys)
        attempt_id, call_id = call_of(day, first)
        asked = answer_everything(keys)
        keys.write("ok")
        expect(keys.page.locator(".saved.good")).to_be_visible(timeout=20_000)
        has_said_all(day, call_id, 14)
        hang_up_and_sign(keys)
        print(f"soak: and a call with {asked} answers, signed: {keys.pressed} keys")
        signed(day, attempt_id, agent_id)

        # The next patient comes by himself; the supervisor whispers into that call.
        log_in(hers, supervisor_login)
        dial_and_identify(keys)
        _, second_call = call_of(day, second)
        whisper(day, hers, overseer, desk, keys)
        keys.press("Alt+f")
        answer_everything(keys)
        hang_up_and_sign(keys)

        said = day.written_down(call_id)
        print("soak: written down:", said)
        of_agent, of_patient = said[Channel.AGENT], said[Channel.PATIENT]
        assert sum(word in of_agent for word in OF_AGENT) >= 2, said
        assert sum(word in of_patient for word in OF_PATIENT) >= 2, said
        assert not any(word in of_patient for word in OF_AGENT), said
        assert not any(word in of_agent for word in OF_PATIENT), said
        day.written_down(second_call)

        find(hers, next(word for word in OF_PATIENT if word in of_patient))
        print(f"soak: agent's keys {keys.pressed}, supervisor's {hers.pressed}")
        for page in (desk, overseer):
            complaints = [said for said in page.said if "Content Security" in said or "Error" in said]
            assert not complaints, "the page does nothing that its policy forbids"


def signed(day: GoldenDay, attempt_id: str, agent_id: str) -> None:
    """The note is hers, and the attempt is closed."""

    def closed() -> bool:
        with day.house.units() as uow:
            attempt = uow.attempts.get(attempt_id)
            note = uow.notes.of_attempt(attempt_id)
            return (
                attempt is not None
                and attempt.state is AttemptState.CLOSED
                and note is not None
                and (note.state, note.signed_by) == (NoteState.SIGNED, agent_id)
            )

    until(closed, timeout=20, what="the attempt is closed and its note signed")


def whisper(day: GoldenDay, hers: Keyboard, overseer: Desk, desk: Desk, keys: Keyboard) -> None:
    """The supervisor joins from her wall, is heard by the agent, and by the patient not at all."""
    page = hers.page
    hers.choose(page.get_by_role("link", name="实时监控"))
    hers.choose(page.get_by_role("button", name="监听 王敏 的通话"))
    dialog = page.get_by_role("dialog")
    hers.go_to(dialog.get_by_role("radio", name=re.compile("监听")))
    hers.press("ArrowDown")
    expect(dialog.get_by_role("radio", name=re.compile("耳语"))).to_be_checked()
    hers.go_to(dialog.get_by_role("combobox"))
    hers.press("ArrowDown")
    hers.press("Enter")
    hers.choose(dialog.get_by_role("button", name="进入"))
    hers.choose(dialog.get_by_role("button", name="连接浏览器耳机"))
    hers.choose(page.get_by_role("button", name="连接耳机"))
    hers.choose(page.get_by_role("button", name="完成"))
    hers.choose(page.get_by_role("button", name="保存话机并进入"))
    visit = page.get_by_role("region", name="您在 王敏 的通话中")
    expect(visit.get_by_role("radio", name="耳语")).to_be_checked(timeout=LINE_MS)
    until(lambda: desk.loudness(SUPERVISOR_HERTZ) > HEARD_DECIBELS, timeout=20, what="the agent hears the whisper")
    keys.press("Alt+m")
    heard = day.phone.heard(ZHANG_MIN)
    byte = heard.stat().st_size + 3 * PHONE_RATE
    until(lambda: len(heard_since(heard, byte)) > PHONE_RATE, timeout=15, what="the patient's second", every=0.1)
    assert not (abs(heard_since(heard, byte)) > SILENCE).any(), "the patient hears exactly nothing of the whisper"
    assert desk.loudness(SUPERVISOR_HERTZ) > HEARD_DECIBELS
    keys.press("Alt+m")
    hers.choose(visit.get_by_role("button", name="退出"))
    until(lambda: desk.loudness(SUPERVISOR_HERTZ) < NOT_HEARD_DECIBELS, timeout=20, what="the agent is alone again")


def find(hers: Keyboard, word: str) -> None:
    """By a word that was said, typed in pinyin."""
    page = hers.page
    hers.choose(page.get_by_role("link", name="录音"))
    expect(page.get_by_label("搜索通话内容")).to_be_visible(timeout=20_000)
    hers.press("/")
    hers.write(OF_PATIENT[word])
    hers.press("Enter")
    hits = page.get_by_role("list").get_by_role("link")
    expect(hits.first).to_be_visible(timeout=60_000)
    expect(page.locator("mark").first).to_have_text(word)
