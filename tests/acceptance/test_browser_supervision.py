"""A supervisor in her browser, from her page into an agent's call: Chromium, API, gateway, node and worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.users import Role
from followup.calls import CallState
from telephony.headsets.wire import LinkState
from tests.integration.api.house import Asking, open_house
from tests.support.headset_browser import Desk
from tests.support.headset_gateway import RunningGateway, running_gateway
from tests.support.heard_sound import PHONE_RATE, Samples, heard_since, share_of_tone
from tests.support.served_house import headset_page
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import Place, dial
from tests.support.waiting import until

pytestmark = pytest.mark.stranger

SUPERVISOR_HERTZ, AGENT_HERTZ, PATIENT_HERTZ = 500.0, 700.0, 1100.0
HEARD_DECIBELS, NOT_HEARD_DECIBELS = -50.0, -70.0
DESK, NUMBER = "desk", "+8613900000302"
LATELY = PHONE_RATE // 2 + 1
SILENCE = 0.002  # what G.711 makes of nothing is below
HEARD_SHARE, NOT_HEARD_SHARE = 0.002, 0.0001  # of the power, beside a far louder tone: 0.0055 and 0.00001 were measured


@dataclass
class Scene:
    """Everything that runs, and the supervisor."""

    place: Place
    gateway: RunningGateway
    phone: SipPatient
    desk: Desk
    overseer: Asking

    def line(self) -> str:
        """What the page says of her line."""
        return self.desk.page.inner_text("#line")

    def is_told(self, words: str) -> None:
        until(lambda: words in self.line(), timeout=6, what=f"the page says {words}, not {self.line()}")

    def has_line(self) -> bool:
        return self.gateway.door.look(self.overseer.user_id).line

    def lately(self, user: str, byte: int) -> Samples:
        """What a telephone has heard from that byte of its file on."""
        return heard_since(self.phone.heard(user), byte)

    def now(self, user: str) -> int:
        """The place in a telephone's file behind what is under way: a third of a second from now."""
        return self.phone.heard(user).stat().st_size + PHONE_RATE * 2 // 3

    def hears_supervisor(self, user: str) -> None:
        byte = self.now(user)
        until(
            lambda: share_of_tone(self.lately(user, byte), SUPERVISOR_HERTZ) > HEARD_SHARE,
            timeout=8,
            what=f"{user} hears the supervisor's tone",
            every=0.2,
        )

    def no_longer_hears_her(self, user: str) -> None:
        until(
            lambda: share_of_tone(self.lately(user, 0)[-LATELY:], SUPERVISOR_HERTZ) < NOT_HEARD_SHARE,
            timeout=4,
            what=f"{user} hears nothing of the supervisor any more",
            every=0.1,
        )

    def has_heard_nothing_of_her(self, user: str, since: int) -> None:
        """Whether a whole stretch is free of her, not only its end."""
        until(lambda: len(self.lately(user, since)) > LATELY, timeout=5, what="half a second", every=0.1)
        assert share_of_tone(self.lately(user, since), SUPERVISOR_HERTZ) < NOT_HEARD_SHARE


