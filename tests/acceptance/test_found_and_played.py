"""A supervisor finds what a patient said by words and by figures, plays that second, and the audit log says so.

The recording lies sealed in the vault; search, opening and playing go over the API.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from db.users import Role
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from recordings.object_store import recording_uri
from recordings.opening import open_vault
from recordings.vault import Vault
from runtime.embedded import Engines
from runtime.identifiers import new_id
from runtime.settings import Settings
from tests.integration.api.house import SEARCH, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from transcription.turn_index import TurnIndex
from transcription.written import written

RATE = 8000
SAID = (
    (Channel.AGENT, 1.0, "您今天量血压了吗"),
    (Channel.PATIENT, 4.0, "量了，血压一百四十到九十"),
    (Channel.AGENT, 9.0, "好的"),
)


@pytest.fixture(scope="module")
def house(engines: Engines, module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def vault(house: House, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    made = open_vault(Settings(state_dir=tmp_path_factory.mktemp("vault") / "state"), house.units)
    house.app.state.wiring = replace(house.app.state.wiring, store=made)
    return made


def a_flac() -> bytes:
    """Twelve seconds; each sentence is a tone on its speaker's channel."""
    sound = np.zeros((12 * RATE, 2), dtype=np.float32)
    for channel, start, _ in SAID:
        seconds = np.arange(3 * RATE) / RATE
        first = int(start * RATE)
        sound[first : first + len(seconds), list(Channel).index(channel)] = 0.3 * np.sin(2 * np.pi * 440 * seconds)
    held = io.BytesIO()
    soundfile.write(held, sound, RATE, format="FLAC")
    return held.getvalue()


@pytest.fixture(scope="module")
def recording(house: House, vault: Vault) -> Recording:
    """The call, sealed, heard and indexed."""
    flac = a_flac()
    with house.rows() as uow:
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
        recording_id = new_id()
        uri = recording_uri(recording_id, uow.now, sealed=True)
        kept = a_recording(
            uow,
            call,
            Path("nowhere"),
            id=recording_id,
            state=RecordingState.TRANSCRIBED,
            uri=uri,
            encrypted=True,
            sha256=hashlib.sha256(flac).hexdigest(),
            size=len(flac),
            seconds=12.0,
            started_at=uow.now - timedelta(minutes=5),
        )
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=kept.id,
                language="zh",
                engine="test",
                model="test",
                parameters={},
                turns=[
                    Turn(
                        channel=channel,
                        start=start,
                        end=start + 3,
                        text=text,
                        confidence=0.9,
                        written=figures if (figures := written(text, "zh")) != text else "",
                    )
                    for channel, start, text in SAID
                ],
                created_at=uow.now,
            )
        )
    vault.put(uri, flac)
    assert TurnIndex(house.units, SEARCH.words).bring(kept.id)
    return kept


def test_words_and_figures_lead_to_the_same_second_which_is_played_and_noted(
    house: House, vault: Vault, recording: Recording
) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    found = [supervisor.post("/searches", {"text": words}).json() for words in ("血压 一百四十", "140")]
    assert [[(hit["recording_id"], hit["start"]) for hit in answer["hits"]] for answer in found] == [
        [(recording.id, 4.0)]
    ] * 2
    (hit,) = found[1]["hits"]
    opened = supervisor.get(f"/search-hits/{hit['id']}", params={"search_id": found[1]["search_id"]}).json()
    assert [turn["text"] for turn in opened["turns"]] == [text for _, _, text in SAID]

    assert b"fLaC" not in vault.objects.read(recording.uri or "")[:1000]
    head = supervisor.get(f"/recordings/{recording.id}/audio", headers={"Range": "bytes=0-99"})
    rest = supervisor.get(f"/recordings/{recording.id}/audio", headers={"Range": "bytes=100-"})
    assert (head.status_code, rest.status_code) == (206, 206)
    sound, rate = soundfile.read(io.BytesIO(head.content + rest.content))
    second = sound[int((opened["start"] + 1) * rate) : int((opened["start"] + 2) * rate)]
    agent, patient = (float(np.abs(second[:, side]).max()) for side in (0, 1))
    assert (agent < 0.01, patient > 0.2) == (True, True)

    with house.units() as uow:
        lines = [(row.action, row.user_id, row.patient_id) for row in uow.audit.of_subject("recording", recording.id)]
        (searched,) = uow.audit.of_subject("search", found[1]["search_id"])
    by_her = (supervisor.user_id, recording.patient_id)
    assert lines == [("search_hit_opened", *by_her), ("recording_played", *by_her), ("recording_played", *by_her)]
    assert (searched.action, searched.user_id, searched.detail["asked"]) == (
        "turns_searched",
        supervisor.user_id,
        {"text": "140"},
    )
