"""The live voice that comes with us, on a real line: the patient hears what was said, as the speech engine has it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soxr

from followup.calls import EndReason, LegId
from runtime.settings import Settings
from suifang.findings import Verdict
from suifang.live_voice import check_voice, live_voice, missing_packages, voice_command
from telephony.call_control import LegEventKind
from telephony.sip.control import SipCallControl
from telephony.voices.live import LiveVoice
from tests.support.call_control_bench import FarEnd, SipBench, sip_bench
from tests.support.tones import RATE, samples_of
from tests.support.waiting import until
from transcription.error_rate import error_rate
from transcription.faster_whisper_engine import FasterWhisper
from transcription.transcriber import SAMPLE_RATE
from transcription.weights import find_weights

TEXTS = {
    "zh": "您好，请您明天上午八点来复诊。",
    "en": "Please come to the clinic tomorrow at eight for your blood test.",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", voice_seconds=30.0)


@pytest.fixture
def voice(settings: Settings) -> Iterator[LiveVoice]:
    missing = missing_packages()
    if missing:
        pytest.skip(f"the extra voices is not installed: no {', no '.join(missing)} (make voices)")
    vectors = Settings().models_dir / "voices"
    if not vectors.is_dir():
        pytest.skip(f"no voice vectors in {vectors} (make voices)")
    shutil.copytree(vectors, settings.models_dir / "voices")
    made = live_voice(settings)
    assert made is not None
    made.start()
    try:
        until(lambda: made.languages == {"zh", "en"}, timeout=30, what="the voice has said what it can")
        yield made
    finally:
        made.close()


def test_a_patient_hears_the_text_that_was_to_be_said(voice: LiveVoice, settings: Settings, tmp_path: Path) -> None:
    engine = FasterWhisper(find_weights(None, settings.state_dir))
    with sip_bench(tmp_path / "bench") as bench:
        assert isinstance(bench, SipBench)
        bench.control = SipCallControl(bench.pool, voice=voice, voice_seconds=settings.voice_seconds)
        legs = {language: bench.leg(FarEnd.ANSWERS) for language in TEXTS}
        for leg in legs.values():
            bench.dial(leg)
        for language, leg in legs.items():
            bench.wait_for(LegEventKind.ANSWERED, leg.leg_id)
            bench.control.say(leg.leg_id, TEXTS[language], language)
        for language, leg in legs.items():
            finished = bench.wait_for(LegEventKind.PROMPT_FINISHED, leg.leg_id, timeout=40)
            assert set(finished.values) == {"prompt"}
            heard = _heard(bench, leg.leg_id, leg.number)
            seconds = len(samples_of(Path(str(finished.values["prompt"])))) / RATE
            loud = np.flatnonzero(np.abs(heard.astype(int)) > 300)
            assert abs((loud[-1] - loud[0]) / RATE - seconds) < 0.7, "all of it, without a gap"
            words = engine.transcribe([soxr.resample(heard.astype(np.float32) / 32768, RATE, SAMPLE_RATE)], language)
            wrong = error_rate(TEXTS[language], words[0].text, language)
            assert wrong <= 0.35, f"{TEXTS[language]} was heard as {words[0].text}"


def _heard(bench: SipBench, leg_id: LegId, number: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """All that the phone heard, once it has hung up."""
    bench.control.hang_up(leg_id, EndReason.HANG_UP)
    bench.wait_for(LegEventKind.ENDED, leg_id)
    until(lambda: bench.phone.saw("disconnected", number), timeout=10, what="the phone has hung up")
    return samples_of(bench.phone.heard(number))


def test_without_a_voice_all_goes_on_and_the_doctor_says_so(settings: Settings) -> None:
    silent = settings.model_copy(update={"voice_program": "none"})
    assert (voice_command(silent), live_voice(silent), check_voice(silent).verdict) == (None, None, Verdict.GOOD)
    foreign = settings.model_copy(update={"voice_program": "/opt/voice/speak --accent 'north'"})
    assert voice_command(foreign) == ("/opt/voice/speak", "--accent", "north")
    assert check_voice(foreign).verdict is Verdict.WRONG
    found = check_voice(settings)
    if missing_packages():
        assert (found.verdict, live_voice(settings)) == (Verdict.NOTE, None)
        assert "make voices" in found.mend
    else:
        assert (found.verdict, "make voices" in found.mend) == (Verdict.NOTE, True)
