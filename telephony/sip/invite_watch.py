"""What the network said about one INVITE, read from the messages themselves: how far it came, and why it ended."""

from dataclasses import dataclass, field
from email.parser import HeaderParser

from telephony.causes import Reasons, reasons_in
from telephony.sip.dialog import SipMessage

TRYING = 100


@dataclass(slots=True)
class InviteWatch:
    """Follows the messages of a leg's dialog; only what was received counts, never what the library says for itself."""

    highest_provisional: int = 0
    early_sound: bool = False  # a provisional answer described sound
    final_status: int = 0  # of the answer to our last INVITE: one with credentials follows a challenge
    reasons: Reasons = field(default_factory=Reasons)
    rang_at: float | None = None  # monotonic, of the first 180

    def observe(self, message: SipMessage, at: float) -> None:
        """Take in one message that passed at this monotonic time."""
        start, _, rest = message.text.partition("\r\n")
        if message.sent:
            if start.startswith("INVITE "):
                self.final_status = 0
        elif start.startswith("SIP/2.0"):
            self._answer(int(start.split()[1]), rest, at)
        elif start.startswith(("BYE ", "CANCEL ")):
            self._take_reasons(rest)

    def refused_unrung(self, status: int) -> bool:
        """Whether the far end itself has refused with this status, and nothing before it told of a phone.

        The library calls a broken line 503 and a silent one 408, in its own name: those prove nothing.
        """
        return self.final_status == status >= 300 and self.highest_provisional <= TRYING and not self.early_sound

    def rang_for(self, now: float) -> float | None:
        """The seconds since a phone began to ring; None when none did."""
        return None if self.rang_at is None else now - self.rang_at

    def _answer(self, status: int, rest: str, at: float) -> None:
        headers = HeaderParser().parsestr(rest)
        if not str(headers.get("CSeq", "")).strip().upper().endswith("INVITE"):
            return
        if status < 200:
            self.highest_provisional = max(self.highest_provisional, status)
            if status > TRYING and str(headers.get_payload()).strip():
                self.early_sound = True
            if status in (180, 181, 182) and self.rang_at is None:
                self.rang_at = at
        else:
            self.final_status = status
            self._take_reasons(rest)

    def _take_reasons(self, rest: str) -> None:
        told = reasons_in(str(value) for value in HeaderParser().parsestr(rest).get_all("Reason", []))
        if told != Reasons():
            self.reasons = told
