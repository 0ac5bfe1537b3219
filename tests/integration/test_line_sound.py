"""What everybody on a real line hears, and what the recording holds, in every state of a call: a spectrum of each.

Agent, patient, supervisor and third party each speak a tone of their own. One call goes through every state; whoever
is there keeps what he receives, and the last half second of each state is looked at.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, MonitorMode, RejectedError, TransferEnding, TransferMode, Trunk
from telephony.sip import wire
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.sip_peer import NodeConnection, call_worker, loopback_trunk, outbound
from tests.support.tones import RATE, amplitudes, samples_of, write_tone
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
TONES = {"agent": 400, "patient": 1004, "supervisor": 1702, "third": 2306, "music": 622}
HEARD = 1000.0  # amplitude of a tone that is there; they are spoken at about 12 000
UNHEARD = 30.0  # of one that is not: 50 dB below, where the companding of a sum of two others may leave something
SETTLED_SECONDS = 1.3  # the files lag by what their writers buffer (0.26 s), the far ends by their jitter buffers
PLACES = ("agent", "patient", "supervisor", "third", "left", "right")  # left and right are the recording's channels


@dataclass(kw_only=True)
class Call:
    """The call all this is tried on, and the spectra seen."""

    node: NodeConnection
    phone: SipPatient
    trunk: Trunk
    folder: Path
    music: Path
    legs: dict[str, LegId] = field(default_factory=dict)
    spectra: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def bring(self, who: str, role: LegRole, *, join_leg: str | None = None, recorded: bool = False) -> None:
        """Let somebody be on the line."""
        folder = self.folder / "spool" if recorded else None
        leg = outbound(who, leg_id=who, role=role, join_leg=join_leg, recording_folder=folder)
        self.node.do(wire.Originate(leg=leg, trunk=self.trunk))
        self.node.wait_for(who, LegEventKind.RECORDING_STARTED if recorded else LegEventKind.ANSWERED)
        self.legs[who] = leg.leg_id

    def file(self, place: str) -> Path:
        """Where it is kept what is heard there."""
        if place in ("left", "right"):
            return self.folder / "spool" / ("agent.wav" if place == "left" else "patient.wav")
        return self.phone.heard(place)

    def hear(self, state: str) -> dict[str, dict[str, float]]:
        """How loud each tone is everywhere, once this state of the call has lasted a while."""
        before = {place: len(samples_of(self.file(place))) for place in PLACES if self.file(place).exists()}
        began = time.monotonic()

        def settled() -> dict[str, dict[str, float]] | None:
            samples = {place: samples_of(self.file(place)) for place in before}
            grown = all(len(samples[place]) - size > RATE for place, size in before.items())
            if not grown or time.monotonic() - began < SETTLED_SECONDS:
                return None
            spectra = {place: amplitudes(samples[place], TONES) for place in before}
            # A busy machine drops a packet now and then, which is heard as a click: another half second is looked at.
            clear = all(not UNHEARD < loud < HEARD for tones in spectra.values() for loud in tones.values())
            return spectra if clear else None

        spectra = until(settled, timeout=10, what=f"{state}: every tone is clearly there or clearly not", every=0.1)
        assert spectra is not None
        self.spectra[state] = spectra
        return spectra


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    folder = tmp_path_factory.mktemp("sound")
    programmes = {who: f"answer.play-{TONES[who]}" for who in ("agent", "patient", "supervisor", "third")}
    with sip_patient(folder / "phone", programmes) as phone, call_worker(folder / "worker") as worker:
        music = write_tone(folder / "music.wav", TONES["music"])
        yield Call(node=worker.connect(), phone=phone, trunk=loopback_trunk(phone.port), folder=folder, music=music)


def heard_in(spectra: dict[str, dict[str, float]]) -> dict[str, set[str]]:
    """Who is heard where."""
    return {place: {tone for tone, loud in tones.items() if loud > HEARD} for place, tones in spectra.items()}


def everywhere(**heard: str) -> dict[str, set[str]]:
    """Who is heard where, by the first letters of their names: `patient="AS"`."""
    names = {name[0].upper(): name for name in TONES}
    return {place: {names[letter] for letter in letters} for place, letters in heard.items()}


def test_every_state_of_a_call_sounds_as_it_should_to_everybody_and_on_both_channels(call: Call) -> None:
    node, patient, agent = call.node, LegId("patient"), LegId("agent")
    supervisor = LegId("supervisor")
    seen: dict[str, dict[str, set[str]]] = {}

    def after(state: str, act: Callable[[], object]) -> None:
        act()
        seen[state] = heard_in(call.hear(state))

    def told(leg: str, kind: LegEventKind, times: int = 1) -> None:
        node.wait_for(leg, kind, times=times)

    call.bring("agent", LegRole.AGENT)
    call.bring("supervisor", LegRole.SUPERVISOR)
    with pytest.raises(RejectedError):
        node.do(wire.Monitor(leg_id=supervisor, other=agent, mode=MonitorMode.LISTEN))
    after("headset between calls", lambda: None)
    assert not list(call.folder.rglob("*recording.json"))

    after("bridged", lambda: call.bring("patient", LegRole.PATIENT, join_leg="agent", recorded=True))
    after("agent muted", lambda: node.do(wire.Mute(leg_id=agent)))
    node.do(wire.Unmute(leg_id=agent))
    after("patient muted", lambda: node.do(wire.Mute(leg_id=patient)))
    node.do(wire.Unmute(leg_id=patient))
    node.do(wire.Hold(leg_id=patient, music=call.music))
    after("held", lambda: told("patient", LegEventKind.HELD))
    node.do(wire.Resume(leg_id=patient))
    told("patient", LegEventKind.RESUMED)
    after("paused", lambda: node.do(wire.PauseRecording(leg_id=patient)))
    node.do(wire.ResumeRecording(leg_id=patient))
    for mode in MonitorMode:
        after(mode.value, lambda mode=mode: node.do(wire.Monitor(leg_id=supervisor, other=patient, mode=mode)))  # type: ignore[misc]
    node.do(wire.Monitor(leg_id=supervisor, other=patient, mode=MonitorMode.LISTEN))
    third = outbound("third", leg_id="third", role=LegRole.THIRD_PARTY)
    node.do(
        wire.Transfer(
            leg_id=patient, headset=agent, to=third, trunk=call.trunk, mode=TransferMode.CONSULT, music=call.music
        )
    )
    after("consult", lambda: told("third", LegEventKind.BRIDGED))
    after("together", lambda: node.do(wire.EndTransfer(leg_id=patient, ending=TransferEnding.TOGETHER)))
    node.do(wire.Unbridge(leg_id=third.leg_id, other=agent))
    take_over = wire.Monitor(leg_id=supervisor, other=patient, mode=MonitorMode.TAKE_OVER)
    after("taken over with a third party", lambda: node.do(take_over))
    node.do(wire.Unbridge(leg_id=patient, other=agent))
    after("without an agent", lambda: node.do(wire.StopMonitoring(leg_id=supervisor)))
    node.do(wire.HangUp(leg_id=patient, reason=EndReason.HANG_UP))
    told("patient", LegEventKind.ENDED)
    told("third", LegEventKind.ENDED)

    talk = {"agent": "P", "patient": "A", "left": "A", "right": "P"}
    alone = {"supervisor": ""}
    assert seen == {
        "headset between calls": everywhere(agent="", **alone),
        "bridged": everywhere(**talk, **alone),
        "agent muted": everywhere(agent="P", patient="", left="", right="P", **alone),
        "patient muted": everywhere(agent="", patient="A", left="A", right="", **alone),
        "held": everywhere(agent="", patient="M", left="M", right="", **alone),
        "paused": everywhere(agent="P", patient="A", left="", right="", **alone),
        "listen": everywhere(**talk, supervisor="AP"),
        "whisper": everywhere(**talk | {"agent": "PS"}, supervisor="AP"),
        "barge": everywhere(agent="PS", patient="AS", left="AS", right="P", supervisor="AP"),
        "take_over": everywhere(agent="", patient="S", left="S", right="P", supervisor="P"),
        "consult": everywhere(agent="T", third="A", patient="M", left="M", right="", supervisor="AT"),
        "together": everywhere(agent="PT", third="AP", patient="AT", left="AT", right="P", supervisor="APT"),
        "taken over with a third party": everywhere(
            agent="", third="PS", patient="ST", left="ST", right="P", supervisor="PT"
        ),
        "without an agent": everywhere(agent="", third="P", patient="T", left="T", right="P", **alone),
    }
    (call.folder / "spectra.json").write_text(json.dumps(call.spectra, indent=1))

    # Whatever was held, muted and paused on the way: both channels are as long as each other, to the sample.
    start = json.loads((call.folder / "spool" / "recording.json").read_text())
    left, right = len(samples_of(call.file("left"))), len(samples_of(call.file("right")))
    assert left + start["agent_offset_samples"] == right + start["patient_offset_samples"]

    # The patient hears of a whispering supervisor what she hears of somebody who is not there at all.
    nobody = max(call.spectra[state]["patient"]["supervisor"] for state in ("bridged", "listen"))
    assert call.spectra["whisper"]["patient"]["supervisor"] <= max(nobody, 1.0)
    assert call.spectra["whisper"]["left"]["supervisor"] <= 1.0


def test_a_supervisor_who_goes_from_listening_to_whispering_and_back_makes_no_click(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.alignment_probe", str(tmp_path), "changes"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    heard = np.load(tmp_path / "changes" / "agent.npy").astype(int)
    begin, end = np.flatnonzero(heard)[[0, -1]]
    talk = heard[begin + RATE // 50 : end - RATE // 50]
    assert len(talk) > 1.5 * RATE
    # 400 Hz at 8 kHz: each sample is the one twenty before it, if nothing was left out, put in or added.
    assert np.abs(talk[20:] - talk[:-20]).max() <= 1
