"""SIP as it should not be: a corpus after the manner of RFC 4475, and requests that pretend to be of a live call."""

from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDialog:
    """What a stranger may have overheard or guessed of a call that is up."""

    call_id: str
    our_tag: str
    their_tag: str
    target: Address


def request(
    method: str,
    target: Address,
    *,
    own: Address,
    call_id: str = "strange@elsewhere",
    branch: str = "z9hG4bKstrange",
    sender: str = "<sip:stranger@127.0.0.9>;tag=stranger",
    to: str = "<sip:ward@127.0.0.1>",
    cseq: str | None = None,
    headers: tuple[str, ...] = (),
    body: str = "",
    length: str | None = None,
    uri: str | None = None,
    via: str | None = None,
) -> bytes:
    """A request that is right but for what is asked to be wrong."""
    lines = [
        f"{method} {uri or f'sip:ward@{target[0]}:{target[1]}'} SIP/2.0",
        via or f"Via: SIP/2.0/UDP {own[0]}:{own[1]};branch={branch};rport",
        "Max-Forwards: 70",
        f"From: {sender}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq or f'1 {method}'}",
        f"Contact: <sip:stranger@{own[0]}:{own[1]}>",
        *headers,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, "", body]).encode()


def without(message: bytes, *names: str) -> bytes:
    """The message less some headers."""
    head, _, body = message.partition(b"\r\n\r\n")
    kept = [
        line
        for line in head.split(b"\r\n")
        if line.partition(b":")[0].strip().lower() not in {n.lower().encode() for n in names}
    ]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


