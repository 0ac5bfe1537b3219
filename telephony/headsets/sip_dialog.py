"""The dialog between a call worker and a headset: what has to be known to go on with it, also after a crash."""

import re
import secrets
from collections.abc import Mapping

import msgspec
from aiortc.sdp import SessionDescription
from sipmessage import Address, Message, Request, Response

from telephony.headsets.offers import G711, KEYS

HOST = "127.0.0.1"
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO"
_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_RPORT = re.compile(r";rport(?=;|$)")

PeerAddress = tuple[str, int]


class SoundRefusedError(Exception):
    """The worker's SDP cannot be taken; the text says why."""


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker's SDP says: where its sound is wanted, in what, and in which direction."""

    to: PeerAddress
    codecs: tuple[str, ...]
    keys_payload_type: int | None
    direction: str


class Dialog(msgspec.Struct, kw_only=True):
    """One call of a worker to a headset."""

    token: str
    call_id: str
    local: str  # our name in it, with our tag
    remote: str
    target: str
    peer: PeerAddress
    local_cseq: int = 0
    expires_seconds: int = 0  # RFC 4028; 0: the worker wants no session timer
    sound: Sound
    codec: str
    sound_port: int
    version: int = 1

    @property
    def wants_sound(self) -> bool:
        """Whether the worker takes sound now; it does not while it holds the line."""
        return self.sound.direction in ("sendrecv", "recvonly")


def read_sound(body: bytes) -> Sound:
    """A worker's SDP."""
    try:
        parsed = SessionDescription.parse(body.decode())
        media = next(found for found in parsed.media if found.kind == "audio")
    except (ValueError, AssertionError, KeyError, IndexError, StopIteration, AttributeError, TypeError) as error:
        raise SoundRefusedError(f"the worker's SDP cannot be read ({type(error).__name__})") from error
    host = media.host or parsed.host
    if media.profile != "RTP/AVP" or host is None:
        raise SoundRefusedError("the worker's SDP offers no plain RTP")
    names = {number: name for name, number in G711.items()}
    keys = next((codec.payloadType for codec in media.rtp.codecs if codec.name == KEYS), None)
    return Sound(
        to=(host, media.port),
        codecs=tuple(names[number] for number in media.fmt if number in names),
        keys_payload_type=keys,
        direction=media.direction or "sendrecv",
    )


def write_sound(dialog: Dialog) -> str:
    """Our SDP in the dialog; RTCP is sent to the port of the sound, where it is dropped."""
    number = G711[dialog.codec]
    formats, lines = str(number), [f"a=rtpmap:{number} {dialog.codec}/8000"]
    keys = dialog.sound.keys_payload_type
    if keys is not None:
        formats += f" {keys}"
        lines += [f"a=rtpmap:{keys} {KEYS}/8000", f"a=fmtp:{keys} 0-16"]
    return "\r\n".join(
        [
            "v=0",
            f"o=- {dialog.sound_port} {dialog.version} IN IP4 {HOST}",
            "s=-",
            f"c=IN IP4 {HOST}",
            "t=0 0",
            f"m=audio {dialog.sound_port} RTP/AVP {formats}",
            f"a=rtcp:{dialog.sound_port} IN IP4 {HOST}",
            *lines,
            "a=ptime:20",
            f"a={_MIRROR.get(dialog.sound.direction, 'sendrecv')}",
            "",
        ]
    )


def begin_dialog(request: Request, *, token: str, peer: PeerAddress, codec: str, sound: Sound, port: int) -> Dialog:
    """The dialog that an INVITE begins when it is answered."""
    contact = request.contact
    return Dialog(
        token=token,
        call_id=request.call_id,
        local=f"{request.headers['To']};tag={secrets.token_hex(8)}",
        remote=request.headers["From"],
        target=str(contact[0].uri) if contact else str(request.from_address.uri),
        peer=peer,
        expires_seconds=session_seconds(request),
        sound=sound,
        codec=codec,
        sound_port=port,
    )


def session_seconds(message: Message) -> int:
    """The session timer asked for, 0 for none."""
    value = (message.headers.get("Session-Expires") or message.headers.get("x") or "").partition(";")[0].strip()
    return int(value) if value.isdigit() else 0


def tag_of(value: str) -> str:
    """The tag in a From or To."""
    return Address.parse(value).parameters.get("tag") or ""


def write_reply(
    request: Request,
    code: int,
    phrase: str,
    *,
    source: PeerAddress,
    to: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: str = "",
) -> bytes:
    """An answer to a request, with its own headers given back as RFC 3261 and 3581 want it."""
    response = Response(code, phrase, body.encode())
    vias = request.headers.getlist("Via")
    if vias:
        vias[0] = _RPORT.sub(f";rport={source[1]};received={source[0]}", vias[0])
    response.headers.setlist("Via", vias)
    response.headers.set("From", request.headers["From"])
    response.headers.set("To", to or request.headers["To"])
    response.headers.set("Call-ID", request.call_id)
    response.headers.set("CSeq", request.headers["CSeq"])
    for name, value in (headers or {}).items():
        response.headers.set(name, value)
    if body:
        response.headers.set("Content-Type", "application/sdp")
    response.headers.set("Content-Length", str(len(response.body)))
    return bytes(response)


def write_bye(dialog: Dialog, port: int) -> bytes:
    """Our own BYE."""
    dialog.local_cseq += 1
    lines = [
        f"BYE {dialog.target} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: {dialog.local}",
        f"To: {dialog.remote}",
        f"Call-ID: {dialog.call_id}",
        f"CSeq: {dialog.local_cseq} BYE",
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()
