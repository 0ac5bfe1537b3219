"""`suifang verify`: opens every recording, reads the ledger and the audit log, and says in words what was changed."""

from typing import TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.audit_proof import verify_audit
from recordings.opening import open_vault
from recordings.signing import SIGNING_FILE, signing_key
from recordings.verify import verify, verify_ledger
from runtime.settings import Settings


def run(settings: Settings, database_url: str, *, out: TextIO) -> int:
    """Print a sentence for each fault and a sum; the exit status is 1 when there is a fault."""
    engine = make_engine(database_url)
    whole = faulty = 0
    try:
        units = UnitsOfWork(engine)
        for checked in verify(units, open_vault(settings, units)):
            if checked.fault is None:
                whole += 1
            else:
                faulty += 1
                print(checked.in_words(), file=out)
        print(f"{whole} recordings are whole, {faulty} are not", file=out)
        ledger = 0
        for fault in verify_ledger(units, public_keys(settings)):
            ledger += 1
            print(fault, file=out)
        with units() as uow:
            head = uow.vault.head()
    finally:
        engine.dispose()
    print(f"the ledger has {head.position if head else 0} lines and {ledger} faults", file=out)
    return 1 if faulty or ledger else 0


def run_audit(settings: Settings, database_url: str, *, out: TextIO) -> int:
    """Print a sentence for each fault of the audit log's chain and a sum; the exit status is 1 when there is one."""
    engine = make_engine(database_url)
    faults = 0
    try:
        units = UnitsOfWork(engine)
        for fault in verify_audit(units, public_keys(settings)):
            faults += 1
            print(fault, file=out)
        with units() as uow:
            state = uow.audit_chain.state()
    finally:
        engine.dispose()
    links = state.head.place if state.head else 0
    print(f"the audit log has {links} sealed rows, {state.unsealed} to be sealed and {faults} faults", file=out)
    return 1 if faults else 0


def public_keys(settings: Settings) -> dict[str, Ed25519PublicKey]:
    """The keys whose signatures count here, by fingerprint."""
    path = settings.vault_key_path.with_name(SIGNING_FILE)
    if not path.exists():  # nothing was signed here yet; a check makes no key
        return {}
    key = signing_key(path)
    return {key.fingerprint: key.private.public_key()}
