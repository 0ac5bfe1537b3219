"""Chromium as an agent's browser: a fake microphone that plays a file, and what the page hears measured in it."""

import os
import signal
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
MICROPHONE_RATE = 48000
_HEARS = """() => {
  const meter = headset.meters.out;
  if (!meter) return null;
  meter.fftSize = 8192;
  meter.smoothingTimeConstant = 0;
  const bins = new Float32Array(meter.frequencyBinCount);
  meter.getFloatFrequencyData(bins);
  let best = 0;
  for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  meter.fftSize = 1024;
  return bins[best] > -60 ? best * headset.context.sampleRate / 8192 : null;
}"""

_LOUDNESS = """hertz => {
  const meter = headset.meters.out;
  if (!meter) return -200;
  meter.fftSize = 8192;
  meter.smoothingTimeConstant = 0;
  const bins = new Float32Array(meter.frequencyBinCount);
  meter.getFloatFrequencyData(bins);
  meter.fftSize = 1024;
  const each = headset.context.sampleRate / 8192;
  const about = bins.slice(Math.floor((hertz - 20) / each), Math.ceil((hertz + 20) / each) + 1);
  return Math.max(-200, ...about);
}"""


def write_tone(path: Path, hertz: float, *, seconds: float = 10.0, on: float = 0.0, every: float = 0.0) -> Path:
    """A WAV for the fake microphone, which repeats it: a tone, or one of `on` seconds `every` so many."""
    moments = np.arange(int(seconds * MICROPHONE_RATE)) / MICROPHONE_RATE
    sound = np.sin(2 * np.pi * hertz * moments) * 9000
    if every:
        sound *= (moments % every) < on
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    return path


class Desk:
    """A page in a running Chromium."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self._frozen: list[psutil.Process] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def state(self) -> str:
        """Of its headset; empty before the page has one."""
        found: str = self.page.evaluate("() => window.headset ? headset.state : ''")
        return found

    def hears(self) -> float | None:
        """The frequency that is loudest in what the agent hears."""
        found: float | None = self.page.evaluate(_HEARS)
        return found

    def loudness(self, hertz: float) -> float:
        """How loud one frequency is in what the page hears, in decibels of the browser's analyser; -200: not at all."""
        found: float = self.page.evaluate(_LOUDNESS, hertz)
        return found

    def freeze(self) -> None:
        """Stop every process of the browser: no packet comes or goes, as when a cable is pulled."""
        children = psutil.Process(os.getpid()).children(recursive=True)
        self._frozen = [child for child in children if "chrom" in child.name()]
        for process in self._frozen:
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._frozen:
            process.send_signal(signal.SIGCONT)
        self._frozen = []


@contextmanager
def browser_desk(microphone: Path, cookies: list[Any] | None = None) -> Iterator[Desk]:
    """Chromium with this sound as its microphone."""
    if not CHROMIUM.exists():
        raise AssertionError(f"{CHROMIUM} is missing; run: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        context = browser.new_context(viewport={"width": 900, "height": 620}, locale="zh-CN")
        if cookies:
            context.add_cookies(cookies)
        desk = Desk(context.new_page())
        try:
            yield desk
        finally:
            desk.thaw()
            browser.close()
