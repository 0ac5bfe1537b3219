"""Transfers: what is joined, parted and hung up at each turn of passing a patient on. Pure; obeyed everywhere."""

from dataclasses import dataclass

from followup.calls import LegId, LegRole
from telephony.call_control import RejectedError, TransferEnding, TransferMode

TO_WHOM = frozenset({LegRole.THIRD_PARTY, LegRole.INTERNAL})  # a line between workers: another agent's headset
HEADSET_GONE = "headset_gone"
PATIENT_GONE = "patient_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A patient being passed on."""

    patient: LegId
    headset: LegId
    third: LegId
    mode: TransferMode
    third_answered: bool = False

    def concerns(self, leg_id: LegId) -> bool:
        """Whether the leg is one of the three."""
        return leg_id in (self.patient, self.headset, self.third)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Let two legs hear each other, if both are still up."""

    leg_id: LegId
    other: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Let two legs no longer hear each other, if they did."""

    leg_id: LegId
    other: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpThird:
    """The third party is no longer wanted."""

    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOver:
    """The transfer has come to this end; `reason` says why one that failed did."""

    ending: TransferEnding
    reason: str = ""


TransferStep = Join | Part | HangUpThird | TransferOver


def steps_at_begin(transfer: Transfer) -> list[TransferStep]:
    """The third party is being dialed; the patient waits."""
    return [Part(leg_id=transfer.patient, other=transfer.headset)]


def steps_at_answer(transfer: Transfer) -> list[TransferStep]:
    """The third party picked up."""
    if transfer.mode is TransferMode.CONSULT:
        return [Join(leg_id=transfer.third, other=transfer.headset)]
    return [Join(leg_id=transfer.patient, other=transfer.third), TransferOver(ending=TransferEnding.HAND_OVER)]


def steps_at_command(transfer: Transfer, ending: TransferEnding) -> list[TransferStep]:
    """The agent says how it ends; RejectedError where it cannot end so."""
    if ending is TransferEnding.BACK:
        return _back(transfer, "")
    if not transfer.third_answered:
        raise RejectedError("nobody has answered the transfer yet; wait for the answer, or end it by `back`")
    first: TransferStep = (
        Part(leg_id=transfer.third, other=transfer.headset)
        if ending is TransferEnding.HAND_OVER
        else Join(leg_id=transfer.patient, other=transfer.headset)
    )
    return [first, Join(leg_id=transfer.patient, other=transfer.third), TransferOver(ending=ending)]


def steps_at_loss(transfer: Transfer, lost: LegId, reason: str) -> list[TransferStep]:
    """A leg is going or gone, the third party's for `reason`.

    The patient is never left with somebody nobody decided to leave her with: without a headset a consult is over. A
    blind transfer goes on, for its agent has left anyway. Without the patient there is nothing to talk about.
    """
    if lost == transfer.third:
        return _back(transfer, reason)
    if lost == transfer.patient:
        return _back(transfer, PATIENT_GONE)
    if lost == transfer.headset and transfer.mode is TransferMode.CONSULT:
        return _back(transfer, HEADSET_GONE)
    return []


def _back(transfer: Transfer, reason: str) -> list[TransferStep]:
    return [
        Part(leg_id=transfer.third, other=transfer.headset),
        Join(leg_id=transfer.patient, other=transfer.headset),
        TransferOver(ending=TransferEnding.BACK, reason=reason),
        HangUpThird(leg_id=transfer.third),
    ]
