"""Dialogs as seen in the messages themselves: what another process needs to send a CANCEL or BYE in our name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import HeaderParser

from followup.calls import LegId, LegRole
from telephony.sip.journal import DialogLine, DialogState

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact"}
_LIST_ITEM = re.compile(r'(?:[^,<"]|<[^>]*>|"(?:[^"\\]|\\.)*")+')
_TAG = re.compile(r";\s*tag=([^;,\s>]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch=([^;,\s]+)", re.IGNORECASE)
_SENT_BY = re.compile(r"SIP/2\.0/\w+\s+([^;:\s]+)(?::(\d+))?", re.IGNORECASE)
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One message of a dialog: its text, which way it went, and the far end's host:port."""

    text: str
    sent: bool
    peer: str


class DialogWatch:
    """Follows one outgoing dialog through its messages; each change yields a new line for the journal."""

    def __init__(self, leg_id: LegId, role: LegRole) -> None:
        self._leg_id = leg_id
        self._role = role
        self.line: DialogLine | None = None

    def observe(self, message: SipMessage) -> DialogLine | None:
        """The dialog after this message, when the message changed it."""
        start, _, rest = message.text.partition("\r\n")
        headers = HeaderParser().parsestr(rest)
        number, method = _cseq(headers)
        before = self.line
        if message.sent and not start.startswith("SIP/2.0"):
            self._request_sent(start, headers, number, method, message.peer)
        elif not message.sent and start.startswith("SIP/2.0"):
            self._response_received(int(start.split()[1]), headers, method, message.peer)
        elif not message.sent and method in {"INVITE", "UPDATE"}:
            self._retarget(headers)
        return self.line if self.line != before else None

    def _request_sent(self, start: str, headers: Message, number: int, method: str, peer: str) -> None:
        if self.line is not None and self.line.state is not DialogState.INVITING:
            if method not in {"ACK", "CANCEL"}:
                self.line = replace(self.line, cseq=max(self.line.cseq, number))
            return
        if method != "INVITE":
            return
        via = _values(headers, "via")[0]
        sent_by, branch = _SENT_BY.match(via), _BRANCH.search(via)
        own, other = _one(headers, "from"), _one(headers, "to")
        host, port = _split_peer(peer)
        self.line = DialogLine(
            dialog=self._leg_id,
            role=self._role,
            state=DialogState.INVITING,
            call_id=_one(headers, "call-id"),
            local_uri=_TAG.sub("", own),
            local_tag=_tag(own),
            remote_uri=_TAG.sub("", other),
            route_set=tuple(_values(headers, "route")),
            target=start.split()[1],
            cseq=number,
            invite_cseq=number,
            via_branch=branch[1] if branch else "",
            local_contact=_one(headers, "contact"),
            transport_host=sent_by[1] if sent_by else "",
            transport_port=int(sent_by[2] or 5060) if sent_by else 0,
            peer_host=host,
            peer_port=port,
        )

    def _response_received(self, status: int, headers: Message, method: str, peer: str) -> None:
        line = self.line
        if line is None or method != "INVITE" or status <= 100 or status >= 300:
            return
        if line.state is DialogState.CONFIRMED:
            self._retarget(headers)  # a re-INVITE's answer may move the far end
            return
        host, port = _split_peer(peer)
        if status < 200:
            # The target and the routes of the INVITE stay, for a CANCEL must repeat them.
            self.line = replace(line, state=DialogState.EARLY, remote_tag=_tag(_one(headers, "to")))
            return
        self.line = replace(
            line,
            state=DialogState.CONFIRMED,
            remote_tag=_tag(_one(headers, "to")),
            route_set=tuple(reversed(_values(headers, "record-route"))),
            peer_host=host,
            peer_port=port,
        )
        self._retarget(headers)

    def _retarget(self, headers: Message) -> None:
        contact = _values(headers, "contact")
        if self.line is None or self.line.state is not DialogState.CONFIRMED or not contact:
            return
        bracketed = _ADDRESS.search(contact[0])
        self.line = replace(self.line, target=bracketed[1] if bracketed else contact[0].split(";")[0].strip())


def _values(headers: Message, name: str) -> list[str]:
    return [
        item.strip()
        for key, value in headers.items()
        if _COMPACT.get(key.lower(), key.lower()) == name
        for item in _LIST_ITEM.findall(" ".join(value.split()))
    ]


def _one(headers: Message, name: str) -> str:
    found: Sequence[str] = [
        " ".join(value.split()) for key, value in headers.items() if _COMPACT.get(key.lower(), key.lower()) == name
    ]
    return found[0] if found else ""


def _tag(value: str) -> str:
    found = _TAG.search(value)
    return found[1] if found else ""


def _cseq(headers: Message) -> tuple[int, str]:
    number, _, method = _one(headers, "cseq").partition(" ")
    return int(number), method.strip().upper()


def _split_peer(peer: str) -> tuple[str, int]:
    host, _, port = peer.rpartition(":")
    return host, int(port)