@pytest.fixture
def scene(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[Scene]:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    programmes = {DESK: f"answer.play-{AGENT_HERTZ:.0f}", NUMBER: f"answer.play-{PATIENT_HERTZ:.0f}"}
    with (
        open_house(database_url, broker_url, tmp_path, gateway_socket=door) as house,
        sip_patient(tmp_path / "phone", programmes) as phone,
        running_gateway(tmp_path / "gateway", door, database_url=database_url) as gateway,
    ):
        overseer = house.caller(Role.SUPERVISOR)
        assert overseer.person is not None
        with headset_page(house, overseer.person, phone, tmp_path, database_url, hertz=SUPERVISOR_HERTZ) as (
            place,
            desk,
        ):
            yield Scene(place, gateway, phone, desk, overseer)


def test_a_supervisor_listens_whispers_and_barges_in_her_browser_and_has_no_line_before_and_after(
    scene: Scene,
) -> None:
    overseer, desk, look = scene.overseer, scene.desk, scene.gateway.door.look
    desk.page.click("#power")
    until(lambda: look(overseer.user_id).link is LinkState.UP, timeout=15, what=f"she is linked; {desk.said}")
    scene.is_told("已就绪")
    call_id, _ = dial(scene.place, NUMBER)
    until(lambda: scene.place.call(call_id).state is CallState.BRIDGED, timeout=15, what="agent and patient talk")
    assert not scene.has_line(), "a headset between visits is on no line"

    def begin() -> str:
        begun = overseer.post(f"/calls/{call_id}/supervisions", {"mode": "listen", "reason": "training"})
        assert begun.status_code == 202, begun.text
        return str(begun.json()["id"])

    def move(mode: str, words: str) -> None:
        asked = overseer.post(f"/supervisions/{supervision}/mode", {"mode": mode})
        assert asked.status_code == 202, asked.text
        scene.is_told(words)

    # She listens: both tones by their spectrum, and nobody hears her.
    since = {user: scene.now(user) for user in (DESK, NUMBER)}
    supervision = begin()
    scene.is_told("正在监听")
    for hertz in (AGENT_HERTZ, PATIENT_HERTZ):
        until(lambda: desk.loudness(hertz) > HEARD_DECIBELS, timeout=8, what=f"she hears {hertz} Hz")  # noqa: B023
    assert desk.loudness(SUPERVISOR_HERTZ) < NOT_HEARD_DECIBELS, "and not herself"
    for user in (DESK, NUMBER):
        scene.has_heard_nothing_of_her(user, since[user])

    # She whispers: the agent's telephone hears her. The agent is muted, so that the patient's silence is exact.
    move("whisper", "正在密语")
    scene.hears_supervisor(DESK)
    assert overseer.post(f"/calls/{call_id}/commands", {"verb": "mute"}).status_code == 202
    byte = scene.now(NUMBER) + PHONE_RATE
    until(lambda: len(scene.lately(NUMBER, byte)) > PHONE_RATE, timeout=6, what="the patient's second", every=0.1)
    assert not (abs(scene.lately(NUMBER, byte)) > SILENCE).any(), "the patient hears exactly nothing of the whisper"
    scene.hears_supervisor(DESK)
    assert overseer.post(f"/calls/{call_id}/commands", {"verb": "unmute"}).status_code == 202

    # Muted in her browser: silence at once, on no server.
    desk.page.keyboard.press("m")
    scene.no_longer_hears_her(DESK)
    desk.page.keyboard.press("m")

    move("barge", "三方通话")
    for user in (DESK, NUMBER):
        scene.hears_supervisor(user)

    # A reload is short enough to stay; after its end her line is down, her browser linked, the call goes on.
    desk.page.reload()
    scene.is_told("三方通话")
    until(lambda: desk.loudness(PATIENT_HERTZ) > HEARD_DECIBELS, timeout=8, what="she hears the patient again")
    assert overseer.post(f"/supervisions/{supervision}/end").status_code == 202
    scene.is_told("已就绪")
    until(lambda: not scene.has_line(), timeout=5, what="her line is down")
    assert look(overseer.user_id).link is LinkState.UP
    assert scene.place.call(call_id).state is CallState.BRIDGED

    # A browser that is gone ends her visit after a few seconds and nothing else.
    supervision = begin()
    scene.is_told("正在监听")
    desk.page.goto("about:blank")
    until(lambda: overseer.get("/supervisions").json()["supervisions"] == [], timeout=12, what="her visit is over")
    assert look(overseer.user_id).link is LinkState.NONE
    assert scene.place.call(call_id).state is CallState.BRIDGED
    complaints = [said for said in desk.said if "Content Security Policy" in said or "Uncaught" in said]
    assert not complaints, "the page does nothing that its policy forbids"
