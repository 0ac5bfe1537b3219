"""Sealed recordings by range over the API: every range is the plain sound's, damage is named, each playing is noted."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from followup.recordings import Recording, RecordingState
from recordings.object_store import recording_uri
from recordings.opening import open_vault
from recordings.tending import seal_clear
from recordings.vault import Vault
from runtime.identifiers import new_id
from runtime.settings import Settings
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt

SOUND = b"fLaC" + bytes(range(256)) * 9000  # more than is read at once


@pytest.fixture
def vault(house: House, tmp_path: Path) -> Iterator[Vault]:
    """The house with a vault instead of its plain store."""
    made = open_vault(Settings(state_dir=tmp_path / "state"), house.units)
    wiring = house.app.state.wiring
    house.app.state.wiring = replace(wiring, store=made)
    yield made
    house.app.state.wiring = wiring


def a_sealed_recording(house: House, vault: Vault, *, sealed: bool = True) -> Recording:
    with house.rows() as uow:
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
        recording_id = new_id()
        uri = recording_uri(recording_id, uow.now, sealed=sealed)
        recording = a_recording(
            uow,
            call,
            Path("nowhere"),
            id=recording_id,
            state=RecordingState.STORED,
            uri=uri,
            encrypted=sealed,
            sha256=hashlib.sha256(SOUND).hexdigest(),
            size=len(SOUND),
        )
    (vault if sealed else vault.objects).put(uri, SOUND)
    return recording


def noted(house: House, recording: Recording) -> list[dict[str, int]]:
    with house.units() as uow:
        return [
            row.detail for row in uow.audit.of_subject("recording", recording.id) if row.action == "recording_played"
        ]


def test_the_whole_and_any_range_of_a_sealed_recording_are_the_plain_sound(
    house: House, agent: Asking, vault: Vault
) -> None:
    recording = a_sealed_recording(house, vault)
    whole = agent.get(f"/recordings/{recording.id}/audio")
    assert (whole.status_code, whole.headers["content-length"]) == (200, str(len(SOUND)))
    assert whole.content == SOUND
    for start, end in ((0, 1), (4000, 5000), (1_048_000, 2_200_000), (len(SOUND) - 3, len(SOUND))):
        part = agent.get(f"/recordings/{recording.id}/audio", headers={"Range": f"bytes={start}-{end - 1}"})
        assert (part.status_code, part.content == SOUND[start:end]) == (206, True)
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"
    assert noted(house, recording)[:2] == [{}, {"start": 0, "end": 1}]
    assert len(noted(house, recording)) == 5


def test_a_recording_that_was_changed_is_not_played_and_says_so(house: House, agent: Asking, vault: Vault) -> None:
    recording = a_sealed_recording(house, vault)
    harmed = bytearray(vault.objects.read(recording.uri or ""))
    harmed[5000] ^= 1
    vault.objects.put(recording.uri or "", bytes(harmed))
    refused = agent.get(f"/recordings/{recording.id}/audio")
    assert (refused.status_code, refused.json()["code"]) == (500, "recording_damaged")
    assert noted(house, recording) == []
    short = agent.get(f"/recordings/{recording.id}/audio", headers={"Range": "bytes=0-9"})
    assert short.status_code == 500  # a kilobyte is read at once: what lies beside the harm is not played either


def test_a_key_that_is_away_is_a_matter_of_a_minute_and_one_that_was_destroyed_is_not(
    house: House, agent: Asking, vault: Vault
) -> None:
    recording = a_sealed_recording(house, vault)
    file = vault.keys.wrapping
    key_file = next(client.path for client in file._clients)
    away = key_file.rename(key_file.with_name("away"))
    house.app.state.wiring.store.keys._opened.clear()
    refused = agent.get(f"/recordings/{recording.id}/audio")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    away.rename(key_file)
    assert agent.get(f"/recordings/{recording.id}/audio").status_code == 200
    with house.rows() as uow:
        uow.vault.destroy_key(recording.uri or "")
    assert agent.get(f"/recordings/{recording.id}/audio").json()["code"] == "recording_gone"


def test_a_recording_that_is_sealed_while_somebody_plays_it_goes_on(house: House, agent: Asking, vault: Vault) -> None:
    recording = a_sealed_recording(house, vault, sealed=False)
    assert agent.get(f"/recordings/{recording.id}/audio", headers={"Range": "bytes=0-9"}).content == SOUND[:10]
    before = agent.get(f"/recordings/{recording.id}").json()
    seal_clear(house.units, vault)
    after = agent.get(f"/recordings/{recording.id}").json()
    assert (before["encrypted"], after["encrypted"], after["sha256"]) == (False, True, before["sha256"])
    rest = agent.get(f"/recordings/{recording.id}/audio", headers={"Range": "bytes=10-"})
    assert rest.content == SOUND[10:]
    assert rest.headers["etag"] == f'"{before["sha256"]}"'
