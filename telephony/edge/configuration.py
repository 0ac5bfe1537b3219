"""The configuration of kamailio as the edge: what our workers send leaves from one address, and trunks reach the front.

Written for kamailio 5.6 as Debian 12 ships it. Whatever is neither one of our workers nor one of the trunks gets no
answer at all, so that a scanner finds nothing here.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_HOST = re.compile(r"[0-9A-Za-z.-]+")
FRONT_MILLISECONDS = 1500  # a front worker rings at once; one that is silent so long is dead or hangs
_ENGINE = re.compile(r"udp:[0-9A-Za-z.-]+:\d{1,5}")


class EdgeError(Exception):
    """The edge cannot be configured so; the text says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePeer:
    """A carrier or PBX behind the edge; `tls` means that the edge speaks TLS to it."""

    name: str
    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTls:
    """What the edge shows and trusts when it speaks TLS."""

    port: int
    certificate: Path
    key: Path
    ca_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """All that the edge is made of."""

    host: str
    port: int
    worker_host: str
    worker_ports: range  # the front workers' are the first, the last of these being the one that is asked first
    front_workers: int = 1
    peers: tuple[EdgePeer, ...]
    tls: EdgeTls | None = None
    rtpengine: str = ""  # its control address, such as udp:127.0.0.1:2223; empty: sound goes past the edge

    @property
    def fronts(self) -> list[str]:
        """Where calls from outside go: to the first of these that takes them."""
        first = self.worker_ports.start + self.front_workers - 1
        return [f"sip:{self.worker_host}:{port}" for port in range(first, self.worker_ports.start - 1, -1)]

    def check(self) -> None:
        """EdgeError when something does not fit."""
        for what, host in (("the edge's address", self.host), *((f"trunk {p.name}", p.host) for p in self.peers)):
            if _HOST.fullmatch(host) is None:
                raise EdgeError(f"{what}: {host!r} is no host; give an address or a name")
        if not 0 < self.port < 65536:
            raise EdgeError(f"the edge's port {self.port} is none; give one from 1 to 65535")
        if self.host == self.worker_host and self.port in self.worker_ports:
            raise EdgeError(
                f"port {self.port} belongs to a call worker: choose another one for the edge, 5060 for example"
            )
        if not self.peers:
            raise EdgeError("there is no trunk to speak with: set SUIFANG_TRUNK_HOST or SUIFANG_TRUNKS_FILE first")
        if self.tls is None and (secret := [peer.name for peer in self.peers if peer.tls]):
            raise EdgeError(f"trunk {secret[0]} wants TLS: give --certificate, --key and --ca-file")
        if self.rtpengine and _ENGINE.fullmatch(self.rtpengine) is None:
            raise EdgeError(f"{self.rtpengine!r} is no rtpengine: write it as udp:127.0.0.1:2223")


def tls_configuration(tls: EdgeTls) -> str:
    """The file that kamailio's tls module reads: nothing below TLS 1.2, and every far end is verified."""
    common = f"method = TLSv1.2+\ncertificate = {tls.certificate}\nprivate_key = {tls.key}\nca_list = {tls.ca_file}\n"
    return (
        f"[server:default]\n{common}verify_certificate = yes\nrequire_certificate = no\n\n"
        f"[client:default]\n{common}verify_certificate = yes\nrequire_certificate = yes\n"
    )


def edge_configuration(edge: Edge, *, tls_file: Path | None = None) -> str:
    """kamailio.cfg, to be given to `kamailio -f`; EdgeError when the edge cannot be so."""
    edge.check()
    if edge.tls is not None and tls_file is None:
        raise EdgeError("an edge with TLS needs a second file: give --config, and it is written beside it")
    return _LAYOUT.format(
        listen="\n".join(_listens(edge)),
        no_tcp="no" if edge.tls else "yes",
        tls_core="enable_tls=yes\n" if edge.tls else "",
        modules=_modules(edge, tls_file),
        inside=f"$si == {_quoted(edge.worker_host)} && $sp >= {edge.worker_ports.start} && "
        f"$sp <= {edge.worker_ports.stop - 1}",
        to_inside=f"$rd == {_quoted(edge.worker_host)} && $rp >= {edge.worker_ports.start} && "
        f"$rp <= {edge.worker_ports.stop - 1}",
        from_peer=" || ".join(_is_from(peer) for peer in edge.peers),
        ways="\n".join(_way(edge, peer) for peer in edge.peers),
        front=edge.fronts[0],
        next_front=_next_front(edge.fronts),
        front_milliseconds=FRONT_MILLISECONDS,
        contact=f"sip:$fU@{edge.host}:{edge.port}",
        udp=f"udp:{edge.host}:{edge.port}",
        sound='rtpengine_manage("replace-origin replace-session-connection");' if edge.rtpengine else "return;",
    )


def _listens(edge: Edge) -> list[str]:
    lines = [f"listen=udp:{edge.host}:{edge.port}"]
    if edge.tls is not None:
        lines.append(f"listen=tls:{edge.host}:{edge.tls.port}")
    return lines


def _modules(edge: Edge, tls_file: Path | None) -> str:
    lines = []
    if edge.tls is not None:
        lines += ['loadmodule "tls.so"', f'modparam("tls", "config", {_quoted(str(tls_file))})']
    if edge.rtpengine:
        lines += ['loadmodule "rtpengine.so"', f'modparam("rtpengine", "rtpengine_sock", {_quoted(edge.rtpengine)})']
    return "\n".join(lines)


