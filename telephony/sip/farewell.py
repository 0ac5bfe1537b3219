"""Farewell: CANCEL or BYE said in the name of a call worker that died, so that no phone rings or holds on for nobody.

Plain SIP (RFC 3261 sections 9, 12, 15 and 17.1), all its dialogs at once: over UDP from the dead worker's own address,
over TCP and TLS by a connection of ours, for requests of a dialog may come over another than its first (section 18).
"""

import hashlib
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog
from sipmessage import URI, CSeq, Message, Parameters, Request, Response, Via
from sipmessage import Address as NamedAddress
from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    stop_after_attempt,
)
from tenacity.wait import wait_chain, wait_fixed

from followup.calls import LegId
from telephony.call_control import Transport
from telephony.sip.farewell_lines import Address, FarewellLine, bound, connected
from telephony.sip.journal import DialogLine, DialogState
from telephony.stream_terms import StreamTerms

log = structlog.get_logger(__name__)

MAGIC_COOKIE = "z9hG4bK"
COPIED = ("Via", "From", "To", "Call-ID", "CSeq")  # every response has them from its request (section 8.2.6.2)
# Timer E of RFC 3261 with T1 = 0.5 s, given up after 4 s: the patient's phone is to be free within 5 s.
REPEAT_AFTER = (0.5, 1.0, 2.0, 0.5)
# Above any number that the worker used but had no time to note: a lower one would be refused (section 12.2.2).
CSEQ_GAP = 10
DEFAULT_PORTS = {Transport.UDP: 5060, Transport.TCP: 5060, Transport.TLS: 5061}
PROVISIONAL, SUCCESS, ENDED = range(100, 200), range(200, 300), range(200, 700)
ASKS_FOR_PASSWORD = (401, 407)


class FarewellOutcome(StrEnum):
    """How a leg's farewell went."""

    PARTED = "parted"  # the far end has confirmed that the call is over
    UNHEARD = "unheard"  # no answer came in time; session timers are the net
    UNSENT = "unsent"  # the system would not send there
    CHALLENGED = "challenged"  # the far end wants a password, which no journal holds; session timers are the net


