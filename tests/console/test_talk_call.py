"""A real call from the console: its page wears the headset, dials, mutes, is reloaded, taken over, and hangs up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from care.consent import Purpose
from db.users import Role
from followup.calls import CallState
from followup.plans import TaskMode
from followup.queues import Agent, AgentState, HeadsetState
from scheduler.dialer import reserve
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.console.browser import CHROMIUM, page_of
from tests.integration.api.house import House, open_house
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.headset_browser import Desk, write_tone
from tests.support.headset_gateway import running_gateway
from tests.support.heard_sound import PHONE_RATE, Samples, heard_since, share_of_tone
from tests.support.ports import free_udp_block
from tests.support.relayed_events import relayed_events
from tests.support.served_house import served
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import GATE, PORTS, Place, node_at
from tests.support.waiting import until

AGENT_HERTZ, PATIENT_HERTZ = 500.0, 1000.0
NUMBER = "+8613900000301"
LINE_MS = 20_000  # a call worker starts within seconds, on a busy machine too


@dataclass
class Scene:
    """Everything that runs, and the agent's page."""

    house: House
    place: Place
    phone: SipPatient
    desk: Desk
    agent_id: str

    @property
    def page(self) -> Page:
        return self.desk.page

    def agent(self) -> Agent:
        with self.house.rows() as uow:
            agent = uow.queues.agent(self.agent_id)
            assert agent is not None
            return agent

    def preview(self) -> str:
        """Show her a patient whom she may dial; the call's id."""
        with self.house.rows() as uow:
            patient = a_patient(uow, name="李伟")
            patient.contact_points[0].number = NUMBER
            task = a_task(uow, patient, a_queue(uow, mode=TaskMode.AGENT, purpose=Purpose.CARE))
            attempt = reserve(
                uow,
                task=task,
                agent_id=self.agent_id,
                node="node-1",
                gate=GATE,
                now=uow.now,
                preview=timedelta(minutes=2),
            )
            return attempt.id

    def call_of(self, attempt_id: str) -> str:
        with self.house.rows() as uow:
            call = uow.calls.of_attempt(attempt_id)
            assert call is not None
            return call.id

    def heard_since(self, byte: int) -> Samples:
        return heard_since(self.phone.heard(NUMBER), byte)

    def written(self) -> int:
        """From here on, with half a second for what is under way."""
        return self.phone.heard(NUMBER).stat().st_size + PHONE_RATE

    def patient_hears_her(self) -> None:
        byte = self.written()
        until(
            lambda: (
                len(heard := self.heard_since(byte)) > PHONE_RATE // 2
                and share_of_tone(heard[-PHONE_RATE:], AGENT_HERTZ) > 0.9
            ),
            timeout=12,
            what="the patient hears the agent's tone and nothing else",
            every=0.2,
        )

    def patient_hears_nothing(self) -> None:
        byte = self.written()
        until(
            lambda: len(muted := self.heard_since(byte)) > PHONE_RATE // 2 and not (abs(muted) > 0.002).any(),
            timeout=6,
            what="the patient hears nothing",
            every=0.2,
        )

    def she_hears_him(self, desk: Desk) -> None:
        until(
            lambda: abs((desk.hears() or 0.0) - PATIENT_HERTZ) < 20,
            timeout=12,
            what="the agent hears the patient's tone",
        )


@pytest.fixture
def scene(
    browser: Browser, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[Scene]:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    microphone = write_tone(tmp_path / "microphone.wav", AGENT_HERTZ)
    with (
        open_house(database_url, broker_url, tmp_path, gateway_socket=door, hospital_name="示范医院") as house,
        sip_patient(tmp_path / "phone", {NUMBER: f"answer.play-{PATIENT_HERTZ:.0f}"}) as phone,
        running_gateway(tmp_path / "gateway", door, database_url=database_url),
        relayed_events(house.units, broker_url),
        served(house) as url,
    ):
        trunk = Trunk(name="town", host=phone.host, port=phone.port, loopback_only=True)
        place = Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=house.units,
            database_url=database_url,
        )
        person = house.person(Role.AGENT)
        speaking = browser.browser_type.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        try:
            with node_at(place):
                page = page_of(speaking, url, person)
                page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?", in a call
                page.goto("/work")
                yield Scene(house, place, phone, Desk(page), person.user_id)
        finally:
            speaking.close()


