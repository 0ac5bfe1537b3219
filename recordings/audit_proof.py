"""Proof that the audit log is as it was written: its chain read anew, its heads signed with the ledger's key."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from db.unit_of_work import UnitOfWork
from db.vault import Anchor
from followup.audit_chain import Link, faults_in
from recordings.signing import SigningKey, is_signed

log = structlog.get_logger(__name__)

SIGNED_EVERY = timedelta(hours=1)
SEALED_WITHIN = timedelta(minutes=10)
"""A row that is older and has no link was put in beside the sealing, or the scheduler stands still."""
_PAGE = 1000
_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of the chain that was checked: up to which place, and what is wrong in it."""

    checked_to: int
    links: int
    faults: tuple[str, ...]


def sign_audit_head(units_of_work: Callable[[], UnitOfWork], signing_key: Callable[[], SigningKey]) -> bool:
    """Sign the chain's last link, once an hour at most; True if it was signed now."""
    with units_of_work() as uow:
        if not uow.audit_chain.wants_signing(before=uow.now - SIGNED_EVERY):
            return False
        head = uow.audit_chain.head()
        if head is None:
            return False
        key = signing_key()
        uow.audit_chain.keep_anchor(
            Anchor(
                position=head.place,
                hash=head.hash,
                at=uow.now,
                key=key.fingerprint,
                signature=key.sign(audit_head_message(head.place, head.hash, uow.now)),
            )
        )
        uow.commit()
    log.info("audit_head_signed", place=head.place, key=key.fingerprint)
    return True


def audit_head_message(place: int, checksum: str, at: datetime) -> bytes:
    """What is signed of the chain's last link."""
    return f"suifang audit head\n{place}\n{checksum}\n{at.astimezone(UTC).isoformat()}\n".encode()


def verify_audit(units_of_work: Callable[[], UnitOfWork], keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    """A sentence for each fault of the whole chain. `keys` are the public keys that may have signed, by fingerprint."""
    after = 0
    while True:
        with units_of_work() as uow:
            checked = check_slice(uow, after=after, limit=_PAGE, keys=keys)
        yield from checked.faults
        if checked.links == 0:
            break
        after = checked.checked_to
    with units_of_work() as uow:
        yield from unsealed_faults(uow)


def check_slice(uow: UnitOfWork, *, after: int, limit: int, keys: Mapping[str, Ed25519PublicKey]) -> Slice:
    """Check links behind a place; behind the last link, also that no signed head lies further on."""
    before = uow.audit_chain.link(after) if after else None
    pairs = uow.audit_chain.pairs(after=after, limit=limit)
    faults = list(faults_in(pairs, before))
    links = {link.place: link for link, _ in pairs}
    last = pairs[-1][0].place if pairs else after
    ended = len(pairs) < limit
    for anchor in uow.audit_chain.anchors(after=after):
        if anchor.position in links:
            faults.extend(_anchor_faults(anchor, links[anchor.position], keys))
        elif anchor.position < last or ended:
            faults.append(
                f"the head that was signed at audit link {anchor.position} on {anchor.at:%Y-%m-%d} is missing from "
                "the chain: the log was cut off"
            )
    return Slice(checked_to=last, links=len(pairs), faults=tuple(dict.fromkeys(faults)))


def unsealed_faults(uow: UnitOfWork) -> Iterator[str]:
    """A sentence about rows that should have been sealed long ago."""
    stray = uow.audit_chain.never_sealed(before=uow.now - SEALED_WITHIN, limit=_LISTED + 1)
    if stray:
        more = " and more" if len(stray) > _LISTED else ""
        numbers = ", ".join(str(position) for position in stray[:_LISTED])
        yield (
            f"audit rows {numbers}{more} were never sealed: see that the scheduler runs; if it does, they were put in "
            "with an earlier time than they were written"
        )


def _anchor_faults(anchor: Anchor, link: Link, keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    if anchor.hash != link.hash:
        yield f"audit link {link.place}: it is another link than the one whose checksum was signed"
    if anchor.key not in keys:
        yield (
            f"audit link {link.place}: its head was signed with the key {anchor.key[:16]}…, which is not at hand: "
            "bring its file back from the backup of keys"
        )
    elif not is_signed(audit_head_message(anchor.position, anchor.hash, anchor.at), anchor.signature, keys[anchor.key]):
        yield f"audit link {link.place}: the signature of its head does not belong to it"