@dataclass(slots=True)
class _Leaving:
    """One leg on its way out: what is still to be said again until answered."""

    dialog: DialogLine
    waiting: dict[str, tuple[bytes, Address]] = field(default_factory=dict)  # branch → request, address
    invite_open: bool = False  # a final response to the INVITE is still to come
    parted_tags: set[str] = field(default_factory=set)
    unsent: bool = False
    challenged: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing is left to be said or heard."""
        return self.unsent or not (self.waiting or self.invite_open)


def say_farewell(dialogs: Iterable[DialogLine], *, host: str, port: int) -> Mapping[LegId, FarewellOutcome]:
    """End every dialog in the name of the worker at `host:port`; returns when all far ends have confirmed it.

    It gives up after about four seconds, and so many more as a far end over TCP or TLS lets us wait for a connection.
    """
    ways: dict[tuple[StreamTerms, Sequence[Address]], list[DialogLine]] = defaultdict(list)
    outcomes: dict[LegId, FarewellOutcome] = {}
    for dialog in dialogs:
        try:
            ways[_way(dialog)].append(dialog)
        except ValueError:
            # One far end's strange address must not keep the others on the line.
            outcomes[dialog.dialog] = FarewellOutcome.UNSENT
            log.exception("farewell_unsent", leg_id=dialog.dialog)
    if not ways:
        return outcomes
    with ThreadPoolExecutor(max_workers=len(ways), thread_name_prefix="farewell") as threads:
        farewells = [
            threads.submit(_say_all, ((host, port), *way), dialogs_there) for way, dialogs_there in ways.items()
        ]
    for farewell in farewells:
        outcomes |= farewell.result()
    return outcomes


def _way(dialog: DialogLine) -> tuple[StreamTerms, Sequence[Address]]:
    """How the far end is reached: over one socket for all of UDP, else over a connection to one of these addresses."""
    if dialog.transport is Transport.UDP:
        return StreamTerms(), ()
    terms = StreamTerms(transport=dialog.transport, ca_file=dialog.ca_file, name=dialog.certified_name)
    if dialog.refusal:
        # Whoever rang did so from any port; the one that takes connections stands in Via (section 18.2.2).
        port = Response.parse(dialog.refusal.encode()).via[0].port
        return terms, ((dialog.peer_host, port or DEFAULT_PORTS[dialog.transport]),)
    peer = (dialog.peer_host, dialog.peer_port)
    # A far end that has moved on is reached by its route; where that leads nowhere, with whom the worker spoke.
    hops = dict.fromkeys([_next_hop(dialog), peer] if dialog.state is DialogState.CONFIRMED else [peer])
    return terms, tuple(hops)


def _say_all(
    way: tuple[Address, StreamTerms, Sequence[Address]], dialogs: Sequence[DialogLine]
) -> Mapping[LegId, FarewellOutcome]:
    """End these dialogs, which are all reached by one way."""
    own, terms, addresses = way
    leaving = {dialog.call_id: _Leaving(dialog) for dialog in dialogs}
    try:
        line: FarewellLine = bound(*own) if terms.transport is Transport.UDP else connected(terms, addresses)
    except OSError as fault:
        legs = [dialog.dialog for dialog in dialogs]
        log.exception("farewell_impossible", legs=legs, transport=terms.transport.value, error=str(fault))
        return dict.fromkeys(legs, FarewellOutcome.UNSENT)
    with line:
        farewell = _Farewell(line, leaving)
        farewell.begin()
        repeated = Retrying(
            sleep=farewell.listen,
            wait=wait_chain(*(wait_fixed(seconds) for seconds in REPEAT_AFTER)),
            stop=stop_after_attempt(len(REPEAT_AFTER) + 1),
            retry=retry_if_result(lambda over: not over),
        )
        try:
            repeated(farewell.speak)
        except RetryError:
            log.warning("farewell_unheard", legs=[one.dialog.dialog for one in leaving.values() if not one.over])
    return {one.dialog.dialog: _outcome(one) for one in leaving.values()}


def _outcome(leaving: _Leaving) -> FarewellOutcome:
    if leaving.unsent:
        return FarewellOutcome.UNSENT
    if not leaving.over:
        return FarewellOutcome.UNHEARD
    return FarewellOutcome.CHALLENGED if leaving.challenged else FarewellOutcome.PARTED


class _Farewell:
    """The conversation on one line."""

    def __init__(self, line: FarewellLine, leaving: Mapping[str, _Leaving]) -> None:
        self._line = line
        self._leaving = leaving
        self._said: set[str] = set()  # branches that a reliable line has carried

    def begin(self) -> None:
        """Prepare the first request of each leg."""
        for one in self._leaving.values():
            try:
                self._begin(one)
            except ValueError:
                # One far end's strange address must not keep the others on the line.
                one.unsent = True
                log.exception("farewell_unsent", leg_id=one.dialog.dialog)

    def _begin(self, one: _Leaving) -> None:
        dialog = one.dialog
        if dialog.incoming and dialog.state is not DialogState.CONFIRMED:
            # Whoever rang the dead worker is told by the final answer it never gave; the ACK says that it was heard.
            one.invite_open = True
            self._ask(one, (dialog.via_branch, dialog.refusal.encode()), (dialog.peer_host, dialog.peer_port))
        elif dialog.state is DialogState.CONFIRMED:
            one.parted_tags.add(dialog.remote_tag)
            self._ask(one, _bye(dialog), _next_hop(dialog))
        else:
            # Section 9.1 wants a provisional response before a CANCEL. One may have come that the worker had no
            # time to note, and a phone left ringing is worse than a 481, so it is sent in either case.
            one.invite_open = True
            self._ask(one, _cancel(dialog), (dialog.peer_host, dialog.peer_port))

    def speak(self) -> bool:
        """Say (again) whatever has no answer yet; true when nothing is left."""
        for one in self._leaving.values():
            for branch, (message, address) in one.waiting.items():
                if not (self._line.reliable and branch in self._said):
                    self._said.add(branch)
                    self._send(one, message, address)
        return all(one.over for one in self._leaving.values())

    def listen(self, seconds: float) -> None:
        """Hear and answer the far ends for so long, or until nothing is left."""
        deadline = time.monotonic() + seconds
        while not all(one.over for one in self._leaving.values()):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not self._hear(remaining):
                return

    def _hear(self, seconds: float) -> bool:
        """Take in one message; false when none came."""
        try:
            datagram, sender = self._line.hear(seconds)
            message = Message.parse(datagram)
            one = self._leaving.get(message.call_id)
            if isinstance(message, Request) and message.method == "ACK" and one is not None and one.dialog.refusal:
                one.waiting.clear()
                one.invite_open = False
            elif isinstance(message, Request):
                self._answer(message, one, sender)
            elif one is not None:
                self._note(message, one)
        except TimeoutError:
            return False
        except (OSError, ValueError, KeyError) as fault:
            # An ICMP refusal shows up here, and so does anything that is not SIP: neither ends a call.
            log.info("farewell_unread", error=type(fault).__name__)
            return not (self._line.reliable and isinstance(fault, OSError))  # a lost connection says nothing more
        return True

    def _answer(self, request: Request, one: _Leaving | None, sender: Address) -> None:
        """Be polite to a far end that speaks first: its BYE ends the leg, anything else meets no call any more."""
        if request.method == "ACK":
            return
        response = (
            Response(200, "OK")
            if request.method in {"BYE", "CANCEL"}
            else Response(481, "Call/Transaction Does Not Exist")
        )
        for name in COPIED:
            response.headers.setlist(name, request.headers.getlist(name))
        response.headers.set("Content-Length", "0")
        self._line.say(bytes(response), sender)
        if request.method == "BYE" and one is not None:
            one.waiting.clear()
            one.invite_open = False

    def _note(self, response: Response, one: _Leaving) -> None:
        missing = [name for name in COPIED if not response.headers.getlist(name)]
        if missing:
            raise ValueError(f"a response without {', '.join(missing)} answers nothing")
        branch = str(response.via[0].parameters.get("branch", ""))
        match response.cseq.method:
            case "INVITE":
                self._note_invite(response, one)
            case "CANCEL" if response.code == 481:
                self._said.discard(
                    branch
                )  # the INVITE has not arrived there (yet): it is cancelled again until the end
            case "CANCEL" | "BYE" if response.code in ENDED:
                one.waiting.pop(branch, None)
                one.challenged = one.challenged or response.code in ASKS_FOR_PASSWORD
                if self._line.reliable:
                    # The INVITE's own end goes by the connection that died with the worker; a 200 that crossed our
                    # CANCEL is never acknowledged, and the far end gives such a call up (section 13.3.1.4).
                    one.invite_open = False

    def _note_invite(self, response: Response, one: _Leaving) -> None:
        dialog = one.dialog
        if response.code in PROVISIONAL:
            if one.invite_open:
                self._ask(one, _cancel(dialog), (dialog.peer_host, dialog.peer_port))
                self.speak()
            return
        one.invite_open = False
        one.waiting.pop(dialog.via_branch, None)
        if response.code not in SUCCESS:
            self._send(one, _ack_refusal(dialog, response), (dialog.peer_host, dialog.peer_port))
            return
        # It was answered while being cancelled: take the call (ACK) and end it (BYE). A fork may answer twice.
        answered = _answered(dialog, response)
        self._send(one, _request(answered, "ACK", answered.invite_cseq), _next_hop(answered))
        if answered.remote_tag not in one.parted_tags:
            one.parted_tags.add(answered.remote_tag)
            self._ask(one, _bye(answered), _next_hop(answered))
            self.speak()

    def _ask(self, one: _Leaving, request: tuple[str, bytes], address: Address) -> None:
        branch, datagram = request
        one.waiting[branch] = (datagram, address)

    def _send(self, one: _Leaving, datagram: bytes, address: Address) -> None:
        try:
            self._line.say(datagram, address)
        except ConnectionRefusedError:
            return  # the kernel reports an earlier datagram's ICMP here; this one may still be heard
        except OSError as fault:
            one.unsent = True
            log.exception("farewell_unsent", leg_id=one.dialog.dialog, error=fault.strerror)


def _bye(dialog: DialogLine) -> tuple[str, bytes]:
    number = dialog.cseq + CSEQ_GAP
    return _branch(dialog, "BYE", number), _request(dialog, "BYE", number)


def _cancel(dialog: DialogLine) -> tuple[str, bytes]:
    """CANCEL: Request-URI, Call-ID, To, From, CSeq number and branch as in the INVITE (section 9.1)."""
    request = _bare(dialog, "CANCEL", dialog.invite_cseq, dialog.via_branch)
    request.headers.set("To", dialog.remote_uri)
    return dialog.via_branch, bytes(request)


def _ack_refusal(dialog: DialogLine, response: Response) -> bytes:
    """ACK of a refusal belongs to the INVITE's transaction: same branch, To as in the response (section 17.1.1.3)."""
    request = _bare(dialog, "ACK", dialog.invite_cseq, dialog.via_branch)
    request.headers.set("To", response.headers["To"])
    return bytes(request)