def test_a_call_is_dialed_muted_reloaded_taken_over_by_another_tab_and_hung_up_from_the_console(scene: Scene) -> None:
    page, bar = scene.page, scene.page.get_by_role("region", name="通话栏")

    # Nobody becomes available without a headset: the check comes first, and is passed by speaking.
    expect(page.get_by_role("button", name="未上班")).to_be_visible(timeout=LINE_MS)
    page.keyboard.press("Alt+s")
    page.get_by_role("menuitem", name="空闲").click()
    page.get_by_role("button", name="连接耳机").click()
    expect(page.get_by_text("能听到您的声音")).to_be_visible(timeout=LINE_MS)
    expect(page.get_by_text("线路已接通", exact=True).last).to_be_visible(timeout=LINE_MS)
    page.get_by_role("button", name="开始接听").click()
    until(lambda: scene.agent().state is AgentState.AVAILABLE, timeout=10, what="she is available")
    assert scene.agent().headset_state is HeadsetState.UP
    line = scene.agent().headset_leg_id

    # She looks first, then dials by a key.
    attempt_id = scene.preview()
    expect(bar).to_contain_text("待拨", timeout=10_000)
    page.keyboard.press("Alt+a")
    expect(bar).to_contain_text("通话中", timeout=LINE_MS)
    call_id = scene.call_of(attempt_id)
    assert scene.place.call(call_id).state is CallState.BRIDGED
    expect(bar).to_contain_text("****0301")
    scene.she_hears_him(scene.desk)
    scene.patient_hears_her()
    expect(bar).to_contain_text("录音中")

    # One key mutes, at once, and says so.
    mute = bar.get_by_role("button", name="静音")
    page.keyboard.press("Alt+m")
    expect(mute).to_have_attribute("aria-pressed", "true")
    expect(mute).to_contain_text("已静音")
    scene.patient_hears_nothing()

    # The page is loaded anew: the call goes on, her headset comes back by itself, and muted stays muted.
    page.reload()
    until(lambda: scene.desk.state() == "on", timeout=15, what="the reloaded page wears the headset")
    until(lambda: scene.agent().headset_lost_at is None, timeout=5, what="the loss is over")
    expect(bar).to_contain_text("通话中")
    expect(mute).to_have_attribute("aria-pressed", "true")
    scene.she_hears_him(scene.desk)
    scene.patient_hears_nothing()
    page.keyboard.press("Alt+m")
    expect(mute).to_have_attribute("aria-pressed", "false")
    scene.patient_hears_her()
    assert scene.agent().headset_leg_id == line, "it is the same line"

    # A second tab only shows; it takes the call over when it is asked to.
    other = Desk(page.context.new_page())
    other.page.on("dialog", lambda dialog: dialog.accept())
    other.page.goto("/work")
    expect(other.page.get_by_text("另一个标签页正在通话")).to_be_visible(timeout=10_000)
    theirs = other.page.get_by_role("region", name="通话栏")
    expect(theirs.get_by_role("button", name="保持")).to_be_disabled()
    other.page.get_by_role("button", name="在此接管").click()
    until(lambda: other.state() == "on", timeout=15, what="the other tab wears the headset")
    expect(page.get_by_text("另一个标签页正在通话")).to_be_visible()
    assert scene.desk.state() == "off"
    scene.she_hears_him(other)
    scene.patient_hears_her()

    # One key hangs up; the wrap-up takes the call's place, and nobody is muted.
    other.page.keyboard.press("Alt+m")
    other.page.keyboard.press("Alt+h")
    scene.phone.wait_for("disconnected", NUMBER)
    until(lambda: scene.place.call(call_id).state is CallState.ENDED, timeout=10, what="the call has ended")
    expect(theirs).to_contain_text("通话小结")
    assert other.page.evaluate("() => headset.muted") is False
    complaints = [
        said for desk in (scene.desk, other) for said in desk.said if "Content Security" in said or "Error" in said
    ]
    assert not complaints, "the page does nothing that its policy forbids"
