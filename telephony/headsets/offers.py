"""A browser's offer, read strictly, and the answer to it: one sound stream, DTLS-SRTP and G.711 only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS, RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.sdp import MediaDescription, SessionDescription, candidate_to_sdp

G711: Mapping[str, int] = {"PCMU": 0, "PCMA": 8}
"""Their payload types are fixed for ever (RFC 3551)."""
KEYS = "telephone-event"
_PROFILES = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")
_LONGEST = 32768


class OfferRefusedError(Exception):
    """The offer cannot be taken; the sentence says what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a browser offers, as far as we use it."""

    mid: str
    codecs: tuple[str, ...]  # of G711, in the browser's order
    keys_payload_type: int | None
    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    candidates: tuple[RTCIceCandidate, ...]

    def codec(self, preferred: Sequence[str]) -> str:
        """The first of the preferred codecs that the browser has; OfferRefusedError when there is none."""
        for name in preferred:
            if name in self.codecs:
                return name
        raise OfferRefusedError(f"the line speaks {' or '.join(preferred)} and the offer has none of it")


def read_offer(sdp: str) -> Offer:
    """The offer, or OfferRefusedError in words."""
    media = _only_sound(sdp)
    if media.profile not in _PROFILES:
        raise OfferRefusedError(
            f"its sound would travel as {media.profile}; only DTLS-SRTP ({_PROFILES[0]}) is taken, as browsers offer it"
        )
    if "\na=crypto:" in sdp:
        raise OfferRefusedError("it brings its own keys (a=crypto); only keys agreed by DTLS are taken")
    if media.dtls is None or not any(_is_known(found) for found in media.dtls.fingerprints):
        raise OfferRefusedError("it has no fingerprint of a certificate (a=fingerprint with SHA-256 and a=setup)")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
        raise OfferRefusedError("it has no ICE name and password (a=ice-ufrag, a=ice-pwd)")
    if not media.rtcp_mux:
        raise OfferRefusedError("it wants RTCP on a port of its own; only a=rtcp-mux is taken")
    if media.direction not in (None, "sendrecv"):
        raise OfferRefusedError("a headset hears and speaks; its sound must be a=sendrecv")
    codecs = _codecs(media)
    if not codecs:
        raise OfferRefusedError("it has neither PCMA nor PCMU; leave them among the codecs of the offer")
    return Offer(
        mid=media.rtp.muxId or "0",
        codecs=codecs,
        keys_payload_type=_keys(media),
        ice=media.ice,
        dtls=media.dtls,
        candidates=tuple(media.ice_candidates),
    )


def write_answer(
    offer: Offer,
    *,
    codec: str,
    ssrc: int,
    ice: RTCIceParameters,
    fingerprints: Sequence[RTCDtlsFingerprint],
    candidates: Sequence[RTCIceCandidate],
    role: str,
) -> str:
    """The answer to an offer: the one codec, keys if they were offered, no header extension, every candidate in it."""
    number = G711[codec]
    formats = [str(number)]
    lines = [f"a=rtpmap:{number} {codec}/8000"]
    if offer.keys_payload_type is not None:
        formats.append(str(offer.keys_payload_type))
        lines += [f"a=rtpmap:{offer.keys_payload_type} {KEYS}/8000", f"a=fmtp:{offer.keys_payload_type} 0-16"]
    fingerprint = next(found for found in fingerprints if found.algorithm == "sha-256")
    return "\r\n".join(
        [
            "v=0",
            f"o=- {ssrc} 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {offer.mid}",
            "a=msid-semantic:WMS *",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {' '.join(formats)}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            f"a=mid:{offer.mid}",
            "a=sendrecv",
            "a=rtcp-mux",
            *lines,
            "a=ptime:20",
            "a=msid:line line",
            f"a=ssrc:{ssrc} cname:line",
            *(f"a=candidate:{candidate_to_sdp(candidate)}" for candidate in candidates),
            "a=end-of-candidates",
            f"a=ice-ufrag:{ice.usernameFragment}",
            f"a=ice-pwd:{ice.password}",
            f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
            f"a=setup:{'active' if role == 'client' else 'passive'}",
            "",
        ]
    )


def _only_sound(sdp: str) -> MediaDescription:
    if len(sdp) > _LONGEST:
        raise OfferRefusedError(f"it is longer than {_LONGEST} characters")
    try:
        media = SessionDescription.parse(sdp).media
    # What its parser raises on text that is not SDP; it checks with `assert`.
    except (ValueError, AssertionError, KeyError, IndexError, StopIteration, AttributeError, TypeError) as error:
        raise OfferRefusedError(f"it is not SDP that can be read ({type(error).__name__})") from error
    if len(media) != 1 or media[0].kind != "audio":
        kinds = " and ".join(found.kind for found in media) or "nothing"
        raise OfferRefusedError(f"it offers {kinds}; a headset is exactly one audio stream")
    return media[0]


def _is_known(fingerprint: RTCDtlsFingerprint) -> bool:
    return fingerprint.algorithm.lower() in X509_DIGEST_ALGORITHMS and ":" in fingerprint.value


def _codecs(media: MediaDescription) -> tuple[str, ...]:
    names = {number: name for name, number in G711.items()}
    return tuple(names[number] for number in media.fmt if number in names)


def _keys(media: MediaDescription) -> int | None:
    for codec in media.rtp.codecs:
        if codec.name == KEYS and codec.clockRate == 8000:
            return codec.payloadType
    return None
