"""A browser as an agent's headset, from her page to the patient's phone: Chromium, API, gateway, node and worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from care.consent import Purpose
from db.users import Role
from followup.calls import CallState
from followup.plans import TaskMode
from followup.queues import Agent, AgentState, HeadsetState
from scheduler.dialer import reserve
from tests.integration.api.house import House, open_house
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.headset_browser import Desk
from tests.support.headset_gateway import RunningGateway, running_gateway
from tests.support.heard_sound import PHONE_RATE, Samples, heard_since, share_of_tone
from tests.support.served_house import headset_page
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import GATE, Place
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

AGENT_HERTZ, PATIENT_HERTZ = 500.0, 1000.0
FRAME = 320  # samples of one tick of a worker's clock
SIDES = ("agent", "patient")
NUMBER = "+8613900000301"


@dataclass
class Scene:
    """Everything that runs, and the agent."""

    house: House
    place: Place
    gateway: RunningGateway
    phone: SipPatient
    desk: Desk
    agent_id: str

    def agent(self) -> Agent:
        with self.place.units() as uow:
            agent = uow.queues.agent(self.agent_id)
            assert agent is not None
            return agent

    def dial(self, number: str) -> str:
        """Reserve an attempt for the agent; the call's id once both talk."""
        with self.place.units() as uow:
            patient = a_patient(uow)
            patient.contact_points[0].number = number
            queue = a_queue(uow, mode=TaskMode.AGENT, purpose=Purpose.CARE)
            task = a_task(uow, patient, queue)
            agent = uow.queues.agent_for_update(self.agent_id)
            assert agent is not None
            agent.state, agent.heartbeat_at = AgentState.AVAILABLE, uow.now
            uow.flush()
            attempt = reserve(uow, task=task, agent_id=self.agent_id, node="node-1", gate=GATE, now=uow.now)
            call = uow.calls.of_attempt(attempt.id)
            assert call is not None
            uow.commit()
        until(lambda: self.place.call(call.id).state is CallState.BRIDGED, timeout=15, what="both talk")
        return call.id


