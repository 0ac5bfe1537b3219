"""Real speech through the real model: a word that is hidden in the text is not heard in the copy's sound."""

import io
from pathlib import Path

import soundfile

from followup.recordings import Channel
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.spoken_calls import RATE, spoken_call
from transcription.audio import call_audio_from, read_call_audio
from transcription.faster_whisper_engine import FasterWhisper
from transcription.pipeline import transcribe_recording
from transcription.redaction import redact_turns
from transcription.sound_redaction import RedactedSound, hidden_seconds
from transcription.spoken_names import Known
from transcription.weights import find_weights

SIGNS = Content(Path(REPOSITORY) / "content").redaction


def test_what_is_hidden_in_the_text_is_not_heard_in_the_sound(tmp_path: Path) -> None:
    call = spoken_call([(Channel.AGENT, "en_lv_0880"), (Channel.PATIENT, "en_jfk")])
    engine = FasterWhisper(find_weights(None, tmp_path))
    found = transcribe_recording(call_audio_from(call.stereo, RATE), engine, "en")
    said = " ".join(turn.text for turn in found.turns if turn.channel is Channel.PATIENT)
    assert "fellow" in said
    assert all(turn.words for turn in found.turns)
    clean = redact_turns(found.turns, "en", SIGNS, Known(words=("fellow",)))
    flac = io.BytesIO()
    soundfile.write(flac, call.stereo, RATE, format="FLAC", subtype="PCM_16")
    flac.seek(0)
    sound = RedactedSound(flac, hidden_seconds(found.turns, clean))
    redacted = b"".join(sound.between(0, sound.size))
    heard = transcribe_recording(read_call_audio(redacted), engine, "en")
    left = " ".join(turn.text for turn in heard.turns if turn.channel is Channel.PATIENT)
    assert "fellow" not in left.lower()
    assert "you can do for your country" in left.lower()
