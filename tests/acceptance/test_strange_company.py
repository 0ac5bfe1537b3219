"""A call among strangers: patient, agent, supervisor and third party are programs that are not ours, each with a tone.

What a baresip hears it keeps by itself; the recording is ours. The last half second of each state is looked at.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, MonitorMode, OutboundLeg, TransferEnding, TransferMode
from telephony.sip import wire
from tests.support.baresip import Baresip, baresip, needs_baresip
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import needs_sipp, sipp
from tests.support.sipp_sounds import tone, write_voice
from tests.support.tones import RATE, amplitudes, samples_of, write_tone
from tests.support.waiting import until

pytestmark = [pytest.mark.stranger, needs_baresip]

TONES = {"agent": 400, "patient": 1004, "supervisor": 1702, "third": 2306, "music": 622}
HEARD = 1000.0  # amplitude of a tone that is there: 8 000 is spoken
UNHEARD = 30.0  # of one that is not: what the companding of a sum of others may leave
SETTLED_SECONDS = 1.2  # jitter buffers, and what our recorder's writers keep back
ROLES = {
    "agent": LegRole.AGENT,
    "patient": LegRole.PATIENT,
    "supervisor": LegRole.SUPERVISOR,
    "third": LegRole.THIRD_PARTY,
}


@dataclass
class Company:
    """Strangers around one of our workers, and the call they are in."""

    node: NodeConnection
    folder: Path
    strangers: dict[str, Baresip]
    legs: dict[str, LegId] = field(default_factory=dict)

    def bring(self, who: str, *, join: str | None = None) -> LegId:
        """Let a baresip be on the line."""
        leg = outbound(
            who,
            role=ROLES[who],
            join_leg=self.legs[join] if join else None,
            recording_folder=self.folder / "spool" if who == "patient" else None,
        )
        self.legs[who] = leg.leg_id
        request = wire.Originate(leg=leg, trunk=loopback_trunk(self.strangers[who].port))
        until(lambda: self.node.ask(request).ok, timeout=5, what="the worker takes the call", every=0.1)
        self.node.wait_for(leg.leg_id, LegEventKind.RECORDING_STARTED if who == "patient" else LegEventKind.ANSWERED)
        return leg.leg_id

    def talk(self) -> tuple[LegId, LegId]:
        """Patient and agent, joined."""
        agent = self.bring("agent")
        patient = self.bring("patient", join="agent")
        self.node.wait_for(patient, LegEventKind.BRIDGED)
        return patient, agent

    def hear(self) -> dict[str, dict[str, float]]:
        """How loud each tone is to every baresip in the call and on both channels, once this has lasted a while."""
        files = {who: self.strangers[who].heard() for who in self.legs if who in self.strangers}
        spool = self.folder / "spool"
        files |= {"left": spool / "agent.wav", "right": spool / "patient.wav"}
        before = {place: len(samples_of(file)) for place, file in files.items()}
        began = time.monotonic()

        def settled() -> dict[str, dict[str, float]] | None:
            samples = {place: samples_of(file) for place, file in files.items()}
            grown = all(len(samples[place]) - size > RATE for place, size in before.items())
            if not grown or time.monotonic() - began < SETTLED_SECONDS:
                return None
            spectra = {place: amplitudes(samples[place], TONES) for place in files}
            clear = all(not UNHEARD < loud < HEARD for tones in spectra.values() for loud in tones.values())
            return spectra if clear else None

        spectra = until(settled, timeout=10, what="every tone is clearly there or clearly not", every=0.1)
        assert spectra is not None
        return spectra

    def heard(self) -> dict[str, str]:
        """Who is heard where now."""
        return heard_in(self.hear())

    def disperse(self) -> None:
        """Hang everybody up."""
        for leg in self.node.status().legs:
            self.node.ask(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        until(lambda: not self.node.status().legs, timeout=10, what="everybody is gone")
        self.legs.clear()


def heard_in(spectra: dict[str, dict[str, float]]) -> dict[str, str]:
    """Who is heard where, by the first letters of their names."""
    return {
        place: "".join(sorted(name[0].upper() for name, loud in tones.items() if loud > HEARD))
        for place, tones in spectra.items()
    }


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Baresip]]:
    folder = tmp_path_factory.mktemp("strangers")
    with ExitStack() as stack:
        yield {
            who: stack.enter_context(baresip(folder / who, user=who, hertz=TONES[who], keeps_sound=True))
            for who in ROLES
        }


@pytest.fixture
def company(worker: WorkerUnderTest, strangers: dict[str, Baresip], tmp_path: Path) -> Iterator[Company]:
    node = worker.connect()
    there = Company(node, tmp_path, strangers)
    yield there
    there.disperse()
    node.close()


def test_a_supervisor_among_baresips_is_heard_by_exactly_those_she_wants(company: Company) -> None:
    patient, _ = company.talk()
    supervisor = company.bring("supervisor")
    spectra: dict[MonitorMode, dict[str, dict[str, float]]] = {}
    for mode in MonitorMode:
        company.node.do(wire.Monitor(leg_id=supervisor, other=patient, mode=mode))
        spectra[mode] = company.hear()
    talk = {"agent": "P", "patient": "A", "left": "A", "right": "P"}
    assert {mode: heard_in(heard) for mode, heard in spectra.items()} == {
        MonitorMode.LISTEN: talk | {"supervisor": "AP"},
        MonitorMode.WHISPER: talk | {"agent": "PS", "supervisor": "AP"},
        MonitorMode.BARGE: {"agent": "PS", "patient": "AS", "supervisor": "AP", "left": "AS", "right": "P"},
        MonitorMode.TAKE_OVER: {"agent": "", "patient": "S", "supervisor": "P", "left": "S", "right": "P"},
    }
    # Of a whispering supervisor the patient receives what she receives of one who only listens: the companding.
    for place in ("patient", "left"):
        whispered, listened = (spectra[mode][place]["supervisor"] for mode in (MonitorMode.WHISPER, MonitorMode.LISTEN))
        assert whispered <= max(listened, 1.0), place


def test_muted_is_silence_to_the_stranger_and_paused_is_silence_in_the_recording_alone(company: Company) -> None:
    patient, agent = company.talk()
    company.node.do(wire.Mute(leg_id=agent))
    assert company.heard() == {"agent": "P", "patient": "", "left": "", "right": "P"}
    company.node.do(wire.Unmute(leg_id=agent))
    company.node.do(wire.PauseRecording(leg_id=patient))
    assert company.heard() == {"agent": "P", "patient": "A", "left": "", "right": ""}
    company.node.do(wire.ResumeRecording(leg_id=patient))
    assert company.heard() == {"agent": "P", "patient": "A", "left": "A", "right": "P"}


def transfer(company: Company, mode: TransferMode, port: int) -> OutboundLeg:
    """Pass the patient on to whoever listens at this port."""
    third = outbound("third", role=LegRole.THIRD_PARTY, ring_seconds=5.0)
    company.node.do(
        wire.Transfer(
            leg_id=company.legs["patient"],
            headset=company.legs["agent"],
            to=third,
            trunk=loopback_trunk(port),
            mode=mode,
            music=write_tone(company.folder / "music.wav", TONES["music"]),
        )
    )
    return third


def ending(company: Company, *, times: int = 1) -> object:
    """How the transfer ended, the first or a later one."""
    return company.node.wait_for(company.legs["patient"], LegEventKind.TRANSFER_ENDED, times=times).values["ending"]


@needs_sipp
def test_a_patient_waits_with_music_while_the_agent_consults_a_sipp_then_all_talk_then_the_agent_leaves(
    company: Company, tmp_path: Path
) -> None:
    patient, agent = company.talk()
    write_voice(tmp_path / "third", tone(TONES["third"], 20))
    with sipp(tmp_path / "third", "speaks", echo=False) as other:
        third = transfer(company, TransferMode.CONSULT, other.port)
        company.node.wait_for(third.leg_id, LegEventKind.BRIDGED)
        assert company.heard() == {"agent": "T", "patient": "M", "left": "M", "right": ""}
        company.node.do(wire.EndTransfer(leg_id=patient, ending=TransferEnding.TOGETHER))
        assert ending(company) == "together"
        assert company.heard() == {"agent": "PT", "patient": "AT", "left": "AT", "right": "P"}
        company.node.do(wire.Unbridge(leg_id=third.leg_id, other=agent))
        company.node.do(wire.Unbridge(leg_id=patient, other=agent))
        assert company.heard() == {"agent": "", "patient": "T", "left": "T", "right": "P"}
        company.node.do(wire.HangUp(leg_id=patient, reason=EndReason.HANG_UP))
        company.node.wait_for(third.leg_id, LegEventKind.ENDED)
        other.wait_for_success()


def test_a_baresip_that_was_consulted_gives_the_patient_back_and_takes_her_the_second_time(company: Company) -> None:
    patient, agent = company.talk()
    port = company.strangers["third"].port
    third = transfer(company, TransferMode.CONSULT, port)
    company.node.wait_for(third.leg_id, LegEventKind.BRIDGED)
    company.node.do(wire.EndTransfer(leg_id=patient, ending=TransferEnding.BACK))
    company.node.wait_for(third.leg_id, LegEventKind.ENDED)
    assert ending(company) == "back"
    assert company.heard() == {"agent": "P", "patient": "A", "left": "A", "right": "P"}
    third = transfer(company, TransferMode.CONSULT, port)
    company.node.wait_for(third.leg_id, LegEventKind.BRIDGED)
    company.node.do(wire.EndTransfer(leg_id=patient, ending=TransferEnding.HAND_OVER))
    assert ending(company, times=2) == "hand_over"
    company.legs["third"] = third.leg_id
    assert company.heard() == {"agent": "", "patient": "T", "third": "P", "left": "T", "right": "P"}
    company.strangers["third"].hang_up()
    company.node.wait_for(third.leg_id, LegEventKind.ENDED)
    assert agent in {leg.leg_id for leg in company.node.status().legs}


def test_a_baresip_takes_the_patient_blindly(company: Company) -> None:
    company.talk()
    third = transfer(company, TransferMode.BLIND, company.strangers["third"].port)
    assert ending(company) == "hand_over"
    company.legs["third"] = third.leg_id
    assert company.heard() == {"agent": "", "patient": "T", "third": "P", "left": "T", "right": "P"}


@needs_sipp
def test_a_busy_sipp_sends_the_blindly_passed_patient_back_to_her_agent(company: Company, tmp_path: Path) -> None:
    company.talk()
    with sipp(tmp_path / "busy", "busy") as other:
        transfer(company, TransferMode.BLIND, other.port)
        assert ending(company) == "back"
        other.wait_for_success()
    assert company.heard() == {"agent": "P", "patient": "A", "left": "A", "right": "P"}