def _request(dialog: DialogLine, method: str, number: int) -> bytes:
    """A request inside the dialog, with a transaction of its own (section 12.2.1.1)."""
    return bytes(_bare(dialog, method, number, _branch(dialog, method, number)))


def _bare(dialog: DialogLine, method: str, number: int, branch: str) -> Request:
    request = Request(method, URI.parse(dialog.target))
    via = Via(
        dialog.transport.value.upper(),
        dialog.transport_host,
        dialog.transport_port,
        Parameters(rport=None, branch=branch),
    )
    request.via = [via]
    request.headers.set("Max-Forwards", "70")
    for route in dialog.route_set:
        request.headers.add("Route", route)
    request.headers.set("From", _tagged(dialog.local_uri, dialog.local_tag))
    request.headers.set("To", _tagged(dialog.remote_uri, dialog.remote_tag))
    request.call_id = dialog.call_id
    request.cseq = CSeq(number, method)
    request.headers.set("Content-Length", "0")
    return request


def _tagged(address: str, tag: str) -> str:
    return f"{address};tag={tag}" if tag else address


def _branch(dialog: DialogLine, method: str, number: int) -> str:
    """The same for the same request: a second burial's BYE is to the far end only a repetition."""
    seed = f"{dialog.call_id} {dialog.local_tag} {dialog.remote_tag} {method} {number}"
    return MAGIC_COOKIE + hashlib.sha256(seed.encode()).hexdigest()[:32]


def _answered(dialog: DialogLine, response: Response) -> DialogLine:
    """The dialog that a 200 to the INVITE makes (section 12.1.2)."""
    contact = response.contact
    return replace(
        dialog,
        state=DialogState.CONFIRMED,
        remote_tag=str(response.to_address.parameters.get("tag", "")),
        route_set=tuple(str(route) for route in reversed(response.record_route)),
        target=str(contact[0].uri) if contact else dialog.target,
        cseq=max(dialog.cseq, dialog.invite_cseq),
    )


def _next_hop(dialog: DialogLine) -> Address:
    """The first route's address, else the target's; names are left to whom the worker itself spoke with."""
    uri = NamedAddress.parse(dialog.route_set[0]).uri if dialog.route_set else URI.parse(dialog.target)
    try:
        socket.inet_aton(uri.host)
    except OSError:
        return dialog.peer_host, dialog.peer_port
    return uri.host, uri.port or DEFAULT_PORTS[dialog.transport]
