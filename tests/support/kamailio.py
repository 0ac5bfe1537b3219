"""A stranger on the way: kamailio as a SIP proxy that asks for a password, or only passes on."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_udp_block
from tests.support.sipp import listens
from tests.support.waiting import until

_CONFIGURATION = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
{streams}
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:{port}
{tls}

loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "auth.so"
modparam("auth", "nonce_expire", 60)

request_route {{
    xlog("L_NOTICE", "took $rm cseq=$cs credentials=$(hdr(Proxy-Authorization){{s.len}}) from=$sp over=$proto\\n");
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }} else if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if (is_method("ACK")) {{
        t_check_trans();
        exit;
    }}
    t_check_trans();
    {gate}
    loose_route();
    record_route();
    {onward}
    xlog("L_NOTICE", "passed on $rm\\n");
    t_relay();
}}
"""
_REGISTRAR = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
{streams}
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:{port}
{tls}

loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", {seconds})
modparam("registrar", "min_expires", 1)

request_route {{
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }}
        exit;
    }}
    if (is_method("REGISTER")) {{
        if ($au != "{username}" || !pv_www_authenticate("{realm}", "{password}", "0")) {{
            xlog("L_NOTICE", "asked for password\\n");
            www_challenge("{realm}", "0");
            exit;
        }}
        xlog("L_NOTICE", "took $rm over=$proto\\n");
        xlog("L_NOTICE", "registering expires=$hdr(Expires) contact=$ct\\n");
        save("location");
        exit;
    }}
    if (is_method("CANCEL") || is_method("ACK")) {{
        if (t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if (!lookup("location")) {{
        sl_send_reply("404", "Not Found");
        exit;
    }}
    record_route();
    t_relay();
}}
"""
_TLS = """listen=tls:127.0.0.1:{port}
loadmodule "tls.so"
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{certificate}")
modparam("tls", "tls_method", "TLSv1.2+")
"""
_GATE = """if ($au != "{username}" || !pv_proxy_authenticate("{realm}", "{password}", "0")) {{
        proxy_challenge("{realm}", "0");
        exit;
    }}
    consume_credentials();"""

needs_kamailio = pytest.mark.skipif(
    shutil.which("kamailio") is None, reason="kamailio is not installed (Debian: apt-get install kamailio)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatekeeper:
    """Whom the proxy lets through."""

    realm: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Kamailio:
    """A running proxy."""

    port: int
    folder: Path

    def took(self, method: str) -> list[bool]:
        """Each request of this method that reached it: whether it carried credentials."""
        lines = re.findall(rf"took {method} cseq=\d+ credentials=(\d*)", self._log())
        return [bool(length) for length in lines]

    def ways(self, method: str) -> list[str]:
        """The transport of each request of this method that reached it."""
        return re.findall(rf"took {method} .*over=(\w+)", self._log())

    def passed_on(self, method: str) -> int:
        """How many new requests of this method it let through."""
        return len(re.findall(rf"passed on {method}\b", self._log()))

    def registrations(self) -> list[str]:
        """The Expires of every REGISTER with the right password, oldest first."""
        return re.findall(r"registering expires=(\d*)", self._log())

    def _log(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")


@contextmanager
def kamailio(
    folder: Path,
    *,
    onward: int | None = None,
    gatekeeper: Gatekeeper | None = None,
    certificate: Path | None = None,
    tcp: bool = False,
) -> Iterator[Kamailio]:
    """A proxy on loopback. It sends new calls to the port `onward`, or where their address says.

    With a certificate (and its key in the same file) it takes TLS on the same port, with `tcp` TCP.
    """
    port = free_udp_block(2)
    gate = ""
    if gatekeeper is not None:
        gate = _GATE.format(realm=gatekeeper.realm, username=gatekeeper.username, password=gatekeeper.password)
    way = f'$du = "sip:127.0.0.1:{onward}";' if onward is not None else ""
    streams, tls = _streams(port, certificate, tcp=tcp)
    configuration = _CONFIGURATION.format(port=port, gate=gate, onward=way, streams=streams, tls=tls)
    with _running(folder, port, configuration) as proxy:
        yield proxy


def _streams(port: int, certificate: Path | None, *, tcp: bool) -> tuple[str, str]:
    """What the configuration says of TCP and TLS before and behind its first address."""
    if certificate is not None:
        return "tcp_children=1\nenable_tls=yes", _TLS.format(port=port, certificate=certificate)
    return ("tcp_children=1", f"listen=tcp:127.0.0.1:{port}") if tcp else ("disable_tcp=yes", "")


@contextmanager
def registrar(
    folder: Path, *, gatekeeper: Gatekeeper, seconds: int = 60, certificate: Path | None = None, tcp: bool = False
) -> Iterator[Kamailio]:
    """A registrar that keeps nobody longer than so many seconds, and calls whoever is registered."""
    port = free_udp_block(2)
    streams, tls = _streams(port, certificate, tcp=tcp)
    configuration = _REGISTRAR.format(
        port=port,
        streams=streams,
        tls=tls,
        seconds=seconds,
        realm=gatekeeper.realm,
        username=gatekeeper.username,
        password=gatekeeper.password,
    )
    with _running(folder, port, configuration) as running:
        yield running


@contextmanager
def _running(folder: Path, port: int, text: str) -> Iterator[Kamailio]:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "kamailio.cfg"
    configuration.write_text(text)
    command = ["kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", str(configuration), "-Y", str(folder)]
    with (folder / "output.txt").open("wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        until(lambda: listens(port) or child.poll() is not None, timeout=10, what="kamailio listens")
        said = (folder / "output.txt").read_text(errors="replace")
        assert child.poll() is None, f"kamailio ended with {child.returncode}: {said[-2000:]}"
        yield Kamailio(port, folder)
    finally:
        child.terminate()
        try:
            child.wait(timeout=8)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
