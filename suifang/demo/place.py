"""Where a demo stands: its settings, its folder of its own, and its block of ports on loopback."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from runtime.settings import Settings, load_settings

DEFAULT_BASE = 17000
PORTS_NEEDED = 900
USUAL_API_PORT = 8080
CALLERS_QUEUE = "open-desk"  # whose agents serve callers whom nobody called at that number


class PlaceError(Exception):
    """The demo cannot stand here; the text says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlace:
    """Settings of the processes and the ports of the town and the headsets."""

    settings: Settings
    environment: dict[str, str]
    town_port: int
    headset_port: int
    supervisor_port: int
    caller_port: int

    @property
    def town_log(self) -> Path:
        """What happened at every number of the town."""
        return self.settings.logs_dir / "town.jsonl"

    @property
    def hospital_line(self) -> str:
        """Where somebody who rings the hospital is answered."""
        number = self.settings.trunk_caller_id.lstrip("+")
        return f"sip:{number}@127.0.0.1:{self.settings.sip_port_base - 1}"

    @property
    def url(self) -> str:
        """Where the API answers."""
        return self.settings.public_url


def demo_place(*, base: int | None, hospital_name: str) -> DemoPlace:
    """The demo's place; with a `base` everything lies in the ports behind it, else the API has its usual port."""
    first = base or DEFAULT_BASE
    if not 1024 <= first <= 32768 - PORTS_NEEDED or first % 2:
        raise PlaceError(f"--port-base must be even, between 1024 and {32768 - PORTS_NEEDED}")
    api_port = first + 90 if base is not None else _free_api_port()
    state = os.environ.get("SUIFANG_STATE_DIR") or str(_usual_state_dir())
    environment = {
        "SUIFANG_MODE": "demo",
        "SUIFANG_JURISDICTION": "demo",
        "SUIFANG_HOSPITAL_NAME": hospital_name,
        "SUIFANG_CALL_BACK_NUMBER": "+8657100000000",
        "SUIFANG_STATE_DIR": state,
        "SUIFANG_TRUNK_HOST": "127.0.0.1",
        "SUIFANG_TRUNK_PORT": str(first + 60),
        "SUIFANG_TRUNK_CALLER_ID": "+8657100000000",
        "SUIFANG_SIP_HOST": "127.0.0.1",
        "SUIFANG_SIP_PORT_BASE": str(first + 500),
        "SUIFANG_RTP_PORT_BASE": str(first + 600),
        "SUIFANG_HEADSET_PORT": str(first + 95),
        "SUIFANG_TAKE_CALLS": "true",
        "SUIFANG_FRONT_WORKERS": "1",
        "SUIFANG_INBOUND_QUEUE": CALLERS_QUEUE,
        "SUIFANG_ALERT_QUEUE": CALLERS_QUEUE,  # the scripted agents have no words for a call back
        "SUIFANG_VOICE_PROGRAM": "none",  # the round has no texts of its own; the model would take its cores
        "SUIFANG_WORKERS_MAX": "7",
        "SUIFANG_WORKERS_WARM": "1",
        "SUIFANG_RING_SECONDS": "6",
        "SUIFANG_API_HOST": "127.0.0.1",
        "SUIFANG_API_PORT": str(api_port),
        "SUIFANG_PUBLIC_URL": f"http://127.0.0.1:{api_port}",
    }
    os.environ.update(environment)
    return DemoPlace(
        settings=load_settings(),
        environment=environment,
        town_port=first + 60,
        headset_port=first + 400,
        supervisor_port=first + 440,
        caller_port=first + 480,
    )


def _usual_state_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/suifang-demo")
    return Path.home() / ".local" / "state" / "suifang-demo"


def _free_api_port() -> int:
    for port in range(USUAL_API_PORT, USUAL_API_PORT + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PlaceError(f"no port between {USUAL_API_PORT} and {USUAL_API_PORT + 19} is free for the API")
