"""The real coturn on addresses of this machine, with time-limited credentials as docs/headset.md sets it up."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ifaddr

from telephony.headsets.ice_servers import IceSettings
from tests.support.ports import free_udp_block
from tests.support.waiting import until

SECRET = "a secret of this test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A running relay."""

    settings: IceSettings
    address: str
    log: Path


def own_address() -> str:
    """An address of this machine that ICE uses; it does not take 127.0.0.1."""
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            if isinstance(address.ip, str) and not address.ip.startswith("127."):
                return address.ip
    raise AssertionError(
        "this machine has no IPv4 address but 127.0.0.1: give it one (ip addr add 192.0.2.2/32 dev lo)"
    )


@contextmanager
def coturn(folder: Path) -> Iterator[Relay]:
    """A relay on a port of its own; nothing leaves the machine."""
    program = shutil.which("turnserver")
    if program is None:
        raise AssertionError("turnserver is missing; run: apt-get install --no-install-recommends coturn")
    folder.mkdir(parents=True, exist_ok=True)
    address, port = own_address(), free_udp_block(60)
    options = {
        "listening-ip": address,
        "relay-ip": address,
        "listening-port": port,
        "min-port": port + 10,
        "max-port": port + 59,
        "static-auth-secret": SECRET,
        "realm": "hospital.example",
        "denied-peer-ip": "0.0.0.0-255.255.255.255",
        "allowed-peer-ip": address,
        "pidfile": folder / "turn.pid",
        "userdb": folder / "turn.db",
        "log-file": folder / "turn.log",
    }
    command = [program, "-n", "--use-auth-secret", "--no-tls", "--no-dtls", "--no-tcp", "--no-tcp-relay", "--no-cli"]
    command += [
        "--no-multicast-peers",
        "--simple-log",
        "--verbose",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: child.poll() is not None or _listens(address, port), timeout=10, what="the relay listens")
        assert child.poll() is None, "the relay did not start"
        url = f"turn:{address}:{port}"
        settings = IceSettings(stun_url=f"stun:{address}:{port}", turn_url=url, turn_secret=SECRET, turn_only=True)
        yield Relay(settings=settings, address=address, log=folder / "turn.log")
    finally:
        child.terminate()
        child.wait()


def _listens(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return True
        return False
