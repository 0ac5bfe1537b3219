"""A trunk that asks for a password: each INVITE is written down before it leaves, so that it can be taken back."""

import os
import re
import signal
from pathlib import Path

from followup.calls import LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, Trunk
from telephony.sip.burial import journals_in
from telephony.sip.control import SipCallControl
from telephony.sip.journal import DialogLine, read_journal
from telephony.sip.pool import WorkerPool
from tests.support.call_control_bench import pool_settings
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.waiting import until

LEG = LegId("patient")
CHALLENGES = 3  # the library bears no more with one password; each is a chance to catch a line that comes too late


def challenge(peer: RawPeer, invite: Received, number: int) -> None:
    terms = f'Digest realm="carrier", nonce="nonce-{number}", algorithm=MD5, qop="auth", stale=true'
    peer.reply(invite, "407 Proxy Authentication Required", headers={"Proxy-Authenticate": terms})


def branch(message: Received) -> str:
    found = re.search(r"branch=([^;,\s]+)", message.all("Via")[0])
    assert found is not None
    return found[1]


def test_each_invite_is_in_the_journal_before_it_leaves_and_a_dead_workers_last_one_is_taken_back(
    tmp_path: Path,
) -> None:
    events: list[LegEvent] = []

    def take(event: LegEvent) -> None:
        events.append(event)
        pool.acknowledge(event)

    settings = pool_settings(tmp_path, workers_max=2)
    pool = WorkerPool(settings, take)
    control = SipCallControl(pool)

    def written() -> DialogLine:
        dialogs = [read_journal(file).dialogs.get(LEG) for file in journals_in(settings.folder / "journals" / "node")]
        return next(dialog for dialog in dialogs if dialog is not None)

    with raw_peer() as peer:
        trunk = Trunk(
            name="carrier", host="127.0.0.1", port=peer.port, username="7", password="secret", loopback_only=True
        )
        pool.start()
        try:
            leg = OutboundLeg(leg_id=LEG, attempt_id="patient", role=LegRole.PATIENT, number="+8613900000501")
            control.originate(leg, trunk)
            invite = peer.receive("INVITE")
            for number in range(CHALLENGES):
                challenge(peer, invite, number)
                before, invite = invite, _after(peer, invite)
                line = written()
                assert (line.via_branch, line.cseq) == (branch(invite), int(invite.one("CSeq").split()[0]))
                assert branch(before) != line.via_branch
                assert invite.all("Proxy-Authorization")
            os.kill(next(worker.pid for worker in pool.workers() if LEG in worker.legs), signal.SIGKILL)
            peer.reply(invite, "180 Ringing", headers={"Contact": f"<sip:far@127.0.0.1:{peer.port}>"})
            cancel = peer.receive("CANCEL", timeout=8)
            assert branch(cancel) == branch(invite)
            assert cancel.one("CSeq").split() == [invite.one("CSeq").split()[0], "CANCEL"]
            peer.reply(cancel, "200 OK")
            peer.reply(invite, "487 Request Terminated")
            until(
                lambda: [event for event in events if event.kind is LegEventKind.ENDED],
                timeout=15,
                what="the end is told",
            )
        finally:
            pool.close(quit_idle=True)


def _after(peer: RawPeer, seen: Received) -> Received:
    """The next INVITE that is not the one seen, sent again."""
    while branch(invite := peer.receive("INVITE")) == branch(seen):
        pass
    return invite
