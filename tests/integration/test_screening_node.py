"""From the answer to the outcome, with a node, a call worker and a phone that is a machine."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import Answered, EndReason
from followup.outcomes import AttemptOutcome
from followup.plans import TaskMode
from followup.screening import OnMachine
from runtime.settings import REPOSITORY
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.opening_phone import opening_phone
from tests.support.ports import free_udp_block
from tests.support.telephony_bench import PORTS, Place, dial, ended, node_at

SPEECH = REPOSITORY / "suifang" / "demo" / "speech"


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    parts = [soundfile.read(SPEECH / name, dtype="float32")[0] for name in ("zh_voicemail_greeting.wav", "beep.wav")]
    soundfile.write(sounds / "8613900000301.wav", np.concatenate(parts), 8000, subtype="PCM_16")
    engine = make_engine(database_url)
    with opening_phone(sounds) as phone:
        trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=UnitsOfWork(engine),
            database_url=database_url,
            screened=True,
        )
    engine.dispose()


def test_a_voicemail_gets_the_neutral_message_after_its_beep_and_nothing_else(place: Place) -> None:
    with node_at(place):
        call_id, _ = dial(place, "+8613900000301", mode=TaskMode.AUTOMATED, on_machine=OnMachine.NEUTRAL_MESSAGE)
        call = ended(place, call_id)
    assert (call.answered_by, call.end_reason) == (Answered.MACHINE, EndReason.MACHINE)
    with place.units() as uow:
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert attempt.outcome is AttemptOutcome.ANSWERED_MACHINE
    agent_side, rate = soundfile.read(place.folder / "spool" / call_id / "agent.wav", dtype="float32")
    level = np.abs(agent_side[: agent_side.size // rate * rate].reshape(-1, rate)).max(axis=1)
    assert np.flatnonzero(level > 0.01)[0] >= 5, "silence until the greeting is over"
