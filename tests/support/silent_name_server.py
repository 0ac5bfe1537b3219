"""A call that is up beside far ends who name hosts, on a machine whose name server never answers.

Run in a network of its own: `unshare -n python -m tests.support.silent_name_server FOLDER`. It prints what came of it.
"""

import json
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from followup.calls import EndReason
from telephony.call_control import LegEventKind
from telephony.sip import wire
from tests.support.hostile_sip import OFFER, request
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.rtp_tone import RtpTone, rtp_tone
from tests.support.sip_peer import NodeConnection, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

NAME = "far.names.invalid"
SDP = "v=0\r\no=- 1 2 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"


def silent_servers() -> list[socket.socket]:
    """Take the place of every name server this machine asks."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    servers = []
    for line in Path("/etc/resolv.conf").read_text().splitlines():
        if line.startswith("nameserver ") and ":" not in line:
            address = line.split()[1]
            if not address.startswith("127."):
                subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((address, 53))
            server.setblocking(False)
            servers.append(server)
    return servers


def asked(servers: list[socket.socket]) -> int:
    """How many questions came."""
    count = 0
    for server in servers:
        try:
            while server.recv(2048):
                count += 1
        except BlockingIOError:
            continue
    return count


class Scene:
    """The worker, its live call, and far ends who name hosts."""

    def __init__(self, node: NodeConnection, worker: tuple[str, int]) -> None:
        self.node = node
        self.worker = worker

    def live_call(self, peer: RawPeer, voice: RtpTone) -> Received:
        """A patient on the line; the INVITE that began it."""
        leg = outbound("+8613800000000")
        self.node.do(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port)))
        invite = peer.receive("INVITE")
        peer.answer(invite, rtp_port=voice.port)
        self.node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        media = next(line for line in invite.body.splitlines() if line.startswith("m=audio"))
        voice.target = ("127.0.0.1", int(media.split()[1]))
        until(lambda: len(voice.heard) > 25, timeout=10, what="the call has sound")
        return invite

    def answered_with(self, peer: RawPeer, *, host: str, contact: str) -> str:
        """Call somebody who answers with a name in SDP or Contact; how it ended, or that it is up."""
        leg = outbound("+8613800000001")
        until(
            lambda: self.node.ask(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port))).ok,
            timeout=5,
            what="another call",
        )
        invite = peer.receive("INVITE")
        body = SDP.format(host, free_udp_block(2))
        peer.reply(invite, "200 OK", headers={"Contact": f"<sip:far@{contact}:{peer.port}>"}, body=body)
        if host != NAME:
            self.node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
            self.node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        while (bye := peer.receive("BYE")).one("Call-ID") != invite.one("Call-ID"):
            pass
        peer.reply(bye, "200 OK")
        return str(self.node.wait_for(leg.leg_id, LegEventKind.ENDED).values["end_reason"])

    def strangers_invite(self, peer: RawPeer, **changes: str) -> str:
        """What somebody hears who rings us and names hosts."""
        call_id = f"names-{len(changes)}-{'-'.join(changes)}"
        invite = request(
            "INVITE", self.worker, own=peer.line.getsockname(), call_id=call_id, branch=f"z9hG4bK{call_id}", body=OFFER
        ).decode()
        if "contact" in changes:
            invite = invite.replace("Contact: <sip:stranger@127.0.0.9", f"Contact: <sip:stranger@{changes['contact']}")
        if "sdp" in changes:
            head, _, body = invite.partition("\r\n\r\n")
            body = body.replace("c=IN IP4 127.0.0.1", f"c=IN IP4 {changes['sdp']}")
            head = "\r\n".join(line for line in head.split("\r\n") if not line.startswith("Content-Length"))
            invite = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        peer.say(invite, self.worker)
        while (answer := peer.receive("SIP/2.0")).start.startswith("SIP/2.0 1"):
            pass
        return answer.start.split()[1]

    def reinvite(self, peer: RawPeer, invite: Received) -> str:
        """What the live call's far end hears when it wants its sound sent to a name."""
        again = request(
            "INVITE",
            self.worker,
            own=("127.0.0.1", peer.port),
            call_id=invite.one("Call-ID"),
            sender=f"{invite.one('To')};tag=far",
            to=invite.one("From"),
            cseq="9 INVITE",
            branch="z9hG4bKagain",
            body=SDP.format(NAME, 4000),
        )
        peer.line.sendto(again, self.worker)
        while (answer := peer.receive("SIP/2.0")).start.startswith("SIP/2.0 1"):
            pass
        return answer.start.split()[1]


def main() -> None:
    """Play the scene and print what was seen."""
    servers = silent_servers()
    with (
        call_worker(Path(sys.argv[1]), front=True) as worker,
        raw_peer() as patient,
        raw_peer() as other,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere,
        rtp_tone(700) as voice,
    ):
        elsewhere.bind(("127.0.0.9", 0))  # where nobody is whom we call
        stranger = RawPeer(elsewhere)
        node = worker.connect()
        scene = Scene(node, ("127.0.0.1", worker.config.sip_port))
        first = scene.live_call(patient, voice)
        from_here = len(voice.heard)
        seen: dict[str, object] = {
            "contact_of_stranger": scene.strangers_invite(stranger, contact=NAME),
            "sdp_of_stranger": scene.strangers_invite(stranger, sdp=NAME),
            "reinvite": scene.reinvite(patient, first),
            "sdp_of_answer": scene.answered_with(other, host=NAME, contact="127.0.0.1"),
            "contact_of_answer": scene.answered_with(other, host="127.0.0.1", contact=NAME),
        }
        after = len(voice.heard) + 25
        until(lambda: len(voice.heard) > after, timeout=10, what="the call goes on")
        times = [at for at, _ in voice.heard[from_here:]]
        seen["longest_gap"] = max(later - earlier for earlier, later in pairwise(times))
        seen["questions"] = asked(servers)
        node.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
