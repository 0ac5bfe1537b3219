"""Dialogs as seen in the messages themselves: what another process needs to send a CANCEL or BYE in our name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import HeaderParser
from urllib.parse import unquote

from followup.calls import LegId, LegRole
from telephony.call_control import Transport
from telephony.sip.journal import DialogLine, DialogState
from telephony.stream_terms import StreamTerms

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact"}
_LIST_ITEM = re.compile(r'(?:[^,<"]|<[^>]*>|"(?:[^"\\]|\\.)*")+')
_TAG = re.compile(r";\s*tag=([^;,\s>]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch=([^;,\s]+)", re.IGNORECASE)
_SENT_BY = re.compile(r"SIP/2\.0/(?P<transport>\w+)\s+(?P<host>[^;:\s]+)(?::(?P<port>\d+))?", re.IGNORECASE)
_RPORT = re.compile(r";\s*rport(?:=\d*)?(?=;|\s|$)", re.IGNORECASE)
NO_TAG = "gone"  # of a refusal that goes before any answer of ours had a tag
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One message of a dialog: its text, which way it went, and the far end's host:port."""

    text: str
    sent: bool
    peer: str


_FINAL_ANSWER_TO_INVITE = re.compile(r"(?smi)\ASIP/2\.0 ([2-6]\d\d) .*?^CSeq:\s*\d+\s+INVITE\s*$")


def final_answer_to_invite(message: SipMessage) -> int:
    """The status of a final answer to an INVITE of ours; 0 when the message is anything else."""
    if message.sent:
        return 0
    found = _FINAL_ANSWER_TO_INVITE.match(message.text.partition("\r\n\r\n")[0].replace("\r\n", "\n"))
    return int(found[1]) if found else 0


class UnreadableMessageError(Exception):
    """A message that the library took and that we cannot follow."""


class DialogWatch:
    """Follows one dialog through its messages; each change yields a new line for the journal."""

    def __init__(
        self,
        leg_id: LegId,
        role: LegRole,
        *,
        own_address: tuple[str, int] | None = None,
        terms: StreamTerms | None = None,
    ) -> None:
        self._leg_id = leg_id
        self._role = role
        self._terms = terms or StreamTerms()  # the trunk's, by which another may speak with the far end over TLS
        self._own_address = own_address  # given for an incoming dialog: an outgoing one names it in its INVITE
        self.line: DialogLine | None = None

    def observe(self, message: SipMessage) -> DialogLine | None:
        """The dialog after this message, when the message changed it; UnreadableMessageError tells of a strange one."""
        try:
            return self._observe(message)
        except (ValueError, IndexError) as error:
            # The library reads more than the standard allows; what we cannot follow must not end the worker.
            raise UnreadableMessageError(f"a SIP message of leg {self._leg_id} cannot be followed: {error}") from error

    def _observe(self, message: SipMessage) -> DialogLine | None:
        start, headers = _read(message.text)
        number, method = _cseq(headers)
        before = self.line
        if message.sent and not start.startswith("SIP/2.0"):
            self._request_sent(start, headers, number, method, message.peer)
        elif not message.sent and start.startswith("SIP/2.0"):
            self._response_received(int(start.split()[1]), headers, method, message.peer)
        elif message.sent:
            self._response_sent(int(start.split()[1]), headers, number, method)
        elif self.line is None and self._own_address is not None and method == "INVITE":
            self._invite_received(headers, number, message.peer, self._own_address)
        elif not message.sent and method in {"INVITE", "UPDATE"}:
            self._retarget(headers)
        return self.line if self.line != before else None

    def _request_sent(self, start: str, headers: Message, number: int, method: str, peer: str) -> None:
        if self.line is not None and not self._may_be_cancelled(self.line, number, method):
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
            transport_host=sent_by["host"] if sent_by else "",
            transport_port=int(sent_by["port"] or 5060) if sent_by else 0,
            peer_host=host,
            peer_port=port,
            transport=_transport(via),
            ca_file=self._terms.ca_file,
            certified_name=self._terms.name,
        )

    @staticmethod
    def _may_be_cancelled(line: DialogLine, number: int, method: str) -> bool:
        """Whether this request is the INVITE that a CANCEL would be for: no answer yet, or it follows a challenge."""
        if line.state is DialogState.EARLY:
            return method == "INVITE" and number > line.invite_cseq
        return line.state is DialogState.INVITING

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

    def _invite_received(self, headers: Message, number: int, peer: str, own_address: tuple[str, int]) -> None:
        """RFC 3261 section 12.1.1: the caller's tag is the remote one, and the routes stand as they came."""
        via = _values(headers, "via")
        branch = _BRANCH.search(via[0])
        caller, called = _one(headers, "from"), _one(headers, "to")
        contact = _values(headers, "contact")
        host, port = _split_peer(peer)
        refusal = [
            "SIP/2.0 480 Temporarily Unavailable",
            *(f"Via: {_received_from(one, host, port) if index == 0 else one}" for index, one in enumerate(via)),
            f"From: {caller}",
            f"To: {called};tag={NO_TAG}",
            f"Call-ID: {_one(headers, 'call-id')}",
            f"CSeq: {number} INVITE",
            "Content-Length: 0",
            "",
            "",
        ]
        self.line = DialogLine(
            dialog=self._leg_id,
            role=self._role,
            state=DialogState.INVITING,
            call_id=_one(headers, "call-id"),
            local_uri=called,
            local_tag="",
            remote_uri=_TAG.sub("", caller),
            remote_tag=_tag(caller),
            route_set=tuple(_values(headers, "record-route")),
            target=_address(contact[0]) if contact else "",
            cseq=0,
            invite_cseq=number,
            via_branch=branch[1] if branch else "",
            local_contact="",
            transport_host=own_address[0],
            transport_port=own_address[1],
            peer_host=host,
            peer_port=port,
            incoming=True,
            refusal="\r\n".join(refusal),
            transport=_transport(via[0]),
            ca_file=self._terms.ca_file,
            certified_name=self._terms.name,
        )

    def _response_sent(self, status: int, headers: Message, number: int, method: str) -> None:
        line = self.line
        if line is None or not line.incoming or method != "INVITE" or number != line.invite_cseq or status <= 100:
            return
        tag = _tag(_one(headers, "to"))
        if status < 200 and line.state is DialogState.INVITING:
            self.line = replace(
                line,
                state=DialogState.EARLY,
                local_tag=tag,
                refusal=line.refusal.replace(f";tag={NO_TAG}\r\n", f";tag={tag}\r\n"),
            )
        elif 200 <= status < 300 and line.state is not DialogState.CONFIRMED:
            contact = _values(headers, "contact")
            self.line = replace(
                line,
                state=DialogState.CONFIRMED,
                local_tag=tag,
                local_contact=contact[0] if contact else "",
                refusal="",
            )

    def _retarget(self, headers: Message) -> None:
        contact = _values(headers, "contact")
        if self.line is None or self.line.state is not DialogState.CONFIRMED or not contact:
            return
        self.line = replace(self.line, target=_address(contact[0]))


