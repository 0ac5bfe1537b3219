"""Scripted headsets: SIP phones of two or three agents that pick up by themselves and speak when told to.

    python -m suifang.demo.headset --port 17161 --agent agent-1 --agent agent-2

A headset's leg stays up through the shift; when its call worker dies it is hung up and waits for the next INVITE.
Commands are lines on stdin, answers and events JSON lines on stdout. A FILE is a path or a name in the demo's speech:

    say AGENT FILE [FILE ...]   play them, hearing the patient out in between
    script AGENT LANGUAGE       the same with the agents' script in that language, after the patient's first words
    hush AGENT                  stop speaking
    mute AGENT · unmute AGENT · status · quit (as does the end of stdin)
"""

import argparse
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from suifang.demo.sip_phone import Phone, PhoneCall, PhonePorts
from suifang.demo.speech_manifest import SPEECH
from suifang.demo.steps import Answer, HangUp, Listen, Refuse, Say, Step

SIP_NOT_FOUND = 404
RTP_OFFSET = 200
RTP_PORTS = 24
HEARS_OUT = Listen(quiet_seconds=1.0, patience_seconds=6.0)
FIRST_WORDS = Listen(quiet_seconds=0.6, patience_seconds=1.5)
SCRIPT = ("greeting", "recording_notice", "identity", "question", "goodbye")
LANGUAGES = ("zh", "en")


class HeadsetError(ValueError):
    """A command that cannot be done; the text says why."""


class Headsets:
    """The agents of one process: answers their phones, does their commands and tells what happens."""

    def __init__(self, agents: Sequence[str], out: TextIO) -> None:
        self.agents = tuple(agents)
        self._out = out
        self._lines: dict[str, PhoneCall] = {}
        self._speaking: set[str] = set()
        self._muted: set[str] = set()
        self.quitting = False

    def tell(self, **values: object) -> None:
        """One JSON line."""
        self._out.write(json.dumps(values) + "\n")
        self._out.flush()

    def line_of(self, user: str) -> str:
        return user

    def invited(self, call: PhoneCall) -> Iterable[Step]:
        if call.line not in self.agents:
            return (Refuse(sip_status=SIP_NOT_FOUND),)
        stale = self._lines.get(call.line)
        if stale is not None:
            # Its worker died without a BYE: the new leg is the live one.
            stale.stop_saying()
            stale.steps.append(HangUp())
        self._lines[call.line] = call
        return (Answer(),)

    def answered(self, call: PhoneCall) -> None:
        call.mute(call.line in self._muted)
        self.tell(agent=call.line, event="up", call_id=call.sip_call_id)

    def ended(self, call: PhoneCall) -> None:
        if self._lines.get(call.line) is call:
            del self._lines[call.line]
            self._speaking.discard(call.line)
            self.tell(agent=call.line, event="down", call_id=call.sip_call_id, status=call.sip_status)

    def key_pressed(self, call: PhoneCall, key: str) -> None:
        self.tell(agent=call.line, event="dtmf", digit=key)

    def tell_who_finished(self) -> None:
        """Say `said` for every agent whose last file is over."""
        for agent in sorted(self._speaking):
            if not self._lines[agent].steps:
                self._speaking.discard(agent)
                self.tell(agent=agent, event="said")

    def command(self, line: str) -> None:
        """Do one line of stdin and answer it."""
        words = line.split()
        if not words:
            return
        try:
            answer = self._obey(words[0], words[1:])
        except HeadsetError as error:
            self.tell(command=words[0], ok=False, reason=str(error))
        else:
            self.tell(command=words[0], ok=True, **answer)

    def _obey(self, verb: str, words: Sequence[str]) -> dict[str, object]:
        match verb, tuple(words):
            case "say", (agent, _, *_):
                self._speak(agent, [speech_file(word) for word in words[1:]], first=())
                return {"agent": agent}
            case "script", (agent, language):
                if language not in LANGUAGES:
                    raise HeadsetError(f"there is no script in {language!r}; the languages are {', '.join(LANGUAGES)}")
                files = [speech_file(f"{language}_agent_{part}.wav") for part in SCRIPT]
                self._speak(agent, files, first=(FIRST_WORDS,))
                return {"agent": agent}
            case "hush", (agent,):
                self._line(agent).stop_saying()
                return {"agent": agent}
            case (("mute" | "unmute"), (agent,)):
                line = self._line(agent)
                (self._muted.add if verb == "mute" else self._muted.discard)(agent)
                line.mute(agent in self._muted)
                return {"agent": agent}
            case "status", ():
                return {"agents": {agent: self._status(agent) for agent in self.agents}}
            case "quit", ():
                self.quitting = True
                return {}
            case _:
                raise HeadsetError(f"{verb!r} with {len(words)} words is no command; see the head of this program")

    def _speak(self, agent: str, files: Sequence[Path], *, first: tuple[Step, ...]) -> None:
        line = self._line(agent)
        line.stop_saying()
        line.steps.extend(first)
        for place, file in enumerate(files):
            if place:
                line.steps.append(HEARS_OUT)
            line.steps.append(Say(file=file))
        self._speaking.add(agent)

    def _line(self, agent: str) -> PhoneCall:
        if agent not in self.agents:
            raise HeadsetError(f"there is no agent {agent!r} here; there are {', '.join(self.agents)}")
        call = self._lines.get(agent)
        if call is None or not call.confirmed:
            raise HeadsetError(f"the headset of {agent} is not up; wait for its event `up`")
        return call

    def _status(self, agent: str) -> dict[str, object]:
        call = self._lines.get(agent)
        up = call is not None and call.confirmed
        return {"up": up, "speaking": agent in self._speaking, "muted": agent in self._muted}


def speech_file(word: str) -> Path:
    """The WAV a word of a command means."""
    for path in (Path(word), SPEECH / word):
        if path.is_file():
            return path
    raise HeadsetError(f"there is no file {word}, nor one of this name in {SPEECH}")


def read_lines(stream: TextIO, lines: "queue.SimpleQueue[str]") -> None:
    """Hand over every line, and `quit` at their end; in a thread of its own, because reading blocks."""
    for line in stream:
        lines.put(line)
    lines.put("quit")


def main() -> None:
    """Be the headsets until `quit`, SIGTERM or Ctrl-C."""
    faulthandler.enable()
    parser = argparse.ArgumentParser(description="Scripted headsets of demo agents, on loopback only.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=17161)
    parser.add_argument("--rtp-base", type=int, help="first RTP port (default: port + 200)")
    parser.add_argument("--agent", action="append", required=True, help="SIP user of a headset; at most three")
    arguments = parser.parse_args()
    if len(arguments.agent) > 3:
        parser.error("one process holds three headsets; start another for the rest")
    # pjsua2 writes to stdout in C: it gets stderr in its place, so that stdout has our lines and nothing else
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: stopping.append(caught))
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=read_lines, args=(sys.stdin, lines), daemon=True).start()

    headsets = Headsets(arguments.agent, out)
    rtp_base = arguments.rtp_base or arguments.port + RTP_OFFSET
    ports = PhonePorts(host=arguments.host, sip=arguments.port, rtp_base=rtp_base, rtp_count=RTP_PORTS)
    phone = Phone(ports, headsets, one_call_per_line=False)
    headsets.tell(ready=True, agents=dict.fromkeys(headsets.agents, f"{ports.host}:{ports.sip}"))

    def after_each_turn() -> bool:
        while not lines.empty():
            headsets.command(lines.get())
        headsets.tell_who_finished()
        return headsets.quitting or bool(stopping)

    phone.run(after_each_turn)


if __name__ == "__main__":
    main()