@pytest.fixture
def scene(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[Scene]:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    with (
        open_house(database_url, broker_url, tmp_path, gateway_socket=door) as house,
        sip_patient(tmp_path / "phone", {NUMBER: f"answer.play-{PATIENT_HERTZ:.0f}"}) as phone,
        running_gateway(tmp_path / "gateway", door, database_url=database_url, rejoin_seconds=4.0) as gateway,
    ):
        person = house.person(Role.AGENT)
        with headset_page(house, person, phone, tmp_path, database_url, hertz=AGENT_HERTZ) as (place, desk):
            yield Scene(house, place, gateway, phone, desk, person.user_id)


def speaks(samples: Samples) -> bool:
    """Whether a prompt is in there: loud, and not the agent's tone."""
    return (
        len(samples) > PHONE_RATE // 2 and float(np.std(samples)) > 0.02 and share_of_tone(samples, AGENT_HERTZ) < 0.2
    )


def put_on(scene: Scene) -> None:
    scene.desk.page.click("#power")
    until(lambda: scene.desk.state() == "on", timeout=15, what=f"the browser is linked; it said {scene.desk.said}")
    until(lambda: scene.agent().headset_state is HeadsetState.UP, timeout=15, what="the headset's line is up")


def test_an_agent_talks_through_her_browser_reloads_loses_the_network_and_leaves(scene: Scene) -> None:
    put_on(scene)
    line = scene.agent().headset_leg_id
    call_id = scene.dial(NUMBER)
    until(
        lambda: abs((scene.desk.hears() or 0.0) - PATIENT_HERTZ) < 20,
        timeout=10,
        what="the agent hears the patient's tone",
    )

    heard = scene.phone.heard(NUMBER)
    until(
        lambda: share_of_tone(heard_since(heard, 0)[PHONE_RATE // 2 :], AGENT_HERTZ) > 0.9,
        timeout=10,
        what="the patient hears the agent's tone and nothing else",
        every=0.2,
    )

    # Muted by a key: silence at once, and said in words.
    scene.desk.page.keyboard.press("m")
    byte = heard.stat().st_size + PHONE_RATE  # half a second, for what is under way
    until(
        lambda: len(muted := heard_since(heard, byte)) > PHONE_RATE // 2 and not (abs(muted) > 0.002).any(),
        timeout=5,
        what="the patient hears nothing",
        every=0.2,
    )
    assert "已静音" in scene.desk.page.inner_text("#mute")
    scene.desk.page.keyboard.press("m")

    # A second tab does not push the first one out.
    other = scene.desk.page.context.new_page()
    other.goto(scene.desk.page.url)
    until(lambda: other.evaluate("() => window.headset?.problem") == "worn_elsewhere", timeout=8, what="it says so")
    other.close()
    assert scene.desk.state() == "on"

    # A reload in the middle of the call: the line stays, and the page comes back by itself.
    scene.desk.page.reload()
    until(lambda: scene.desk.state() == "on", timeout=10, what="the reloaded page is linked again")
    until(lambda: scene.agent().headset_lost_at is None, timeout=5, what="the loss is over")
    until(lambda: abs((scene.desk.hears() or 0.0) - PATIENT_HERTZ) < 20, timeout=10, what="they talk on")
    assert scene.place.call(call_id).state is CallState.BRIDGED
    assert scene.agent().headset_leg_id == line, "it is the same line"

    # The network is gone for a while: the patient hears a prompt, then the agent again.
    scene.desk.freeze()
    try:
        until(lambda: scene.agent().headset_lost_at is not None, timeout=6, what="the loss is seen")
        byte = heard.stat().st_size
        until(lambda: speaks(heard_since(heard, byte)), timeout=5, what="the patient is asked to hold on", every=0.2)
    finally:
        scene.desk.thaw()
    until(lambda: scene.agent().headset_lost_at is None, timeout=10, what="she is back")
    byte = heard.stat().st_size + PHONE_RATE  # the prompt is cut at once
    until(
        lambda: len(again := heard_since(heard, byte)) > PHONE_RATE and share_of_tone(again, AGENT_HERTZ) > 0.9,
        timeout=10,
        what="the patient hears the agent again",
        every=0.2,
    )
    assert scene.place.call(call_id).state is CallState.BRIDGED

    # She does not come back: her line ends; the patient hears an apology, then the call ends and waits for its wrap-up.
    scene.desk.page.goto("about:blank")
    until(lambda: scene.agent().headset_state is HeadsetState.DOWN, timeout=15, what="her headset is down")
    byte = heard.stat().st_size + PHONE_RATE
    until(lambda: speaks(heard_since(heard, byte)), timeout=5, what="the patient hears an apology", every=0.2)
    assert scene.place.call(call_id).state is CallState.ANSWERED, "it is heard to its end"
    until(lambda: scene.place.call(call_id).state is CallState.ENDED, timeout=12, what="the call ends without her")
    scene.phone.wait_for("disconnected", NUMBER)
    agent = scene.agent()
    assert agent.state is AgentState.WRAP_UP
    assert not agent.headset_wanted, "nobody rings a browser that is gone"
    # The recording went on through all of it, both sides as long as each other.
    recorded = {side: heard_since(scene.place.folder / "spool" / call_id / f"{side}.wav", 0) for side in SIDES}
    assert abs(len(recorded["agent"]) - len(recorded["patient"])) <= FRAME
    assert share_of_tone(recorded["patient"], PATIENT_HERTZ) > 0.9, "without a break"
    assert share_of_tone(recorded["agent"][: 2 * PHONE_RATE], AGENT_HERTZ) > 0.9
    complaints = [said for said in scene.desk.said if "Content Security Policy" in said or "Uncaught" in said]
    assert not complaints, "the page does nothing that its policy forbids"