def _transport(via: str) -> Transport:
    found = _SENT_BY.match(via)
    return Transport(found["transport"].lower()) if found else Transport.UDP


def _address(value: str) -> str:
    bracketed = _ADDRESS.search(value)
    return bracketed[1] if bracketed else value.split(";")[0].strip()


def _received_from(via: str, host: str, port: int) -> str:
    """The topmost Via as an answer carries it (RFC 3581): a proxy or phone finds its way by it."""
    filled, asked = _RPORT.subn(f";rport={port}", via, count=1)
    return f"{filled};received={host}" if asked and "received=" not in via else via


def _read(text: str) -> tuple[str, Message]:
    # Bytes that are no text come as half characters: the gate replaced them before it judged, and so it stays one text.
    readable = text.encode("utf-8", "replace").decode()
    start, _, rest = readable.replace("\r\n", "\n").partition("\n")
    return start, HeaderParser().parsestr(rest.partition("\n\n")[0])


def call_id_of(message: str) -> str:
    """The Call-ID of a message."""
    return _one(_read(message)[1], "call-id")


def caller_and_called(message: SipMessage) -> tuple[str, str]:
    """The user parts of From (P-Asserted-Identity goes before it) and of the request's address, as they stand."""
    start, headers = _read(message.text)
    asserted = _values(headers, "p-asserted-identity")
    caller = asserted[0] if asserted else _one(headers, "from")
    return _user(_address(caller)), _user(start.split()[1])


def _user(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    user = rest if scheme.lower() == "tel" else rest.partition("@")[0] if "@" in rest else ""
    return unquote(user.split(";")[0])[:64]


def _values(headers: Message, name: str) -> list[str]:
    return [item.strip() for value in _fields(headers, name) for item in _LIST_ITEM.findall(value)]


def _one(headers: Message, name: str) -> str:
    return next(_fields(headers, name), "")


def _fields(headers: Message, name: str) -> Iterator[str]:
    """The values of a header by its long name, each on one line."""
    for key, value in headers.items():
        if _COMPACT.get(key.lower(), key.lower()) == name:
            yield " ".join(value.split())


def _tag(value: str) -> str:
    found = _TAG.search(value)
    return found[1] if found else ""


def _cseq(headers: Message) -> tuple[int, str]:
    number, _, method = _one(headers, "cseq").partition(" ")
    return int(number), method.strip().upper()


def _split_peer(peer: str) -> tuple[str, int]:
    host, _, port = peer.rpartition(":")
    return host, int(port)
