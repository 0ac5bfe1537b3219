"""The town as a caller meets it: each behaviour over real SIP and RTP, with callers of ours and of strangers."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from suifang.demo.speech_manifest import SPEECH
from tests.support.ports import free_udp_block
from tests.support.sip_caller import CallPlan, dial
from tests.support.sound import stretches_of_sound
from tests.support.town import RunningTown, open_town, put_on_headsets
from tests.support.waiting import until

PLAN = """
version: 1
patients:
  - {number: "+86101", language: zh, calls: [{behaviour: talks, ring_seconds: 0.3, speech: [zh_patient_chest_pain.wav, zh_patient_thanks.wav], patience_seconds: 3}]}
  - {number: "+86102", language: en, calls: [{behaviour: presses, ring_seconds: 0.2, keys: "12", patience_seconds: 1.5}]}
  - {number: "+86103", language: zh, calls: [{behaviour: busy}, {behaviour: hangs_up_early, ring_seconds: 0.2, stay_seconds: 1}]}
  - {number: "+86104", language: zh, calls: [{behaviour: no_answer}]}
  - {number: "+86105", language: zh, calls: [{behaviour: rejects, ring_seconds: 0.5}]}
  - {number: "+86106", language: en, calls: [{behaviour: voicemail, ring_seconds: 0.2, greeting: en_patient_thanks.wav, stay_seconds: 1}]}
  - {number: "+86107", language: en, calls: [{behaviour: somebody_else, ring_seconds: 0.2, speech: en_other_wrong_number.wav, patience_seconds: 1}]}
  - {number: "+86108", language: zh, calls: [{behaviour: unreachable}]}
  - {number: "+86109", language: zh, calls: [{behaviour: invalid}]}
  - {number: "+86110", language: en, calls: [{behaviour: talks, ring_seconds: 0.2, speech: [en_patient_self.wav], hangs_up: false}]}
