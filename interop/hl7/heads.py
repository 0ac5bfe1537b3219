"""A message's header, read from its bytes before anything else of it is: who sent what, and how it wants its answer."""

import hashlib
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What MSH says. Its fields are latin-1 here, so that every byte comes through and back."""

    separator: str  # of fields
    encoding: str  # MSH-2
    application: str
    facility: str
    receiver: str
    receiver_facility: str
    sent_at: str
    kind: str  # ADT^A03
    control_id: str
    training: bool
    version: str
    accept_acknowledgment: str  # MSH-15
    application_acknowledgment: str  # MSH-16
    charset: str

    def sender(self, codec: str) -> str:
        """Application and facility, as one name."""
        parts = [_readable(part, codec) for part in (self.application, self.facility)]
        return "/".join(part for part in parts if part)[:200]


def head_of(raw: bytes) -> Head | None:
    """The header; None if the bytes do not begin with one."""
    text = first_segment(raw).decode("latin-1")
    if len(text) < 9 or not text.startswith("MSH") or text[3].isalnum() or text[3].isspace():
        return None
    separator = text[3]
    # MSH-1 is the separator itself: the first field behind the split is MSH-2.
    fields = ["", separator, *text[4:].split(separator)]
    fields += [""] * (19 - len(fields))
    component = fields[2][:1] or "^"
    kind = [part.strip() for part in fields[9].split(component)]
    return Head(
        separator=separator,
        encoding=fields[2],
        application=fields[3].split(component)[0].strip(),
        facility=fields[4].split(component)[0].strip(),
        receiver=fields[5],
        receiver_facility=fields[6],
        sent_at=fields[7].split(component)[0].strip(),
        kind="^".join(part for part in kind[:2] if part)[:40],
        control_id=fields[10].strip(),
        training=fields[11].split(component)[0].strip().upper() in {"T", "D"},
        version=fields[12].split(component)[0].strip(),
        accept_acknowledgment=fields[15].strip().upper(),
        application_acknowledgment=fields[16].strip().upper(),
        charset=fields[18].strip(),
    )


def first_segment(raw: bytes) -> bytes:
    """The bytes up to the first line end."""
    plain = raw.removeprefix(_BOM).lstrip()
    ends = [end for end in (plain.find(b"\r"), plain.find(b"\n")) if end >= 0]
    return plain[: min(ends)] if ends else plain


def digest_of(raw: bytes) -> str:
    """What tells one content from another: type, character set, training or not, and everything behind MSH.

    The rest of MSH is left out: its instant changes when a message is sent again.
    """
    plain = raw.removeprefix(_BOM).lstrip()
    head = head_of(raw)
    # What was refused as training is news when it is sent in earnest.
    named = f"{head.kind}|{head.charset}{'|training' if head.training else ''}\r" if head else ""
    return hashlib.sha256(named.encode() + plain[len(first_segment(raw)) :].strip()).hexdigest()


def _readable(text: str, codec: str) -> str:
    return text.encode("latin-1").decode(codec, errors="replace").replace("\x00", "")