def malformed(target: Address, own: Address) -> dict[str, bytes]:
    """Messages nobody should send, by name. None of them is of a call that is up."""

    def invite(name: str, **wrong: object) -> bytes:
        given = {"call_id": f"{name}@elsewhere", "branch": f"z9hG4bK{name}", "body": OFFER} | wrong
        return request("INVITE", target, own=own, **given)  # type: ignore[arg-type]

    good = invite("good")
    head, _, _ = good.partition(b"\r\n\r\n")
    response = without(good, "Max-Forwards").replace(b"INVITE sip:ward@", b"SIP/2.0 200 OK\r\nX: ", 1)
    return {
        "nothing at all": b"",
        "only line ends": b"\r\n\r\n\r\n\r\n",
        "noughts": b"\0" * 600,
        "noise": bytes(range(256)) * 8,
        "http": b"GET / HTTP/1.1\r\nHost: ward\r\n\r\n",
        "a first line only": b"INVITE sip:ward@127.0.0.1 SIP/2.0\r\n",
        "no line ends": b"INVITE sip:ward@127.0.0.1 SIP/2.0 Via: nothing",
        "line feeds only": good.replace(b"\r\n", b"\n"),
        "cut in the middle of a header": head[: len(head) // 2],
        "length too large": invite("lengthlarge", length="9999"),
        "length negative": invite("lengthnegative", length="-1"),
        "length not a number": invite("lengthword", length="many"),
        "length beyond any number": invite("lengthhuge", length="99999999999999999999"),
        "length too small": invite("lengthsmall", length="3"),
        "two lengths": invite("lengths", headers=("Content-Length: 0",)),
        "no Via": without(invite("novia"), "Via"),
        "no From": without(invite("nofrom"), "From"),
        "no To": without(invite("noto"), "To"),
        "no Call-ID": without(invite("nocallid"), "Call-ID"),
        "no CSeq": without(invite("nocseq"), "CSeq"),
        "no Contact": without(invite("nocontact"), "Contact"),
        "no headers": b"INVITE sip:ward@127.0.0.1 SIP/2.0\r\n\r\n",
        "CSeq of another method": invite("cseqother", cseq="1 BYE"),
        "CSeq negative": invite("cseqnegative", cseq="-1 INVITE"),
        "CSeq beyond any number": invite("cseqhuge", cseq="99999999999999 INVITE"),
        "CSeq without method": invite("cseqbare", cseq="1"),
        "a negative Max-Forwards": invite("forwards", headers=("Max-Forwards: -7",)),
        "no hops left": good.replace(b"Max-Forwards: 70", b"Max-Forwards: 0").replace(b"good", b"hops"),
        "an unknown version": invite("version").replace(b"SIP/2.0\r\n", b"SIP/7.3\r\n", 1),
        "an unknown method": request("FROBNICATE", target, own=own),
        "a method of strange letters": request("INV\x7fITE", target, own=own),
        "a very long method": request("M" * 900, target, own=own),
        "a very long user": invite("user", uri="sip:" + "u" * 2500 + "@127.0.0.1"),
        "a very long header": invite("header", headers=("X-Long: " + "x" * 3000,)),
        "very many headers": invite("headers", headers=tuple(f"X-{n}: {n}" for n in range(200))),
        "longer than a datagram may be here": invite("toolong", headers=("X-Long: " + "x" * 20000,)),
        "very many Vias": invite(
            "vias", headers=tuple(f"Via: SIP/2.0/UDP 10.0.0.{n};branch=z9hG4bK{n}" for n in range(60))
        ),
        "not UTF-8": invite("utf8", headers=("Subject: x",)).replace(b"Subject: x", b"Subject: \xff\xfe\xc3\x28"),
        "a display name that never ends": invite("quote", sender='"Never <sip:a@b>;tag=1'),
        "a bracket that never ends": invite("bracket", sender="<sip:a@b;tag=1"),
        "a header folded over many lines": invite("fold", headers=("Subject: a\r\n " + "\r\n ".join("b" * 50),)),
        "a URI without a host": invite("nohost", uri="sip:ward@"),
        "a URI of another scheme": invite("scheme", uri="http://ward/"),
        "a URI with a bad port": invite("badport", uri="sip:ward@127.0.0.1:99999999"),
        "escapes that are none": invite("escape", uri="sip:%zz%00%@127.0.0.1"),
        "a URI with a body of headers": invite("uriheaders", uri="sip:ward@127.0.0.1?Route=%3Csip:evil%3E"),
        "an empty Contact": invite("emptycontact", headers=("Contact: ",)),
        "a Contact that is a star": invite("star", headers=("Contact: *",)),
        "a Via of a protocol nobody speaks": invite("via", via="Via: SIP/2.0/PIGEON 127.0.0.1;branch=z9hG4bKx"),
        "a Via without branch": invite("branch", via=f"Via: SIP/2.0/UDP {own[0]}:{own[1]}"),
        "a Via that sends us elsewhere": invite("maddr", via="Via: SIP/2.0/UDP x;maddr=127.0.0.77;branch=z9hG4bKm"),
        "a Via with a bad port": invite("viaport", via="Via: SIP/2.0/UDP 127.0.0.1:-5;branch=z9hG4bKp"),
        "a Require of what nobody can": invite("require", headers=("Require: telepathy",)),
        "a Replaces of nothing": invite("replaces", headers=("Replaces: x@y;to-tag=1;from-tag=2",)),
        "a multipart body without an end": invite("multipart", headers=("Content-Type: multipart/mixed;boundary=x",)),
        "a session timer of nought": invite("timer", headers=("Session-Expires: 0", "Supported: timer")),
        "a session timer beyond any number": invite("timerhuge", headers=("Session-Expires: 99999999999",)),
        "an answer nobody asked for": response,
        "an answer with a silly status": response.replace(b"200 OK", b"999999 OK"),
        "an answer without a number": response.replace(b"200 OK", b"OK"),
        "an answer with a tag of ours": response.replace(b"stranger", b"ours"),
        "REGISTER": request("REGISTER", target, own=own),
        "SUBSCRIBE": request("SUBSCRIBE", target, own=own, headers=("Event: presence", "Expires: 3600")),
        "NOTIFY": request("NOTIFY", target, own=own, headers=("Event: refer", "Subscription-State: active")),
        "REFER": request("REFER", target, own=own, headers=("Refer-To: <sip:+8613900000999@127.0.0.1>",)),
        "MESSAGE": request("MESSAGE", target, own=own),
        "PUBLISH": request("PUBLISH", target, own=own, headers=("Event: presence",)),
        "PRACK": request("PRACK", target, own=own, headers=("RAck: 1 1 INVITE",)),
        "UPDATE": request("UPDATE", target, own=own, body=OFFER),
        "INFO": request("INFO", target, own=own),
        "BYE": request("BYE", target, own=own),
        "CANCEL": request("CANCEL", target, own=own),
        "ACK": request("ACK", target, own=own),
        "an INVITE with a tag": invite("tagged", to="<sip:ward@127.0.0.1>;tag=never"),
    }


def pretending(dialog: LiveDialog, own: Address) -> dict[str, bytes]:
    """Requests that name a live call, with one thing wrong: what an eavesdropper of the Call-ID might send."""
    methods = ("BYE", "CANCEL", "INVITE", "INFO", "NOTIFY", "REFER", "UPDATE", "ACK", "PRACK", "MESSAGE")
    right_from, right_to = f"<sip:far@127.0.0.1>;tag={dialog.their_tag}", f"<sip:us@127.0.0.1>;tag={dialog.our_tag}"
    found: dict[str, bytes] = {}
    for number, method in enumerate(methods):
        more = {"REFER": ("Refer-To: <sip:+8613900000999@127.0.0.1>",), "NOTIFY": ("Event: refer",)}.get(method, ())
        for wrong, sender, to in (
            ("no tags", "<sip:far@127.0.0.1>", "<sip:us@127.0.0.1>"),
            ("our tag wrong", right_from, "<sip:us@127.0.0.1>;tag=guess"),
            ("their tag wrong", "<sip:far@127.0.0.1>;tag=guess", right_to),
        ):
            found[f"{method}, {wrong}"] = request(
                method,
                dialog.target,
                own=own,
                call_id=dialog.call_id,
                sender=sender,
                to=to,
                cseq=f"{900 + number} {method}",
                branch=f"z9hG4bK{method}{wrong.replace(' ', '')}",
                headers=more,
                body=OFFER if method in {"INVITE", "UPDATE"} else "",
            )
    return found


_MANY = " ".join(str(number) for number in range(128))
_HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
WRONG_SDP = {
    "no body": "",
    "not SDP": "this is no SDP\r\n",
    "no media": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\n",
    "only video": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    "port nought": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
    "port negative": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio -4 RTP/AVP 8\r\n",
    "port too large": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 99999 RTP/AVP 8\r\n",
    "a codec we lack": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n",
    "no connection": f"{_HEAD}t=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    "port nought and no connection": f"{_HEAD}t=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
    "port nought at a name": f"{_HEAD}c=IN IP4 far.example\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
    "one stream off and nowhere": (
        f"{_HEAD}t=0 0\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 8\r\n"
    ),
    "connection nowhere": f"{_HEAD}c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    "connection to everybody": f"{_HEAD}c=IN IP4 255.255.255.255\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    "IPv6": f"{_HEAD}c=IN IP6 ::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    "very many formats": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP {_MANY}\r\n",
    "very many media": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\n" + "m=audio 4000 RTP/AVP 8\r\n" * 60,
    "huge": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n" + "a=x:" + "y" * 2600 + "\r\n",
    "a rate of nought": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/0\r\n",
    "a packet of an hour": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:3600000\r\n",
    "a negative packet": f"{_HEAD}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=ptime:-20\r\n",
}