def _is_from(peer: EdgePeer) -> str:
    # A TLS or TCP connection may come from any port of the peer's; a datagram only from the one we speak to.
    if peer.tls:
        return f'($si == {_quoted(peer.host)} && $proto == "tls")'
    return f"($si == {_quoted(peer.host)} && $sp == {peer.port})"


def _way(edge: Edge, peer: EdgePeer) -> str:
    condition = f"$rd == {_quoted(peer.host)} && ($rp == {peer.port} || $rp == 0)"
    if peer.tls and edge.tls is not None:
        way = f'$du = "sip:{peer.host}:{peer.port};transport=tls"; $fs = "tls:{edge.host}:{edge.tls.port}"; return(1);'
    else:
        way = f'$fs = "udp:{edge.host}:{edge.port}"; return(1);'
    return f"    if ({condition}) {{ {way} }}"


def _next_front(fronts: list[str]) -> str:
    """Which front worker is asked after which."""
    steps = [
        f'    if ($avp(front) == {place}) {{\n        $avp(front) = {place + 1};\n        $du = "{after}";\n'
        "        return(1);\n    }"
        for place, after in enumerate(fronts[1:], start=1)
    ]
    return "\n".join([*steps, "    return(-1);"])


def _quoted(text: str) -> str:
    return f'"{text}"'


_LAYOUT = """#!KAMAILIO
# Made by `suifang edge`; make it anew rather than change it.
debug=2
log_stderror=yes
children=2
disable_tcp={no_tcp}
{tls_core}auto_aliases=no
dns=no
rev_dns=no
server_header="Server: edge"
user_agent_header="User-Agent: edge"
{listen}

loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "sanity.so"
loadmodule "xlog.so"
{modules}

modparam("rr", "enable_double_rr", 1)
modparam("tm", "fr_timer", 8000)
modparam("tm", "fr_inv_timer", 150000)

request_route {{
    # Who is nobody's gets no answer: neither workers nor trunks.
    if ({inside}) {{
        setflag(1);
    }} else if ({from_peer}) {{
        setflag(2);
    }} else {{
        xlog("L_WARN", "dropped $rm from $proto:$si:$sp\\n");
        drop;
    }}
    if (!mf_process_maxfwd_header("20") || !sanity_check("17895", "7")) {{
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if (has_totag()) {{
        route(DIALOG);
        exit;
    }}
    if (is_method("ACK")) {{
        t_check_trans();
        exit;
    }}
    t_check_trans();
    if (isflagset(1)) {{
        route(OUT);
    }} else {{
        route(IN);
    }}
}}

# An answer from elsewhere is forged: without this it would be passed on to wherever its second Via says.
reply_route {{
    if (!({inside}) && !({from_peer})) {{
        xlog("L_WARN", "dropped an answer from $proto:$si:$sp\\n");
        drop;
    }}
}}

# Requests of a call that is up go by the route set that record_route() made.
route[DIALOG] {{
    if (!loose_route()) {{
        if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }} else if (!is_method("ACK")) {{
            sl_send_reply("481", "Call/Transaction Does Not Exist");
        }}
        exit;
    }}
    if (isflagset(2) && !({to_inside})) {{
        sl_send_reply("403", "Forbidden");
        exit;
    }}
    if (isflagset(1) && $du == $null) {{
        route(WAY);
    }}
    if (has_body("application/sdp") || is_method("BYE")) {{
        route(SOUND);
    }}
    t_on_reply("SOUND");
    t_relay();
}}

# From our workers to a trunk, and nowhere else.
route[OUT] {{
    loose_route();
    $du = $null;
    if (is_method("REGISTER")) {{
        # The carrier is to find us here; the front worker's own address is none of its business.
        remove_hf("Contact");
        append_hf("Contact: <{contact}>\\r\\n");
        msg_apply_changes();
    }} else if (!is_method("INVITE|OPTIONS")) {{
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }} else {{
        record_route();
    }}
    if (!route(WAY)) {{
        sl_send_reply("403", "Not one of our trunks");
        exit;
    }}
    if (has_body("application/sdp")) {{
        route(SOUND);
    }}
    t_on_reply("SOUND");
    if (!t_relay()) {{
        sl_reply_error();
    }}
}}

# From a trunk: calls go to the front workers, whichever number they are for.
route[IN] {{
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (!is_method("INVITE")) {{
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }}
    remove_hf("Route");
    record_route();
    $du = "{front}";
    $fs = "{udp}";
    $avp(front) = 1;
    if (has_body("application/sdp")) {{
        route(SOUND);
    }}
    t_set_fr(150000, {front_milliseconds});
    t_on_reply("SOUND");
    t_on_failure("FRONT_FULL");
    if (!t_relay()) {{
        sl_reply_error();
    }}
}}

# A worker that has no room says so with Retry-After, and one that is gone says nothing. Anything else is the answer
# of whoever decides about calls, and another worker must not ring for it.
failure_route[FRONT_FULL] {{
    if (t_is_canceled()) {{
        exit;
    }}
    if (t_branch_replied()) {{
        if (!t_check_status("486|503") || $T_rpl($hdr(Retry-After)) == $null) {{
            exit;
        }}
    }}
    if (route(NEXT_FRONT)) {{
        $fs = "{udp}";
        t_set_fr(150000, {front_milliseconds});
        t_on_reply("SOUND");
        t_on_failure("FRONT_FULL");
        t_relay();
    }}
}}

route[NEXT_FRONT] {{
{next_front}
}}

# Which of our sockets a trunk is reached by.
route[WAY] {{
{ways}
    return(-1);
}}

route[SOUND] {{
    {sound}
}}

onreply_route[SOUND] {{
    if (has_body("application/sdp")) {{
        route(SOUND);
    }}
}}
"""