"""  # noqa: E501


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTown]:
    folder = tmp_path_factory.mktemp("town")
    plan = folder / "town.yaml"
    plan.write_text(PLAN, encoding="utf-8")
    with open_town(plan, folder) as running:
        yield running


def test_a_patient_who_talks_hears_the_caller_out_before_the_next_sentence(town: RunningTown, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    agent = SPEECH / "en_agent_question.wav"
    plan = CallPlan(target=town.target("+86101"), say=((4.0, str(agent)),), heard=str(heard), hang_up_after=30)
    result = dial(plan).result()
    assert result.states == ("CALLING", "EARLY", "CONNECTING", "CONFIRMED", "DISCONNECTED")
    assert not result.ended_by_us, "the patient hangs up"
    assert town.events_once(3, "+86101") == ["invite", "answered", "bye"]
    patient = stretches_of_sound(heard)
    recorded = town.heard / "86101-1.wav"
    agent_turn = until(lambda: stretches_of_sound(recorded), timeout=10, what="the phone closed its recording")
    assert len(patient) == 2
    assert patient[0][1] < agent_turn[0][0] + 0.3, "the patient's first sentence is over before the agent's"
    assert patient[1][0] > agent_turn[-1][1] + 0.5, "and the second begins when the agent is silent"


def test_a_patient_who_presses_keys_sends_each_once_in_order(town: RunningTown) -> None:
    result = dial(CallPlan(target=town.target("+86102"))).result()
    assert result.keys_heard == "12"
    assert town.events_once(3, "+86102") == ["invite", "answered", "bye"]


def test_the_second_call_of_a_number_meets_its_second_behaviour(town: RunningTown) -> None:
    first = dial(CallPlan(target=town.target("+86103"))).result()
    second = dial(CallPlan(target=town.target("+86103"))).result()
    assert first.sip_status == 486
    assert first.seconds_to_answer is None
    assert second.seconds_up is not None
    assert 0.8 < second.seconds_up < 3
    assert not second.ended_by_us
    assert town.events_once(5, "+86103") == ["invite", "refused", "invite", "answered", "bye"]
    assert len({line["call_id"] for line in town.log("+86103")}) == 2


def test_a_patient_who_does_not_answer_rings_until_the_caller_gives_up(town: RunningTown) -> None:
    result = dial(CallPlan(target=town.target("+86104"), cancel_after=2)).result()
    assert result.states == ("CALLING", "EARLY", "DISCONNECTED")
    assert result.sip_status == 487
    assert town.events_once(2, "+86104") == ["invite", "cancel"]


@pytest.mark.parametrize(("number", "status"), [("+86105", 603), ("+86108", 480), ("+86109", 404), ("+86999", 404)])
def test_a_refusal_carries_its_sip_status(town: RunningTown, number: str, status: int) -> None:
    result = dial(CallPlan(target=town.target(number))).result()
    assert (result.sip_status, result.seconds_to_answer) == (status, None)


def test_a_voicemail_plays_its_greeting_and_a_beep_and_ends_by_itself(town: RunningTown, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    result = dial(CallPlan(target=town.target("+86106"), heard=str(heard))).result()
    assert not result.ended_by_us
    assert len(stretches_of_sound(heard)) >= 1
    assert stretches_of_sound(heard)[-1][1] > 3
    assert result.seconds_up is not None
    assert result.seconds_up > stretches_of_sound(heard)[-1][1] + 0.8, "it stays for the message"


def test_somebody_else_says_that_the_number_is_wrong(town: RunningTown, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    result = dial(CallPlan(target=town.target("+86107"), heard=str(heard))).result()
    assert not result.ended_by_us
    assert stretches_of_sound(heard)


def test_a_line_in_use_is_busy_to_a_second_caller_and_is_seen_to_be_dialed_twice(town: RunningTown) -> None:
    first = dial(CallPlan(target=town.target("+86110"), hang_up_after=6))
    until(lambda: "answered" in town.events("+86110"), timeout=10, what="the first call is answered")
    second = dial(CallPlan(target=town.target("86110"))).result()
    assert second.sip_status == 486
    assert first.result().ended_by_us
    assert town.events("+86110").count("invite") == 2
    until(lambda: "bye" in town.events("+86110"), timeout=5, what="the caller's BYE arrives")
    assert [line["by"] for line in town.log("+86110") if line["event"] == "bye"] == ["caller"]


CANCELLING = """<?xml version="1.0"?><scenario name="cancel">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
<recv response="100" optional="true"/><recv response="180"/>
<send retrans="500"><![CDATA[
CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0
]]></send>
<recv response="200"/><recv response="487"/>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-6]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
<pause milliseconds="1500"/>
</scenario>"""


def sipp(town: RunningTown, number: str, *options: str) -> None:
    """One call of sipp; it fails on any message its scenario does not expect."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("sipp is not installed; apt-get install sip-tester")
    port = free_udp_block(8)
    command = [program, *options, "-m", "1", "-s", number, "-i", "127.0.0.1", "-p", str(port), "-mp", str(port + 2)]
    command += ["-timeout", "15s", "-timeout_error", "-nostdin", f"127.0.0.1:{town.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"sipp ended with {done.returncode}: {done.stdout[-3000:]} {done.stderr[-1000:]}"


@pytest.mark.stranger
def test_a_stranger_can_call_and_hang_up_through_the_exchange(town: RunningTown) -> None:
    before = len(town.events("+86110"))
    sipp(town, "86110", "-sn", "uac", "-d", "800")
    assert town.events_once(3, "+86110", after=before) == ["invite", "answered", "bye"]


@pytest.mark.stranger
def test_a_strangers_cancel_and_its_ack_reach_the_ringing_phone(town: RunningTown, tmp_path: Path) -> None:
    scenario = tmp_path / "cancel.xml"
    scenario.write_text(CANCELLING)
    before, began = len(town.events("+86104")), time.monotonic()
    sipp(town, "86104", "-sf", str(scenario))
    assert time.monotonic() - began < 10, "no retransmission had to be waited for"
    assert town.events_once(2, "+86104", after=before) == ["invite", "cancel"]


def test_phones_leave_when_their_town_is_killed(tmp_path: Path) -> None:
    plan = tmp_path / "town.yaml"
    plan.write_text('{version: 1, patients: [{number: "100", language: zh, calls: [{behaviour: busy}]}]}')
    with open_town(plan, tmp_path) as town:
        phones = psutil.Process(town.pid).children()
        assert len(phones) == 1
        psutil.Process(town.pid).kill()
        gone, alive = psutil.wait_procs(phones, timeout=5)
        assert (len(gone), alive) == (1, [])


def test_a_town_that_loses_a_phone_says_so_and_ends(tmp_path: Path) -> None:
    plan = tmp_path / "town.yaml"
    plan.write_text('{version: 1, patients: [{number: "100", language: zh, calls: [{behaviour: busy}]}]}')
    with open_town(plan, tmp_path) as town:
        process = psutil.Process(town.pid)
        process.children()[0].kill()
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, timeout=5, what="its end")
    assert "phone process [0] ended by itself" in (tmp_path / "town.stderr").read_text()


def test_a_headset_is_reached_through_the_same_exchange(tmp_path: Path) -> None:
    plan = tmp_path / "town.yaml"
    plan.write_text('{version: 1, patients: [{number: "100", language: zh, calls: [{behaviour: busy}]}]}')
    with (
        put_on_headsets(["agent-1"]) as headsets,
        open_town(plan, tmp_path, [f"agent-1=127.0.0.1:{headsets.port}"]) as town,
    ):
        result = dial(CallPlan(target=town.target("agent-1"), hang_up_after=1)).result()
        assert result.seconds_to_answer is not None
        headsets.wait_for("down", "agent-1")
