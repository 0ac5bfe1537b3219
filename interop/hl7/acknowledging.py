"""The answer to a message: accepted only when it is stored, in the mode that the message asks for."""

from datetime import datetime
from enum import StrEnum

from interop.hl7.heads import Head

_NAME = "SUIFANG"
_ERRORS = {"AE": "207^Application internal error^HL70357", "AR": "200^Unsupported message type^HL70357"}


class Answer(StrEnum):
    """What is answered (HL7 table 0008)."""

    ACCEPT = "AA"
    ERROR = "AE"  # kept, and to be mended by its sender
    REJECT = "AR"  # no message for us


def acknowledgment(head: Head | None, answer: Answer, told: str, *, own_id: str, now: datetime) -> bytes | None:
    """The answer in the message's own separators and bytes; None if its sender wants none.

    With MSH-15 the sender asks for the enhanced mode: the same word is then a commit acknowledgment (CA, CE, CR).
    """
    if head is None:
        return _written("|", "^~\\&", "", "", "", Answer.REJECT.value, "", told, own_id=own_id, now=now, version="2.4")
    code = answer.value
    if head.accept_acknowledgment:
        wanted = head.accept_acknowledgment
        accepted = answer is Answer.ACCEPT
        if wanted == "NE" or (wanted == "ER" and accepted) or (wanted == "SU" and not accepted):
            return None
        code = f"C{code[1]}"
    trigger = head.kind.partition("^")[2]
    return _written(
        head.separator,
        head.encoding or "^~\\&",
        head.application,
        head.facility,
        trigger,
        code,
        head.control_id,
        told,
        own_id=own_id,
        now=now,
        version=head.version or "2.4",
    )


def _written(
    separator: str,
    encoding: str,
    application: str,
    facility: str,
    trigger: str,
    code: str,
    control_id: str,
    told: str,
    *,
    own_id: str,
    now: datetime,
    version: str,
) -> bytes:
    component = encoding[:1] or "^"
    kind = f"ACK{component}{trigger}" if trigger else "ACK"
    marks = {separator, *encoding, "\r", "\n"}
    words = "".join(" " if sign in marks else sign for sign in told)[:200]
    fields = [encoding, _NAME, "", application, facility, now.strftime("%Y%m%d%H%M%S+0000"), "", kind, own_id, "P"]
    segments = ["MSH" + separator + separator.join([*fields, version])]
    segments.append(separator.join(["MSA", code, control_id, words] if words else ["MSA", code, control_id]))
    error = _ERRORS.get(f"A{code[1]}")
    if error is not None:
        segments.append(separator.join(["ERR", "", "", error.replace("^", component), "E", "", "", "", words]))
    # Fields that are echoed are latin-1 throughout; our own words are English.
    return "".join(f"{segment}\r" for segment in segments).encode("latin-1", errors="replace")
